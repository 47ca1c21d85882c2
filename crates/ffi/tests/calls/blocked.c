/* Blocks in one call, on a socket of its own, and tells what it gave: blocked WAY
 *
 * A way is a call, or "poll-timed" and "recv-timed", with a time that does not run out, "recv-child", in a forked child, or
 * "epoll-nested", in a set that the kernel judges. Exit status 0: the call gave an error, or says that the socket has one. */
#include "call.h"

#include <stdbool.h>
#include <sys/wait.h>

enum { LONG = 60 };

static int ends[2];

static void ready_to_block(void)
{
    printf("blocking\n");
    fflush(stdout);
}

static bool has_failed(long result, const char *call)
{
    return tell(result, "%s", call) < 0;
}

static bool in_recv(void)
{
    char byte;
    ready_to_block();
    return has_failed(recv(ends[0], &byte, 1, 0), "recv");
}

static bool in_send(void)
{
    static char bytes[65536];
    ready_to_block();
    ssize_t sent;
    while ((sent = send(ends[0], bytes, sizeof bytes, 0)) > 0)
        ;
    return has_failed(sent, "send");
}

static bool in_accept(void)
{
    int listener = new_listener();
    ready_to_block();
    return has_failed(accept(listener, NULL, NULL), "accept");
}

/* To a listener that has no room for it. */
static bool in_connect(void)
{
    int listener = new_listener();
    struct sockaddr_in address = local_address(listener);
    listen(listener, 0);
    for (int i = 0; i < 4; i++)
        connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (struct sockaddr *)&address, sizeof address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ready_to_block();
    return has_failed(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
}

static bool in_poll(int milliseconds)
{
    struct pollfd entry = { .fd = ends[0], .events = POLLIN };
    ready_to_block();
    tell(poll(&entry, 1, milliseconds), "poll");
    return entry.revents & POLLERR;
}

static bool in_select(void)
{
    char byte;
    fd_set in;
    FD_ZERO(&in);
    FD_SET(ends[0], &in);
    ready_to_block();
    tell(select(ends[0] + 1, &in, NULL, NULL, NULL), "select");
    return has_failed(recv(ends[0], &byte, 1, 0), "recv");
}

static bool in_epoll(unsigned flags, bool is_nested)
{
    int inner = epoll_create1(0), outer = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN | flags };
    epoll_ctl(inner, EPOLL_CTL_ADD, ends[0], &event);
    event.events = EPOLLIN;
    epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event);
    ready_to_block();
    tell(epoll_wait(is_nested ? outer : inner, &event, 1, -1), "epoll_wait");
    if (is_nested)
        tell(epoll_wait(inner, &event, 1, -1), "epoll_wait");
    return event.events & EPOLLERR;
}

static bool in_child(void)
{
    int status = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(in_recv() ? 0 : 1);
    waitpid(child, &status, 0);
    return status == 0;
}

static bool in_timed_recv(void)
{
    struct timeval time = { LONG, 0 };
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    return in_recv();
}

static bool block(const char *way)
{
    if (strcmp(way, "recv") == 0)
        return in_recv();
    if (strcmp(way, "recv-timed") == 0)
        return in_timed_recv();
    if (strcmp(way, "recv-child") == 0)
        return in_child();
    if (strcmp(way, "send") == 0)
        return in_send();
    if (strcmp(way, "accept") == 0)
        return in_accept();
    if (strcmp(way, "connect") == 0)
        return in_connect();
    if (strcmp(way, "poll") == 0)
        return in_poll(-1);
    if (strcmp(way, "poll-timed") == 0)
        return in_poll(LONG * 1000);
    if (strcmp(way, "select") == 0)
        return in_select();
    if (strcmp(way, "epoll") == 0)
        return in_epoll(0, false);
    if (strcmp(way, "epoll-edges") == 0)
        return in_epoll(EPOLLET, false);
    if (strcmp(way, "epoll-nested") == 0)
        return in_epoll(0, true);
    errx(2, "no way is called \"%s\"", way);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "blocked WAY");
    new_pair(ends);
    return block(argv[1]) ? 0 : 1;
}
