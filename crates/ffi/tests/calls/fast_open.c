/* MSG_FASTOPEN and TCP_FASTOPEN_CONNECT: what the calls give without a cookie and with one. */
#include "call.h"

static int listener;
static struct sockaddr_in address;

/* Accepts, and tells what came. */
static void serve(const char *label)
{
    char buffer[65536];
    int fd = accept_connection(listener);
    ssize_t count = readn(fd, buffer, sizeof buffer);
    tell(count, "%s: served", label);
    close(fd);
}

static void finish(int fd, const char *label)
{
    await(fd, POLLOUT);
    tell(connect(fd, (struct sockaddr *)&address, sizeof address), "%s: connect() afterwards", label);
    tell(connect(fd, (struct sockaddr *)&address, sizeof address), "%s: and again", label);
    close(fd);
    serve(label);
}

static int client(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (fd < 0)
        err(1, "socket");
    return fd;
}

static void send_with_syn(const char *label)
{
    int fd = client(SOCK_NONBLOCK);
    long sent = sendto(fd, "hello", 5, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address);
    tell(sent, "%s: sendto()", label);
    finish(fd, label);
}

static void send_message(const char *label)
{
    int fd = client(SOCK_NONBLOCK);
    struct iovec parts[] = { { .iov_base = "abc", .iov_len = 3 }, { .iov_base = "defg", .iov_len = 4 } };
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = parts, .msg_iovlen = 2,
    };
    tell(sendmsg(fd, &message, MSG_FASTOPEN), "%s: sendmsg()", label);
    finish(fd, label);
}

/* Much text, by a call that waits: the SYN carries a part. */
static void send_much(const char *label)
{
    static char text[40000];
    int fd = client(0);
    tell(sendto(fd, text, sizeof text, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address), "%s: sendto()",
         label);
    tell(connect(fd, (struct sockaddr *)&address, sizeof address), "%s: connect() afterwards", label);
    tell(send(fd, "x", 1, MSG_FASTOPEN), "%s: send() with the flag, connected", label);
    tell(send(fd, "x", 1, 0), "%s: send() without it", label);
    close(fd);
    serve(label);
}

/* Nobody answers: what the SYN took is told, and goes on its way. */
static void send_in_vain(const char *label)
{
    struct timeval time = { .tv_usec = 200000 };
    struct sockaddr_in busy;
    char buffer[16];
    int full = new_listener(), first = client(0), fd = client(0);
    busy = local_address(full);
    listen(full, 0);
    if (connect(first, (struct sockaddr *)&busy, sizeof busy) < 0)
        err(1, "connect");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    tell(sendto(fd, "hello", 5, MSG_FASTOPEN, (struct sockaddr *)&busy, sizeof busy), "%s: sendto()", label);
    close(accept_connection(full));
    int accepted = accept_connection(full);
    shutdown(fd, SHUT_WR);
    tell(readn(accepted, buffer, sizeof buffer), "%s: served", label);
    close(accepted);
    close(first);
    close(fd);
    close(full);
}

static void connect_then_send(const char *label)
{
    int fd = client(SOCK_NONBLOCK);
    tell(set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), "%s: set", label);
    tell(connect(fd, (struct sockaddr *)&address, sizeof address), "%s: connect()", label);
    tell(connect(fd, (struct sockaddr *)&address, sizeof address), "%s: connect() again", label);
    await(fd, POLLOUT);
    tell(write(fd, "hello", 5), "%s: write()", label);
    finish(fd, label);
}

static void misuse(void)
{
    struct sockaddr unspecified = { .sa_family = AF_UNSPEC };
    int fd = client(SOCK_NONBLOCK);
    tell(send(fd, "x", 1, MSG_FASTOPEN), "without an address");
    tell(sendto(fd, "x", 1, MSG_FASTOPEN, &unspecified, sizeof unspecified), "to AF_UNSPEC");
    tell(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, 3), "to a short address");
    tell(sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, NULL, sizeof address), "to NULL");
    close(fd);
}

int main(void)
{
    listener = new_listener();
    address = local_address(listener);
    tell(set(listener, IPPROTO_TCP, TCP_FASTOPEN, 16), "TCP_FASTOPEN");
    misuse();
    send_with_syn("no cookie");
    send_with_syn("cookie");
    send_message("message");
    send_much("much");
    send_in_vain("in vain");
    connect_then_send("connect");
    return 0;
}
