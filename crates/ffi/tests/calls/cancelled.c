/* Cancels threads that make, copy, poll, connect and close sockets, whatever they are amid; the others have working sockets all the time. */
#include "call.h"

#include <pthread.h>

enum { KINDS = 4, ROUNDS = 60 };

static struct sockaddr_in address;
static int listener, kept;

static void step(int kind)
{
    int fd = kind == 3 ? dup(kept) : socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "a socket");
    if (kind == 1) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        poll(&ready, 1, 1);
    }
    if (kind == 2 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        close(accept(listener, NULL, NULL));
    close(fd);
}

static void *work(void *kind)
{
    for (;;) {
        step(*(int *)kind);
        pthread_testcancel();
    }
    return NULL;
}

int main(void)
{
    int kinds[KINDS], ended[KINDS] = { 0 };
    listener = new_listener();
    address = local_address(listener);
    kept = socket(AF_INET, SOCK_STREAM, 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[KINDS];
        for (int kind = 0; kind < KINDS; kind++) {
            kinds[kind] = kind;
            if (pthread_create(&threads[kind], NULL, work, &kinds[kind]) != 0)
                errx(1, "a thread");
        }
        usleep((useconds_t)(round * 50));
        for (int kind = 0; kind < KINDS; kind++)
            pthread_cancel(threads[kind]);
        for (int kind = 0; kind < KINDS; kind++) {
            void *result;
            pthread_join(threads[kind], &result);
            ended[kind] += result == PTHREAD_CANCELED;
        }
        pass_a_byte();
    }
    static const char *const works[KINDS] = { "makes and closes", "polls", "connects and accepts", "copies" };
    for (int kind = 0; kind < KINDS; kind++)
        printf("a thread that %s sockets was cancelled: %d of %d times\n", works[kind], ended[kind], ROUNDS);
}
