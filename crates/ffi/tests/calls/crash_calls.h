/* The calls of the crash matrix: what is done before each, the call itself, and what is done after it. */
#ifndef CRASH_CALLS_H
#define CRASH_CALLS_H

#include "crash.h"

#include <stdbool.h>
#include <sys/wait.h>

enum {
    /* Bytes that a near ring holds, and how many of them are taken. */
    NEAR = 512, HELD = 300,
    /* Bytes that are sent after the call, by a sibling, and by a child that the call makes. */
    AFTER = 500, FROM_SIBLING = 2000, FROM_CHILD = 100,
    /* Connections that wait to be accepted. */
    WAITING = 3,
};

static int fd = -1, others[2], set_of_fd = -1, post[2];
static struct sockaddr_in peer;
static size_t sent_before;
/* The first word that the call read, and the next that is to come. */
static unsigned first_word, next_word;
static pid_t child_of_call = -1;

struct words {
    /* Words that came, and words that are missing between them. */
    unsigned count, gaps;
    const char *why;
};

/* Words from now on to the end of the stream: numbers that count up. */
static struct words read_words(int from)
{
    static uint32_t words[4096];
    struct words result = { 0, first_word, NULL };
    size_t held = 0;
    ssize_t count;
    while ((count = recv(from, (char *)words + held, sizeof words - held, 0)) > 0) {
        held += (size_t)count;
        for (size_t i = 0; i < held / 4; i++, result.count++) {
            unsigned word = ntohl(words[i]);
            if (word < next_word)
                errx(1, "word %u comes where word %u is next", word, next_word);
            result.gaps += word - next_word;
            next_word = word + 1;
        }
        memmove(words, (char *)words + held / 4 * 4, held % 4);
        held %= 4;
    }
    result.why = end_name(count);
    return result;
}

static int in_queue(int request)
{
    int bytes = 0;
    if (ioctl(fd, (unsigned long)request, &bytes) < 0)
        err(1, "ioctl");
    return bytes;
}

/* --- before the call --- */

static void new_socket(void)
{
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "socket");
}

static void connected(void)
{
    new_socket();
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0)
        err(1, "connect");
}

static void put(size_t length)
{
    uint8_t bytes[4096];
    fill_written(VICTIM, sent_before, bytes, length);
    ssize_t count = send(fd, bytes, length, MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN)
        err(1, "send");
    sent_before += count < 0 ? 0 : (size_t)count;
}

/* Sends until the peer, which does not read, takes no more, and HELD bytes stay here. */
static void hold(void)
{
    enum { PIECE = 128 };
    int held = 0;
    while (held < PIECE || held != in_queue(SIOCOUTQ)) {
        if (held < PIECE)
            put(PIECE);
        /* The peer takes it, or it stays. */
        for (int looks = 0; looks < 20 && (held = in_queue(SIOCOUTQ)) > 0; looks++)
            usleep(100);
    }
    if (held < HELD)
        put((size_t)(HELD - held));
}

static void holding(void)
{
    connected();
    hold();
}

/* SendQ is full. */
static void full(void)
{
    connected();
    set(fd, SOL_SOCKET, SO_SNDBUF, 4096);
    hold();
    for (size_t before = 0; before != sent_before; usleep(2000)) {
        before = sent_before;
        put(512);
    }
}

static void corked(void)
{
    connected();
    set(fd, IPPROTO_TCP, TCP_CORK, 1);
    put(50);
}

static void small(void)
{
    connected();
    set(fd, SOL_SOCKET, SO_RCVBUF, 4096);
}

static void listening(void)
{
    fd = new_listener();
}

/* A child that has ended has had the socket. */
static void shared(void)
{
    connected();
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

static void in_set(void)
{
    set_of_fd = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    if (set_of_fd < 0 || epoll_ctl(set_of_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll");
}

static void connected_in_set(void)
{
    connected();
    in_set();
}

/* In a set that the kernel judges. */
static void connected_in_nested_set(void)
{
    connected_in_set();
    int inner = set_of_fd;
    set_of_fd = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    if (set_of_fd < 0 || epoll_ctl(set_of_fd, EPOLL_CTL_ADD, inner, &event) < 0)
        err(1, "epoll");
}

static void with_post(void)
{
    connected();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, post) < 0)
        err(1, "socketpair");
}

/* --- what is waited for at the last moment --- */

/* Text has come, and no more comes. */
static void text(void)
{
    int before = -1, now;
    while ((now = in_queue(FIONREAD)) == 0 || now != before) {
        before = now;
        usleep(3000);
    }
}

/* All connections wait. */
static void crowd(void)
{
    await(fd, POLLIN);
    usleep(20000);
}

/* --- the calls --- */

static long act_connect(void)
{
    return connect(fd, (struct sockaddr *)&peer, sizeof peer);
}

static long act_send(size_t length)
{
    uint8_t bytes[4096];
    fill_written(VICTIM, sent_before, bytes, length);
    return send(fd, bytes, length, 0);
}

static long send_near(void) { return act_send(100); }
static long send_to_the_brim(void) { return act_send(NEAR - HELD); }
static long send_beyond(void) { return act_send(1000); }
static long send_much(void) { return act_send(1500); }

/* What was read counts as the first words: some are missing only if another reads, too. */
static long act_recv(size_t length, int flags)
{
    static uint32_t words[2048];
    ssize_t count = recv(fd, words, length, flags);
    if (count >= 4)
        first_word = ntohl(words[0]);
    for (ssize_t i = 0; i < count / 4; i++)
        if (ntohl(words[i]) != first_word + (uint32_t)i)
            errx(1, "word %zd behind %u is wrong", i, first_word);
    next_word = count > 0 ? first_word + (unsigned)count / 4 : 0;
    return count;
}

static long recv_some(void) { return act_recv(64, 0); }
static long recv_much(void) { return act_recv(1024, 0); }
static long recv_most(void) { return act_recv(8192, 0); }
static long recv_whole(void) { return act_recv(400, MSG_WAITALL); }

static long set_sndbuf(void) { return set(fd, SOL_SOCKET, SO_SNDBUF, 65536); }
static long set_rcvbuf(void) { return set(fd, SOL_SOCKET, SO_RCVBUF, 65536); }
static long set_rcvlowat(void) { return set(fd, SOL_SOCKET, SO_RCVLOWAT, 200); }
static long set_nodelay(void) { return set(fd, IPPROTO_TCP, TCP_NODELAY, 1); }
static long clear_cork(void) { return set(fd, IPPROTO_TCP, TCP_CORK, 0); }
static long set_notsent_lowat(void) { return set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 100); }
static long set_quickack(void) { return set(fd, IPPROTO_TCP, TCP_QUICKACK, 1); }

