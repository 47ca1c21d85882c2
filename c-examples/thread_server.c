/* An echo server with a thread for each connection. */
#include "example.h"

#include <pthread.h>

static void *serve(void *argument)
{
    int connection = (int)(intptr_t)argument;
    echo(connection);
    close(connection);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
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
