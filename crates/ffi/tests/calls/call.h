/* What the programs here share: a pair of connected sockets, and lines that tell what calls gave. */
#ifndef CALL_H
#define CALL_H

#include "example.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>

#include <linux/sockios.h>

/* Prints a label, and what a call gave: its value, or its error. */
static inline long tell(long result, const char *format, ...)
{
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    if (result < 0)
        printf(": %s\n", strerrorname_np(error));
    else
        printf(": %ld\n", result);
    fflush(stdout);
    errno = error;
    return result;
}

static inline struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline struct sockaddr_in local_address(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        err(1, "getsockname");
    return address;
}

/* A listener on a port of the system's choice. */
static inline int new_listener(void)
{
    struct sockaddr_in any = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 16) < 0)
        err(1, "listener");
    return fd;
}

/* Two ends of a connection: ends[0] has connected, ends[1] was accepted. */
static inline void new_pair(int ends[2])
{
    int listener = new_listener();
    struct sockaddr_in address = local_address(listener);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    ends[1] = accept_connection(listener);
    close(listener);
}

static inline void set_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        err(1, "fcntl");
}

/* The limit of descriptors. */
static inline void set_limit(rlim_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        err(1, "getrlimit");
    limit.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        err(1, "setrlimit");
}

/* The lowest number that is free. */
static inline int lowest(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

/* Sets an option to a number. */
static inline int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

/* An option that is a number; the error as a negative one. */
static inline int get(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) < 0 ? -1 : value;
}

static inline void print_events(unsigned events)
{
    static const struct { unsigned bit; const char *name; } names[] = {
        { POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" }, { POLLERR, "ERR" }, { POLLHUP, "HUP" },
        { POLLRDHUP, "RDHUP" },
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (events & names[i].bit)
            printf(" %s", names[i].name);
    printf("\n");
    fflush(stdout);
}

/* What poll() and select() say of a socket, each within a time. */
static inline void tell_polled(int fd, int milliseconds, const char *label)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP };
    if (poll(&entry, 1, milliseconds) < 0)
        err(1, "poll");
    printf("%s: poll", label);
    print_events((unsigned)entry.revents);
    fd_set in, out, except;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&except);
    FD_SET(fd, &in);
    FD_SET(fd, &out);
    FD_SET(fd, &except);
    struct timeval time = { .tv_usec = milliseconds * 1000 };
    if (select(fd + 1, &in, &out, &except, &time) < 0)
        err(1, "select");
    printf("%s: select%s%s%s\n", label, FD_ISSET(fd, &in) ? " in" : "", FD_ISSET(fd, &out) ? " out" : "",
           FD_ISSET(fd, &except) ? " except" : "");
}

/* What a level-triggered epoll set says to one who asks for these events. */
static inline void tell_watched(int fd, unsigned asked, int milliseconds, const char *label)
{
    int set = epoll_create1(0);
    struct epoll_event event = { .events = asked };
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll");
    event.events = 0;
    if (epoll_wait(set, &event, 1, milliseconds) < 0)
        err(1, "epoll_wait");
    printf("%s: epoll", label);
    print_events(event.events);
    close(set);
}

/* What all three say. */
static inline void tell_ready(int fd, int milliseconds, const char *label)
{
    tell_polled(fd, milliseconds, label);
    tell_watched(fd, EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP, milliseconds, label);
}

/* Waits until poll() says one of these events, for as long as a busy machine may need. */
static inline void await(int fd, short events)
{
    struct pollfd entry = { .fd = fd, .events = events };
    if (poll(&entry, 1, 20000) < 1)
        errx(1, "nothing happens");
}

/* A byte goes from one end of a new connection to the other. */
static inline void pass_a_byte(void)
{
    int ends[2];
    char byte = 'a';
    new_pair(ends);
    if (send(ends[0], &byte, 1, 0) != 1 || recv(ends[1], &byte, 1, 0) != 1)
        err(1, "a byte");
    close(ends[0]);
    close(ends[1]);
}

#endif
