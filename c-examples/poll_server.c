/* An echo server in one thread, with poll(). */
#include "example.h"

#include <poll.h>

enum { MOST = 4096 };

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    static struct pollfd fds[MOST];
    nfds_t count = 1;
    fds[0].fd = open_listener(argv[1], argv[2]);
    fds[0].events = POLLIN;
    for (;;) {
        if (poll(fds, count, -1) < 0) {
            if (errno == EINTR)
                continue;
            err(1, "poll");
        }
        /* Downwards, so that the last entry can fill the place of one that goes. */
        for (nfds_t i = count - 1; i > 0; i--) {
            if (fds[i].revents == 0)
                continue;
            char buffer[4096];
            ssize_t length = read(fds[i].fd, buffer, sizeof buffer);
            if (length <= 0 || writen(fds[i].fd, buffer, (size_t)length) < 0) {
                close(fds[i].fd);
                fds[i] = fds[--count];
            }
        }
        if (fds[0].revents != 0) {
            int connection = accept_connection(fds[0].fd);
            if (count == MOST) {
                close(connection);
                continue;
            }
            fds[count].fd = connection;
            fds[count].events = POLLIN;
            fds[count].revents = 0;
            count++;
        }
    }
}
