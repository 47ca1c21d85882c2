/* An echo server in one thread, with select(). */
#include "example.h"

#include <sys/select.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    int listener = open_listener(argv[1], argv[2]);
    int highest = listener;
    fd_set open_set;
    FD_ZERO(&open_set);
    FD_SET(listener, &open_set);
    for (;;) {
        fd_set readable = open_set;
        if (select(highest + 1, &readable, NULL, NULL, NULL) < 0) {
            if (errno == EINTR)
                continue;
            err(1, "select");
        }
        for (int fd = 0; fd <= highest; fd++) {
            if (!FD_ISSET(fd, &readable))
                continue;
            if (fd == listener) {
                int connection = accept_connection(listener);
                if (connection >= FD_SETSIZE) {
                    close(connection);
                    continue;
                }
                FD_SET(connection, &open_set);
                highest = connection > highest ? connection : highest;
                continue;
            }
            char buffer[4096];
            ssize_t count = read(fd, buffer, sizeof buffer);
            if (count <= 0 || writen(fd, buffer, (size_t)count) < 0) {
                FD_CLR(fd, &open_set);
                close(fd);
            }
        }
    }
}
