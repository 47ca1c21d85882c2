/* Urgent data: MSG_OOB both ways, SO_OOBINLINE, sockatmark(), POLLPRI, and SIGURG. */
#include "call.h"

static volatile sig_atomic_t urged;

static void on_urg(int signal_number)
{
    (void)signal_number;
    urged++;
}

static void print_read(int fd, int flags, const char *label)
{
    char buffer[32];
    long count = tell(recv(fd, buffer, sizeof buffer, flags), "%s", label);
    if (count > 0)
        printf("  \"%.*s\"\n", (int)count, buffer);
}

static void await_signal(int count)
{
    for (int i = 0; urged < count && i < 2000; i++)
        usleep(10000);
    printf("signals: %d\n", (int)urged);
}

static void apart(void)
{
    int ends[2];
    new_pair(ends);
    print_read(ends[1], MSG_OOB | MSG_DONTWAIT, "nothing urgent");
    tell(sockatmark(ends[1]), "nothing urgent: at the mark");
    tell(send(ends[0], "abc", 3, MSG_OOB), "send");
    await(ends[1], POLLPRI);
    tell_ready(ends[1], 0, "urgent");
    tell(sockatmark(ends[1]), "before the mark");
    print_read(ends[1], MSG_OOB | MSG_PEEK, "peek at the urgent byte");
    print_read(ends[1], MSG_OOB, "the urgent byte");
    print_read(ends[1], MSG_OOB, "the urgent byte again");
    tell_ready(ends[1], 0, "taken");
    print_read(ends[1], 0, "text before");
    tell(sockatmark(ends[1]), "at the mark");
    tell_ready(ends[1], 0, "read");
    tell(send(ends[0], "def", 3, 0), "send more");
    await(ends[1], POLLIN);
    tell(sockatmark(ends[1]), "more has come: at the mark");
    print_read(ends[1], 0, "text behind");
    tell(sockatmark(ends[1]), "past the mark");
    tell(send(ends[0], "x", 1, MSG_OOB), "urgent again");
    await(ends[1], POLLPRI);
    tell_polled(ends[1], 0, "urgent alone");
    /* Sockeye's token is readable with the urgent byte. */
    tell_watched(ends[1], EPOLLPRI, 0, "urgent alone");
    tell(send(ends[0], "yz", 2, 0), "send more");
    await(ends[1], POLLIN);
    print_read(ends[1], 0, "text past an urgent byte that nobody took");
    tell_ready(ends[1], 0, "passed");
    print_read(ends[1], MSG_OOB | MSG_DONTWAIT, "the urgent byte is lost");
    close(ends[0]);
    close(ends[1]);
}

/* A look at nothing takes nothing away from what poll() and epoll say of the urgent byte. */
static void looked_at(void)
{
    int ends[2];
    new_pair(ends);
    tell(send(ends[0], "x", 1, MSG_OOB), "looked at: send");
    await(ends[1], POLLPRI);
    print_read(ends[1], MSG_PEEK | MSG_DONTWAIT, "looked at: peek");
    tell_polled(ends[1], 0, "looked at");
    tell_watched(ends[1], EPOLLPRI, 0, "looked at");
    print_read(ends[1], MSG_OOB, "looked at: the urgent byte");
    close(ends[0]);
    close(ends[1]);
}

/* Urgent data are announced long before the urgent byte comes. */
static void announced(void)
{
    static char text[100000];
    int listener = new_listener(), sender = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = local_address(listener);
    set(listener, SOL_SOCKET, SO_RCVBUF, 8192);
    set(sender, SOL_SOCKET, SO_SNDBUF, 1 << 20);
    if (connect(sender, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    int fd = accept_connection(listener);
    tell(send(sender, text, 20000, MSG_OOB), "announced: send");
    int set = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLPRI };
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll");
    long total = 0;
    while (!sockatmark(fd)) {
        await(fd, POLLIN);
        long count = recv(fd, text, 1000, MSG_DONTWAIT);
        if (count < 0)
            err(1, "recv");
        total += count;
        usleep(2000);
    }
    tell(total, "announced: text before");
    event.events = 0;
    tell(epoll_wait(set, &event, 1, 20000), "announced: epoll");
    print_events(event.events & EPOLLPRI);
    await(fd, POLLPRI);
    tell(recv(fd, text, 1, MSG_OOB), "announced: the urgent byte");
    tell(epoll_wait(set, &event, 1, 0), "announced: epoll afterwards");
    close(set);
    close(fd);
    close(sender);
    close(listener);
}

static void in_line(void)
{
    int ends[2];
    new_pair(ends);
    tell(set(ends[1], SOL_SOCKET, SO_OOBINLINE, 1), "SO_OOBINLINE");
    tell(send(ends[0], "abc", 3, MSG_OOB), "in line: send");
    tell(send(ends[0], "def", 3, 0), "in line: send more");
    await(ends[1], POLLPRI);
    usleep(50000);
    tell_ready(ends[1], 0, "in line: urgent");
    print_read(ends[1], MSG_OOB, "in line: no urgent byte apart");
    print_read(ends[1], 0, "in line: text before");
    tell(sockatmark(ends[1]), "in line: at the mark");
    tell_ready(ends[1], 0, "in line, at the mark");
    print_read(ends[1], 0, "in line: the rest");
    tell_ready(ends[1], 0, "in line, read");
    close(ends[0]);
    close(ends[1]);
}

static void with_signals(void)
{
    int ends[2], value;
    new_pair(ends);
    on_signal(SIGURG, on_urg, SA_RESTART);
    tell(fcntl(ends[1], F_GETOWN), "owner at first");
    tell(send(ends[0], "a", 1, MSG_OOB), "nobody is told: send");
    await(ends[1], POLLPRI);
    usleep(50000);
    printf("signals without an owner: %d\n", (int)urged);
    print_read(ends[1], MSG_OOB, "taken");
    tell(fcntl(ends[1], F_SETOWN, getpid()), "F_SETOWN");
    tell(fcntl(ends[1], F_GETOWN) == getpid(), "F_GETOWN is this process");
    tell(send(ends[0], "b", 1, MSG_OOB), "an owner is told: send");
    await_signal(1);
    print_read(ends[1], MSG_OOB, "taken");
    value = 0;
    tell(ioctl(ends[1], SIOCSPGRP, &value), "SIOCSPGRP: nobody");
    tell(ioctl(ends[1], SIOCGPGRP, &value), "SIOCGPGRP");
    printf("  %d\n", value);
    value = -getpgrp();
    tell(ioctl(ends[1], FIOSETOWN, &value), "FIOSETOWN: the group");
    tell(ioctl(ends[1], FIOGETOWN, &value), "FIOGETOWN");
    printf("  %s\n", value == -getpgrp() ? "the group" : "another");
    value = getpid();
    tell(ioctl(ends[1], SIOCSPGRP, &value), "SIOCSPGRP");
    tell(send(ends[0], "c", 1, MSG_OOB), "told again: send");
    await_signal(2);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    apart();
    looked_at();
    announced();
    in_line();
    with_signals();
    return 0;
}