static long set_linger(void)
{
    struct linger linger = { 1, 5 };
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static long act_fork(void)
{
    child_of_call = fork();
    if (child_of_call == 0) {
        size_t sent = send_written(fd, CHILD, 0, FROM_CHILD);
        if (sent != FROM_CHILD)
            warn("the child's send() after %zu bytes", sent);
        _exit(0);
    }
    return child_of_call < 0 ? -1 : 0;
}

static long act_accept(void) { return accept(fd, NULL, NULL); }
static long act_close(void) { return close(fd); }
static long act_shutdown(void) { return shutdown(fd, SHUT_WR); }
static long act_dup(void) { return dup(fd) < 0 ? -1 : 0; }

static long act_poll(void)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    return poll(&entry, 1, -1);
}

static long act_epoll(void)
{
    struct epoll_event event;
    return epoll_wait(set_of_fd, &event, 1, -1);
}

/* The socket goes into a message. */
static long act_pass(void)
{
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control = { { 0 } };
    struct iovec part = { .iov_base = "x", .iov_len = 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
    message.msg_controllen = sizeof control;
    control.header = (struct cmsghdr){ CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(post[0], &message, 0);
}

/* --- after the call --- */

/* Sends the client its byte back. */
static void serve(int client)
{
    char byte;
    if (recv(client, &byte, 1, 0) == 1)
        send(client, &byte, 1, MSG_NOSIGNAL);
    close(client);
}

/* Serves until nobody has come for a while, or WAITING are served: how many were. */
static int serve_all(int served)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    while (served < WAITING && poll(&entry, 1, 150) == 1) {
        int client = accept4(fd, NULL, NULL, 0);
        if (client < 0)
            break;
        serve(client);
        served++;
    }
    return served;
}

static void serve_rest(long client)
{
    if (client >= 0)
        serve((int)client);
    printf("finished %d\n", serve_all(client >= 0));
}

/* Whatever another process has begun: the socket is connected in the end. */
static void connect_at_last(void)
{
    while (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0 && errno != EISCONN)
        if (errno == EALREADY || errno == EINPROGRESS)
            await(fd, POLLOUT);
        else
            err(1, "connect");
}

static void no_more(long result)
{
    printf("finished %ld\n", result);
}

struct call {
    const char *name;
    void (*prepare)(void);
    void (*await)(void);
    long (*act)(void);
    void (*finish)(long result);
    bool sends;
};

static const struct call calls[] = {
    { "connect", new_socket, NULL, act_connect, NULL, false },
    { "send", connected, NULL, send_near, NULL, true },
    { "send-to-the-brim", holding, NULL, send_to_the_brim, NULL, true },
    { "send-beyond", holding, NULL, send_beyond, NULL, true },
    { "send-blocked", full, NULL, send_much, NULL, true },
    { "recv", connected, text, recv_some, NULL, false },
    { "recv-far", connected, text, recv_much, NULL, false },
    { "recv-window", small, text, recv_most, NULL, false },
    { "recv-whole", connected, text, recv_whole, NULL, false },
    { "recv-blocked", connected, NULL, recv_some, NULL, false },
    { "SO_SNDBUF", holding, NULL, set_sndbuf, NULL, false },
    { "SO_RCVBUF", connected, text, set_rcvbuf, NULL, false },
    { "SO_RCVLOWAT", connected, text, set_rcvlowat, NULL, false },
    { "TCP_NODELAY", holding, NULL, set_nodelay, NULL, false },
    { "TCP_CORK", corked, NULL, clear_cork, NULL, false },
    { "TCP_NOTSENT_LOWAT", holding, NULL, set_notsent_lowat, NULL, false },
    { "SO_LINGER", connected, NULL, set_linger, NULL, false },
    { "TCP_QUICKACK", connected, text, set_quickack, NULL, false },
    { "fork", connected, NULL, act_fork, NULL, false },
    { "accept", listening, crowd, act_accept, serve_rest, false },
    { "accept-blocked", listening, NULL, act_accept, serve_rest, false },
    { "close", holding, NULL, act_close, no_more, false },
    { "shutdown", holding, NULL, act_shutdown, NULL, false },
    { "poll", connected, NULL, act_poll, NULL, false },
    { "poll-token", shared, NULL, act_poll, NULL, false },
    { "epoll", connected_in_set, NULL, act_epoll, NULL, false },
    { "epoll-token", connected_in_nested_set, NULL, act_epoll, NULL, false },
    { "dup", connected, NULL, act_dup, NULL, false },
    { "pass", with_post, NULL, act_pass, NULL, false },
};

static const struct call *find_call(const char *name)
{
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(calls[i].name, name) == 0)
            return &calls[i];
    errx(2, "no call is called \"%s\"", name);
}

#endif
