/* SO_PEEK_OFF, buffer sizes by force, and what an accepted socket has from its listener. */
#include "call.h"

#include <pthread.h>

static void print_peek(int fd, size_t room, int flags, const char *label)
{
    char buffer[32];
    long count = tell(recv(fd, buffer, room, flags | MSG_DONTWAIT), "%s", label);
    if (count > 0)
        printf("  \"%.*s\"\n", (int)count, buffer);
    tell(get(fd, SOL_SOCKET, SO_PEEK_OFF), "  offset");
}

static void offsets(void)
{
    int ends[2];
    new_pair(ends);
    tell(set(ends[1], SOL_SOCKET, SO_PEEK_OFF, 0), "SO_PEEK_OFF");
    if (write(ends[0], "abcdefghij", 10) != 10)
        err(1, "write");
    await(ends[1], POLLIN);
    print_peek(ends[1], 3, MSG_PEEK, "peek");
    print_peek(ends[1], 3, MSG_PEEK, "peek further");
    print_peek(ends[1], 2, 0, "read");
    print_peek(ends[1], 32, MSG_PEEK, "peek at the rest");
    print_peek(ends[1], 32, MSG_PEEK, "peek past the end");
    tell(set(ends[1], SOL_SOCKET, SO_PEEK_OFF, 5), "SO_PEEK_OFF");
    print_peek(ends[1], 2, MSG_PEEK, "peek from 5");
    tell(set(ends[1], SOL_SOCKET, SO_PEEK_OFF, -1), "SO_PEEK_OFF off");
    print_peek(ends[1], 32, MSG_PEEK, "peek from the start");
    print_peek(ends[1], 32, 0, "read all");
    close(ends[0]);
    close(ends[1]);
}

/* The urgent byte is not peeked at with the others, from wherever the peek begins. */
static void offsets_and_urgent(void)
{
    int ends[2];
    new_pair(ends);
    tell(send(ends[0], "abcdeU", 6, MSG_OOB), "urgent: send");
    tell(send(ends[0], "fghij", 5, 0), "urgent: send more");
    await(ends[1], POLLPRI);
    usleep(50000);
    tell(set(ends[1], SOL_SOCKET, SO_PEEK_OFF, 2), "urgent: SO_PEEK_OFF");
    print_peek(ends[1], 32, MSG_PEEK, "urgent: peek before it");
    tell(set(ends[1], SOL_SOCKET, SO_PEEK_OFF, 6), "urgent: SO_PEEK_OFF");
    print_peek(ends[1], 32, MSG_PEEK, "urgent: peek behind it");
    tell(set(ends[1], SOL_SOCKET, SO_PEEK_OFF, -1), "urgent: SO_PEEK_OFF off");
    print_peek(ends[1], 32, 0, "urgent: read before it");
    print_peek(ends[1], 32, 0, "urgent: read behind it");
    close(ends[0]);
    close(ends[1]);
}

static void *send_later(void *fd)
{
    usleep(100000);
    if (send(*(int *)fd, "cX", 2, MSG_OOB) != 2)
        err(1, "send");
    return NULL;
}

/* A peek that waits for all ends at the urgent byte. */
static void waiting_and_urgent(void)
{
    char buffer[16];
    int ends[2];
    new_pair(ends);
    if (write(ends[0], "ab", 2) != 2)
        err(1, "write");
    await(ends[1], POLLIN);
    pthread_t thread;
    if (pthread_create(&thread, NULL, send_later, &ends[0]) != 0)
        err(1, "pthread_create");
    alarm(10);
    tell(recv(ends[1], buffer, 10, MSG_PEEK | MSG_WAITALL), "peek for all, up to the urgent byte");
    alarm(0);
    pthread_join(thread, NULL);
    close(ends[0]);
    close(ends[1]);
}

/* MSG_TRUNC throws away what there is, and ends with the stream. */
static void discarded(void)
{
    static char text[16384];
    int ends[2];
    new_pair(ends);
    if (write(ends[0], text, sizeof text) != sizeof text)
        err(1, "write");
    shutdown(ends[0], SHUT_WR);
    await(ends[1], POLLRDHUP);
    tell(recv(ends[1], NULL, 2 * sizeof text, MSG_TRUNC), "discard all");
    tell(recv(ends[1], NULL, 2 * sizeof text, MSG_TRUNC), "discard at the end");
    close(ends[0]);
    close(ends[1]);
}

/* Bytes are told although there is no place for what is told beside them. */
static void without_control(void)
{
    char bytes[8];
    struct iovec part = { .iov_base = bytes, .iov_len = sizeof bytes };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_controllen = 64 };
    int ends[2];
    new_pair(ends);
    tell(set(ends[1], IPPROTO_TCP, TCP_INQ, 1), "TCP_INQ");
    if (write(ends[0], "abc", 3) != 3)
        err(1, "write");
    await(ends[1], POLLIN);
    tell(recvmsg(ends[1], &message, MSG_DONTWAIT), "no place for control");
    tell((message.msg_flags & MSG_CTRUNC) != 0, "  MSG_CTRUNC");
    char control[64];
    if (write(ends[0], "de", 2) != 2)
        err(1, "write");
    await(ends[1], POLLIN);
    message.msg_control = control;
    message.msg_controllen = CMSG_LEN(sizeof(int));
    message.msg_flags = 0;
    tell(recvmsg(ends[1], &message, MSG_DONTWAIT), "a place without padding");
    tell((long)message.msg_controllen, "  length");
    tell((message.msg_flags & MSG_CTRUNC) != 0, "  MSG_CTRUNC");
    tell(setsockopt(ends[1], IPPROTO_TCP, TCP_CONGESTION, "reno", (socklen_t)-1), "length -1");
    close(ends[0]);
    close(ends[1]);
}

static void inherited(void)
{
    int listener = new_listener();
    struct sockaddr_in address = local_address(listener);
    struct timeval time = { .tv_sec = 7 };
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    set(listener, SOL_SOCKET, SO_RCVLOWAT, 9);
    set(listener, IPPROTO_IP, IP_RECVTTL, 1);
    set(listener, IPPROTO_TCP, TCP_INQ, 1);
    set(listener, SOL_SOCKET, SO_RXQ_OVFL, 1);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    int fd = accept_connection(listener);
    socklen_t length = sizeof time;
    memset(&time, 0, sizeof time);
    getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length);
    tell(time.tv_sec, "accepted: SO_RCVTIMEO");
    tell(get(fd, SOL_SOCKET, SO_RCVLOWAT), "accepted: SO_RCVLOWAT");
    tell(get(fd, IPPROTO_IP, IP_RECVTTL), "accepted: IP_RECVTTL");
    tell(get(fd, IPPROTO_TCP, TCP_INQ), "accepted: TCP_INQ");
    tell(get(fd, SOL_SOCKET, SO_RXQ_OVFL), "accepted: SO_RXQ_OVFL");
    struct sockaddr_in peer;
    length = sizeof peer;
    tell(getsockopt(client, SOL_SOCKET, SO_PEERNAME, &peer, &length), "SO_PEERNAME");
    tell(peer.sin_port == address.sin_port && length == sizeof peer, "  is the listener");
    close(fd);
    close(client);
    close(listener);
}

int main(void)
{
    offsets();
    offsets_and_urgent();
    waiting_and_urgent();
    discarded();
    without_control();
    inherited();
    return 0;
}
