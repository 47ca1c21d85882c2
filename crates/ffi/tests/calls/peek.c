/* SO_PEEK_OFF, buffer sizes by force, and what an accepted socket has from its listener. */
#include "call.h"

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
    inherited();
    return 0;
}
