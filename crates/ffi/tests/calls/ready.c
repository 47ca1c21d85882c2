/* What poll(), select() and epoll say of a socket in each of its states. */
#include "call.h"

static void listening(void)
{
    int fd = new_listener();
    tell_ready(fd, 0, "listening");
    struct sockaddr_in address = local_address(fd);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    tell_ready(fd, 1000, "listening, to accept");
    close(client);
    close(fd);
}

/* Each end is shut in turn. */
static void shut_both(void)
{
    int ends[2];
    new_pair(ends);
    tell_ready(ends[0], 0, "connected");
    shutdown(ends[1], SHUT_WR);
    await(ends[0], POLLRDHUP);
    tell_ready(ends[0], 0, "peer has shut");
    tell_ready(ends[1], 0, "have shut");
    shutdown(ends[0], SHUT_WR);
    await(ends[1], POLLRDHUP);
    tell_ready(ends[0], 0, "shut after the peer");
    tell_ready(ends[1], 0, "shut before the peer");
    char byte;
    tell(read(ends[0], &byte, 1), "shut: read()");
    tell(send(ends[0], &byte, 1, MSG_NOSIGNAL), "shut: send()");
    close(ends[0]);
    close(ends[1]);
}

/* A set that watches all the time. */
static void watched(void)
{
    int ends[2];
    new_pair(ends);
    int set = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
    if (epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) < 0)
        err(1, "epoll_ctl");
    tell(epoll_wait(set, &event, 1, 1000), "watched");
    print_events(event.events);
    shutdown(ends[0], SHUT_WR);
    close(ends[1]);
    await(ends[0], POLLHUP);
    unsigned all = 0;
    while (epoll_wait(set, &event, 1, 100) > 0)
        all |= event.events;
    printf("watched to the end:");
    print_events(all);
    close(ends[0]);
}

static void shut_for_reading(void)
{
    int ends[2];
    new_pair(ends);
    shutdown(ends[0], SHUT_RD);
    tell_ready(ends[0], 0, "shut for reading");
    close(ends[0]);
    close(ends[1]);
}

static void unread_text(void)
{
    int ends[2];
    char buffer[8];
    new_pair(ends);
    if (write(ends[1], "text", 4) != 4)
        err(1, "write");
    shutdown(ends[1], SHUT_WR);
    shutdown(ends[0], SHUT_WR);
    await(ends[0], POLLRDHUP);
    await(ends[1], POLLRDHUP);
    tell(read(ends[0], buffer, sizeof buffer), "unread: read()");
    tell(read(ends[0], buffer, sizeof buffer), "unread: read() again");
    tell_ready(ends[0], 0, "unread, read");
    close(ends[0]);
    close(ends[1]);
}

static void reset(void)
{
    int ends[2];
    new_pair(ends);
    struct linger linger = { .l_onoff = 1 };
    setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(ends[1]);
    await(ends[0], POLLERR);
    tell_ready(ends[0], 0, "reset");
    char byte = 0;
    tell(read(ends[0], &byte, 1), "reset: read()");
    tell(read(ends[0], &byte, 1), "reset: read() again");
    tell(send(ends[0], &byte, 1, MSG_NOSIGNAL), "reset: send()");
    close(ends[0]);
}

int main(void)
{
    listening();
    shut_both();
    watched();
    shut_for_reading();
    unread_text();
    reset();
    return 0;
}
