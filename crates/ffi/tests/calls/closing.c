/*
 * What the peer sees once close() or shutdown() has returned. "closing" looks at once, "closing soon" for up to a second, and tells on
 * standard error how long it took.
 */
#include "call.h"

#include <stdbool.h>

#define TIMES 200

static bool is_soon;
static long waited[TIMES];

static long microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What recv() gives first that is not EAGAIN: at once, or within a second. */
static long first_result(int fd, long *took)
{
    long start = microseconds(), result;
    char buffer[8];
    do {
        result = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        *took = microseconds() - start;
    } while (is_soon && result < 0 && errno == EAGAIN && *took < 1000000);
    return result < 0 ? -errno : result;
}

static int by_size(const void *one, const void *other)
{
    long a = *(const long *)one, b = *(const long *)other;
    return (a > b) - (a < b);
}

static void tell_times(const char *what)
{
    qsort(waited, TIMES, sizeof *waited, by_size);
    if (is_soon)
        fprintf(stderr, "%s: median %ld us, longest %ld us\n", what, waited[TIMES / 2], waited[TIMES - 1]);
}

static void close_it(int fd)
{
    close(fd);
}

/* A socket with two descriptors is shown to the kernel by a token. */
static void close_both(int fd)
{
    int other = dup(fd);
    close(fd);
    close(other);
}

static void shut_it(int fd)
{
    shutdown(fd, SHUT_WR);
}

/* Unread bytes make it a reset. */
static void close_with_unread(int fd)
{
    await(fd, POLLIN);
    close(fd);
}

static void ends(const char *what, void (*end)(int), bool unread, long expected)
{
    long differing = 0;
    for (int i = 0; i < TIMES; i++) {
        int fds[2];
        new_pair(fds);
        if (unread && write(fds[0], "unread", 6) != 6)
            err(1, "write");
        end(fds[1]);
        long result = first_result(fds[0], &waited[i]);
        if (result != expected)
            differing = result ? result : 1;
        close(fds[0]);
        if (end == shut_it)
            close(fds[1]);
    }
    printf("%s: %s\n", what, differing ? strerrorname_np((int)-differing) : "seen");
    tell_times(what);
}

/* The port of a listener is free. */
static void frees_the_port(void)
{
    int refused = 0;
    struct sockaddr_in address = loopback(0);
    for (int i = 0; i < TIMES; i++) {
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1) < 0)
            refused++;
        address = local_address(listener);
        close(listener);
    }
    printf("the port is taken: %d times\n", refused);
}

int main(int count, char **arguments)
{
    is_soon = count > 1 && strcmp(arguments[1], "soon") == 0;
    ends("FIN of close()", close_it, false, 0);
    ends("FIN of the last close()", close_both, false, 0);
    ends("FIN of shutdown()", shut_it, false, 0);
    ends("RST of close() with unread bytes", close_with_unread, true, -ECONNRESET);
    frees_the_port();
    return 0;
}
