/* Sets that others have a part in: nested ones, one that a forked child goes on with, one that was passed, one with two waiting threads. */
#include "call.h"

#include <pthread.h>
#include <sys/wait.h>

static int new_set(int fd, unsigned mask)
{
    int set = epoll_create1(0);
    struct epoll_event event = { .events = mask, .data.u64 = 7 };
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll");
    return set;
}

static void tell_set(int set, int milliseconds, const char *what)
{
    struct epoll_event event = { 0 };
    int count = epoll_wait(set, &event, 1, milliseconds);
    tell(count, what);
    if (count == 1) {
        printf("%s: data %d", what, (int)event.data.u64);
        print_events(event.events);
    }
}

static void put(int fd)
{
    if (write(fd, "x", 1) != 1)
        err(1, "write");
}

/* What has come, and what comes, is told through a set that becomes a member. */
static void nested(void)
{
    int first[2], second[2];
    new_pair(first);
    new_pair(second);
    int inner = new_set(first[1], EPOLLIN);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 8 };
    if (epoll_ctl(inner, EPOLL_CTL_ADD, second[1], &event) < 0)
        err(1, "epoll_ctl");
    tell_set(inner, 0, "alone, quiet");
    put(first[0]);
    tell_set(inner, 1000, "alone, text");
    int outer = new_set(inner, EPOLLIN);
    tell_set(outer, 1000, "nested, text");
    char byte;
    tell(read(first[1], &byte, 1), "nested: read()");
    tell_set(inner, 0, "nested, read");
    put(second[0]);
    tell_set(outer, 1000, "nested, an edge");
    tell_set(inner, 0, "nested, an edge");
    tell_set(inner, 0, "nested, the same edge");
    put(second[0]);
    tell_set(inner, 1000, "nested, another edge");
    struct pollfd entry = { .fd = inner, .events = POLLIN };
    tell(poll(&entry, 1, 0), "nested: poll()");
    for (int i = 0; i < 2; i++) {
        close(first[i]);
        close(second[i]);
    }
    close(outer);
    close(inner);
}

static void finish(pid_t child, const char *what)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        err(1, "waitpid");
    tell(status, what);
}

/* A child waits in its parent's set, and adds to it; the parent, which sleeps in it, is told. */
static void inherited(void)
{
    int ends[2], others[2];
    new_pair(ends);
    new_pair(others);
    int set = new_set(ends[1], EPOLLIN);
    tell_set(set, 0, "before fork()");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        tell_set(set, 5000, "child");
        char byte;
        tell(read(ends[1], &byte, 1), "child: read()");
        struct epoll_event event = { .events = EPOLLIN, .data.u64 = 9 };
        tell(epoll_ctl(set, EPOLL_CTL_ADD, others[1], &event), "child: epoll_ctl()");
        fflush(stdout);
        usleep(50000);
        put(others[0]);
        _exit(0);
    }
    usleep(50000);
    put(ends[0]);
    usleep(50000);
    tell_set(set, 5000, "parent");
    finish(child, "child");
    char byte;
    tell(read(others[1], &byte, 1), "parent: read()");
    tell_set(set, 0, "parent, read");
    put(ends[0]);
    tell_set(set, 5000, "parent, more text");
    close(set);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(others[i]);
    }
}

static void send_descriptor(int through, int fd)
{
    char byte = 0, space[CMSG_SPACE(sizeof fd)] = { 0 };
    struct iovec text = { &byte, 1 };
    struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd) };
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(through, &message, 0) != 1)
        err(1, "sendmsg");
}

static int receive_descriptor(int through)
{
    int fd = -1;
    char byte, space[CMSG_SPACE(sizeof fd)];
    struct iovec text = { &byte, 1 };
    struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
    if (recvmsg(through, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

/* The other process was there before the set. */
static void passed(void)
{
    int through[2], ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, through) < 0)
        err(1, "socketpair");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int set = receive_descriptor(through[1]);
        tell_set(set, 5000, "passed");
        fflush(stdout);
        _exit(0);
    }
    new_pair(ends);
    int set = new_set(ends[1], EPOLLIN);
    put(ends[0]);
    tell_set(set, 1000, "to be passed");
    fflush(stdout);
    send_descriptor(through[0], set);
    finish(child, "passed");
    tell_set(set, 0, "was passed");
    close(set);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(through[i]);
    }
}

static void *wait_once(void *set)
{
    struct epoll_event event;
    return (void *)(intptr_t)epoll_wait(*(int *)set, &event, 1, 5000);
}

/* Each connection is an edge, also while another waits to be accepted. */
static void nested_listener(void)
{
    int listener = new_listener(), outer = epoll_create1(0);
    struct sockaddr_in address = local_address(listener);
    int set = new_set(listener, EPOLLIN | EPOLLET);
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(outer, EPOLL_CTL_ADD, set, &event) < 0)
        err(1, "epoll_ctl");
    for (int i = 0; i < 3; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(client, (struct sockaddr *)&address, sizeof address) < 0)
            err(1, "connect");
        tell_set(set, 2000, "a connection");
        tell_set(set, 0, "  and no other");
        if (i == 1)
            close(accept_connection(listener));
    }
    close(outer);
    close(set);
    close(listener);
}

/* Two threads wait in one set: two sockets, or one that is added while they wait, wake both. */
static void two_threads(void)
{
    int first[2], second[2];
    new_pair(first);
    new_pair(second);
    int set = new_set(first[1], EPOLLIN | EPOLLET);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, wait_once, &set) != 0)
            errx(1, "pthread_create");
    usleep(50000);
    put(first[0]);
    put(second[0]);
    await(second[1], POLLIN);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 9 };
    if (epoll_ctl(set, EPOLL_CTL_ADD, second[1], &event) < 0)
        err(1, "epoll_ctl");
    for (int i = 0; i < 2; i++) {
        void *count;
        pthread_join(threads[i], &count);
        tell((long)(intptr_t)count, "a thread");
    }
    close(set);
    for (int i = 0; i < 2; i++) {
        close(first[i]);
        close(second[i]);
    }
}

int main(void)
{
    nested();
    nested_listener();
    inherited();
    passed();
    two_threads();
    return 0;
}
