/* Receives from journal clients, checks every byte, and prints for each what came and how the stream ended. */
#include "example.h"

#include <pthread.h>

static void report(uint64_t client, uint64_t total, const char *end)
{
    flockfile(stdout);
    printf("client %llu: %llu bytes, %s\n", (unsigned long long)client, (unsigned long long)total, end);
    fflush(stdout);
    funlockfile(stdout);
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    uint64_t client = 0;
    uint64_t total = 0;
    ssize_t count = readn(fd, &client, sizeof client);
    if (count != sizeof client) {
        report(UINT64_MAX, 0, count < 0 ? strerror(errno) : "end of file in the number");
        close(fd);
        return NULL;
    }
    const char *end = NULL;
    while (end == NULL) {
        uint8_t buffer[16384];
        count = read(fd, buffer, sizeof buffer);
        if (count > 0) {
            size_t good = match_pattern(client, total, buffer, (size_t)count);
            total += good;
            if (good != (size_t)count)
                end = "corrupt";
        } else if (count == 0) {
            end = "end of file";
        } else if (errno != EINTR) {
            end = strerror(errno);
        }
    }
    report(client, total, end);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    int listener = open_listener(argv[1], argv[2]);
    for (;;) {
        int connection = accept_connection(listener);
        pthread_t thread;
        int failure = pthread_create(&thread, NULL, serve, (void *)(intptr_t)connection);
        if (failure != 0)
            errx(1, "pthread_create: %s", strerror(failure));
        pthread_detach(thread);
    }
}
