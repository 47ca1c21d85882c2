/* An echo server in one thread, with epoll: level-triggered, or edge-triggered with non-blocking sockets. */
#include "example.h"

#include <sys/epoll.h>

/* Reads and writes until nothing more can be read at once: 0, or -1 when the connection is over. */
static int echo_until_empty(int fd)
{
    for (;;) {
        char buffer[4096];
        ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return -1;
        for (ssize_t done = 0; done < count;) {
            ssize_t written = write(fd, buffer + done, (size_t)(count - done));
            if (written >= 0)
                done += written;
            else if (errno != EAGAIN && errno != EINTR)
                return -1;
        }
    }
}

static int echo_once(int fd)
{
    char buffer[4096];
    ssize_t count = read(fd, buffer, sizeof buffer);
    return count > 0 && writen(fd, buffer, (size_t)count) == 0 ? 0 : -1;
}

static void add(int set, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll_ctl");
}

static void accept_all(int set, int listener)
{
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                return;
            if (errno != EINTR && errno != ECONNABORTED)
                err(1, "accept4");
            continue;
        }
        add(set, connection, EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
}

int main(int argc, char **argv)
{
    int is_edge = argc == 4 && strcmp(argv[3], "edge") == 0;
    if (argc != 4 || (!is_edge && strcmp(argv[3], "level") != 0)) {
        fprintf(stderr, "usage: %s ADDRESS PORT level|edge\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        err(1, "epoll_create1");
    int listener = open_listener(argv[1], argv[2]);
    if (is_edge && fcntl(listener, F_SETFL, O_NONBLOCK) < 0)
        err(1, "fcntl");
    add(set, listener, is_edge ? EPOLLIN | EPOLLET : EPOLLIN);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(set, events, 64, -1);
        if (count < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener && is_edge)
                accept_all(set, listener);
            else if (fd == listener)
                add(set, accept_connection(listener), EPOLLIN);
            else if ((is_edge ? echo_until_empty(fd) : echo_once(fd)) < 0)
                close(fd);
        }
    }
}
