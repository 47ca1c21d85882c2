/* The other end of a victim's connection: crash_peer RCVBUF
 *
 * It accepts one connection and then does what each line of its input says. Whoever connects later is greeted with a byte. */
#include "crash.h"

#include <pthread.h>

static int listener, connection;

/* All that comes, until it ends: bytes of each writer, in order. */
static void *drain(void *unused)
{
    static uint8_t bytes[65536];
    uint64_t places[WRITERS] = { 0 };
    ssize_t count;
    while ((count = recv(connection, bytes, sizeof bytes, 0)) > 0)
        for (ssize_t i = 0; i < count; i++) {
            int writer = bytes[i] >> 6;
            if (writer >= WRITERS || bytes[i] != written_byte(writer, places[writer]++))
                errx(1, "a byte of writer %d is wrong, behind %llu, %llu and %llu bytes of all", writer,
                     (unsigned long long)places[VICTIM], (unsigned long long)places[SIBLING], (unsigned long long)places[CHILD]);
        }
    printf("end %llu %llu %llu %s\n", (unsigned long long)places[VICTIM], (unsigned long long)places[SIBLING],
           (unsigned long long)places[CHILD], end_name(count));
    fflush(stdout);
    return unused;
}

static void *greet_others(void *unused)
{
    int other;
    while ((other = accept(listener, NULL, NULL)) >= 0) {
        /* It may be dead. */
        send(other, "!", 1, MSG_NOSIGNAL);
        close(other);
    }
    return unused;
}

/* The next words of a stream of numbers that count up. */
static void send_words(unsigned count)
{
    enum { MOST = 4096 };
    static uint32_t words[MOST], next;
    for (unsigned i = 0; i < count && i < MOST; i++)
        words[i] = htonl(next++);
    /* The other end may be dead. */
    send(connection, words, count * sizeof *words, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "crash_peer RCVBUF");
    struct sockaddr_in any = loopback(0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    int buffer = atoi(argv[1]);
    if (listener < 0 || (buffer > 0 && set(listener, SOL_SOCKET, SO_RCVBUF, buffer) < 0) ||
        bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 16) < 0)
        err(1, "listener");
    printf("listening on port %d\n", ntohs(local_address(listener).sin_port));
    fflush(stdout);
    connection = accept_connection(listener);
    printf("accepted\n");
    fflush(stdout);
    pthread_t thread;
    pthread_create(&thread, NULL, greet_others, NULL);
    char line[64];
    unsigned count;
    while (fgets(line, sizeof line, stdin) != NULL)
        if (strcmp(line, "drain\n") == 0)
            pthread_create(&thread, NULL, drain, NULL);
        else if (strcmp(line, "fin\n") == 0)
            shutdown(connection, SHUT_WR);
        else if (sscanf(line, "words %u", &count) == 1)
            send_words(count);
        else
            errx(2, "not a command: %s", line);
    return 0;
}
