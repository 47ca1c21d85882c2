/* An echo server with a process for each connection. */
#include "example.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    /* Children that ended need nobody to wait for them. */
    on_signal(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    int listener = open_listener(argv[1], argv[2]);
    for (;;) {
        int connection = accept_connection(listener);
        pid_t child = fork();
        if (child < 0)
            err(1, "fork");
        if (child == 0) {
            close(listener);
            echo(connection);
            close(connection);
            _exit(0);
        }
        close(connection);
    }
}
