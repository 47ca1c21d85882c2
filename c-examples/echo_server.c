/* An echo server that serves one connection after the other. */
#include "example.h"

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
        echo(connection);
        close(connection);
    }
}
