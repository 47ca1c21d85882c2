/* Runs a program for each connection, with the connection as its standard input and output, as inetd does. */
#include "example.h"

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s ADDRESS PORT PROGRAM [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    on_signal(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    int listener = open_listener(argv[1], argv[2]);
    for (;;) {
        int connection = accept_connection(listener);
        pid_t child = fork();
        if (child < 0)
            err(1, "fork");
        if (child == 0) {
            if (dup2(connection, STDIN_FILENO) < 0 || dup2(connection, STDOUT_FILENO) < 0)
                err(1, "dup2");
            close(connection);
            close(listener);
            execvp(argv[3], argv + 3);
            err(127, "%s", argv[3]);
        }
        close(connection);
    }
}
