/* An echo server whose one epoll set holds TCP sockets, a pipe, a timer and a UDP socket on the port of the TCP one.
 * Each tick of the timer writes a byte into the pipe. Prints a line when something of a kind happens for the first time. */
#include "example.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

enum kind { LISTENER, CONNECTION, PIPE, TIMER, DATAGRAM, KINDS };

static const char *const names[KINDS] = { "a connection came", "tcp data", "pipe", "timer", "udp data" };

static void add(int set, int fd, enum kind kind)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd };
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll_ctl");
}

static int open_timer(void)
{
    struct itimerspec every = { .it_interval.tv_nsec = 50000000, .it_value.tv_nsec = 50000000 };
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer < 0)
        err(1, "timerfd_create");
    if (timerfd_settime(timer, 0, &every, NULL) < 0)
        err(1, "timerfd_settime");
    return timer;
}

static int open_datagrams(const char *host, int listener)
{
    struct address local = { .length = sizeof local.storage };
    if (getsockname(listener, (struct sockaddr *)&local.storage, &local.length) < 0)
        err(1, "getsockname");
    struct address address = parse_address(host, "0");
    if (address.storage.ss_family == AF_INET)
        ((struct sockaddr_in *)&address.storage)->sin_port = ((struct sockaddr_in *)&local.storage)->sin_port;
    else
        ((struct sockaddr_in6 *)&address.storage)->sin6_port = ((struct sockaddr_in6 *)&local.storage)->sin6_port;
    int fd = socket(address.storage.ss_family, SOCK_DGRAM, 0);
    if (fd < 0)
        err(1, "socket for UDP");
    if (bind(fd, (struct sockaddr *)&address.storage, address.length) < 0)
        err(1, "bind for UDP");
    return fd;
}

static void echo_datagram(int fd)
{
    char buffer[2048];
    struct address from = { .length = sizeof from.storage };
    ssize_t count = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from.storage, &from.length);
    if (count >= 0 && sendto(fd, buffer, (size_t)count, 0, (struct sockaddr *)&from.storage, from.length) < 0)
        warn("sendto");
}

static void echo_stream(int fd)
{
    char buffer[4096];
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (count <= 0 || writen(fd, buffer, (size_t)count) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    int ends[2];
    if (pipe(ends) < 0)
        err(1, "pipe");
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        err(1, "epoll_create1");
    int listener = open_listener(argv[1], argv[2]);
    add(set, listener, LISTENER);
    add(set, ends[0], PIPE);
    add(set, open_timer(), TIMER);
    add(set, open_datagrams(argv[1], listener), DATAGRAM);
    int seen[KINDS] = { 0 };
    for (;;) {
        struct epoll_event events[16];
        int count = epoll_wait(set, events, 16, -1);
        if (count < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = (int)(uint32_t)events[i].data.u64;
            enum kind kind = (enum kind)(events[i].data.u64 >> 32);
            uint64_t ticks;
            char byte;
            switch (kind) {
            case LISTENER:
                add(set, accept_connection(listener), CONNECTION);
                break;
            case CONNECTION:
                echo_stream(fd);
                break;
            case PIPE:
                if (read(fd, &byte, 1) != 1)
                    err(1, "read from the pipe");
                break;
            case TIMER:
                if (read(fd, &ticks, sizeof ticks) != sizeof ticks || write(ends[1], "t", 1) != 1)
                    err(1, "timer or pipe");
                break;
            case DATAGRAM:
                echo_datagram(fd);
                break;
            case KINDS:
                break;
            }
            if (seen[kind]++ == 0) {
                printf("%s\n", names[kind]);
                fflush(stdout);
            }
        }
    }
}
