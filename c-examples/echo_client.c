/* Sends its standard input to an echo server and prints what comes back. */
#include "example.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT <INPUT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    int fd = open_connection(argv[1], argv[2]);
    char buffer[4096];
    ssize_t count;
    while ((count = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
        if (writen(fd, buffer, (size_t)count) < 0)
            err(1, "write");
        ssize_t back = readn(fd, buffer, (size_t)count);
        if (back < 0)
            err(1, "read");
        if (writen(STDOUT_FILENO, buffer, (size_t)back) < 0)
            err(1, "write to standard output");
        if (back < count)
            errx(1, "the server closed the connection");
    }
    if (count < 0)
        err(1, "read from standard input");
    if (shutdown(fd, SHUT_WR) < 0)
        err(1, "shutdown");
    if (readn(fd, buffer, 1) != 0)
        errx(1, "the stream does not end");
    close(fd);
    return 0;
}
