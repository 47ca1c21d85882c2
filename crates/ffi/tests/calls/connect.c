/* What connect() gives again and again, and how readiness and SO_ERROR tell the end of an open. */
#include "call.h"

static struct sockaddr_in address;

static long again(int fd, const char *label)
{
    return tell(connect(fd, (struct sockaddr *)&address, sizeof address), "%s: connect()", label);
}

static int client(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (fd < 0)
        err(1, "socket");
    return fd;
}

static void taken(int listener)
{
    int fd = client(SOCK_NONBLOCK);
    address = local_address(listener);
    again(fd, "taken");
    await(fd, POLLOUT);
    tell(get(fd, SOL_SOCKET, SO_ERROR), "taken: SO_ERROR");
    again(fd, "taken, told");
    again(fd, "taken, and told again");
    tell(listen(fd, 1), "taken: listen()");
    close(fd);
    close(accept_connection(listener));
}

static void taken_by_waiting(int listener)
{
    int fd = client(0);
    again(fd, "waiting");
    again(fd, "waiting, connected");
    int peer = accept_connection(listener);
    tell(connect(peer, (struct sockaddr *)&address, sizeof address), "accepted: connect()");
    tell(connect(listener, (struct sockaddr *)&address, sizeof address), "listener: connect()");
    close(peer);
    close(fd);
}

/* A port that nobody listens on. */
static void refused(int port_of)
{
    address = local_address(port_of);
    close(port_of);
    int fd = client(SOCK_NONBLOCK);
    again(fd, "refused");
    await(fd, POLLHUP);
    tell_ready(fd, 0, "refused");
    again(fd, "refused, told");
    /* Not epoll: Sockeye's token shows a reset for good. */
    tell_polled(fd, 0, "refused, told");
    again(fd, "refused, anew");
    await(fd, POLLHUP);
    tell(get(fd, SOL_SOCKET, SO_ERROR), "refused: SO_ERROR");
    tell(get(fd, SOL_SOCKET, SO_ERROR), "refused: SO_ERROR again");
    again(fd, "refused, SO_ERROR read");
    char byte = 0;
    tell(recv(fd, &byte, 1, 0), "refused: recv()");
    tell(send(fd, &byte, 1, MSG_NOSIGNAL), "refused: send()");
    close(fd);
    fd = client(0);
    again(fd, "refused, waiting");
    again(fd, "refused, waiting again");
    tell(get(fd, SOL_SOCKET, SO_ERROR), "refused, waiting: SO_ERROR");
    close(fd);
}

int main(void)
{
    int listener = new_listener();
    taken(listener);
    taken_by_waiting(listener);
    refused(listener);
    return 0;
}
