/* What is in memory that programs and the engine share: TCP_NOTSENT_LOWAT, and TCP_INFO while it is asked for often. */
#include "call.h"

#include <pthread.h>

enum { BYTES = 60000, LITTLE = 4096, ASKED = 5 };

/* Linux's struct tcp_info, of which the C library has the beginning. */
struct info {
    struct tcp_info old;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
    uint64_t delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
    uint32_t delivered, delivered_ce;
    uint64_t bytes_sent, bytes_retrans;
};

static struct info info_of(int fd)
{
    struct info info = { 0 };
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        err(1, "TCP_INFO");
    return info;
}

/* TCP_INFO that the engine was asked for, then that of the copy. */
static struct info often(int fd)
{
    struct info info = { 0 };
    for (int i = 0; i < ASKED; i++)
        info = info_of(fd);
    return info;
}

/* Bytes sent for the first time: on a busy machine some are sent again. */
static long sent(const struct info *info, const struct info *first)
{
    return (long)(info->bytes_sent - info->bytes_retrans - first->bytes_sent + first->bytes_retrans);
}

static void tell_state(int fd, int expected, const char *label)
{
    struct info info = often(fd);
    for (int i = 0; i < 2000 && info.old.tcpi_state != expected; i++) {
        usleep(1000);
        info = info_of(fd);
    }
    tell(info.old.tcpi_state, "%s: state", label);
}

static void send_all(int fd, const void *bytes, size_t length)
{
    if (send(fd, bytes, length, 0) != (ssize_t)length)
        err(1, "send");
}

static void recv_all(int fd, void *bytes, size_t length)
{
    if (recv(fd, bytes, length, MSG_WAITALL) != (ssize_t)length)
        err(1, "recv");
}

/* Requests and replies, the numbers after each, and the states to the end. */
static void numbers(void)
{
    int ends[2];
    char bytes[300] = { 0 };
    new_pair(ends);
    struct info first = info_of(ends[0]), first_server = info_of(ends[1]);
    for (int i = 1; i <= 5; i++) {
        send_all(ends[0], bytes, 100);
        recv_all(ends[1], bytes, 100);
        send_all(ends[1], bytes, 300);
        recv_all(ends[0], bytes, 300);
        struct info client = often(ends[0]), server = often(ends[1]);
        tell(sent(&client, &first), "%d: sent", i);
        tell((long)(client.bytes_acked - first.bytes_acked), "%d: acknowledged", i);
        tell((long)(client.bytes_received - first.bytes_received), "%d: received", i);
        tell(client.notsent_bytes, "%d: not sent", i);
        tell(client.old.tcpi_unacked, "%d: outstanding", i);
        tell(sent(&server, &first_server), "%d: server sent", i);
        tell((long)(server.bytes_received - first_server.bytes_received), "%d: server received", i);
    }
    send_all(ends[0], bytes, 100);
    struct info behind = info_of(ends[0]);
    tell(sent(&behind, &first), "right behind send(): sent");
    recv_all(ends[1], bytes, 100);
    tell_state(ends[0], TCP_ESTABLISHED, "client");
    usleep(30000);
    struct info early = info_of(ends[0]);
    usleep(50000);
    struct info late = info_of(ends[0]);
    tell(early.old.tcpi_last_data_sent >= 25 && late.old.tcpi_last_data_sent >= early.old.tcpi_last_data_sent + 45, "time goes on");
    tell(shutdown(ends[1], SHUT_WR), "shutdown");
    tell_state(ends[1], TCP_FIN_WAIT2, "server");
    await(ends[0], POLLRDHUP);
    tell(info_of(ends[0]).old.tcpi_state, "client at the end of file: state");
    tell(shutdown(ends[0], SHUT_WR), "shutdown");
    tell_state(ends[0], TCP_CLOSE, "client");
    close(ends[0]);
    close(ends[1]);
}

/* A connection whose reader has no room for more, and how much was not sent. */
static void full_pair(int ends[2])
{
    static const char bytes[BYTES];
    int listener = new_listener(), size = 2304;
    struct sockaddr_in address = local_address(listener);
    set(listener, SOL_SOCKET, SO_RCVBUF, size);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    set(ends[0], SOL_SOCKET, SO_SNDBUF, 200000);
    if (connect(ends[0], (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    ends[1] = accept_connection(listener);
    close(listener);
    send_all(ends[0], bytes, BYTES);
    for (int i = 0; i < 2000 && info_of(ends[0]).notsent_bytes == BYTES; i++)
        usleep(1000);
}

static void tell_set(int fd, int value)
{
    tell(set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, value), "TCP_NOTSENT_LOWAT %d", value);
    struct pollfd entry = { .fd = fd, .events = POLLOUT };
    tell(poll(&entry, 1, 0), "  poll");
    tell((unsigned)get(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), "  it is");
}

/* poll() right behind setsockopt() judges by what was set. */
static void low_water(void)
{
    int ends[2];
    full_pair(ends);
    int unsent = 0;
    ioctl(ends[0], SIOCOUTQNSD, &unsent);
    tell(unsent > BYTES / 2 && unsent == (int)often(ends[0]).notsent_bytes, "not sent");
    int values[] = { LITTLE, 10 << 20, LITTLE, -1, 1, 0, LITTLE, LITTLE, BYTES, 4 * BYTES };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        tell_set(ends[0], values[i]);
    int copy = dup(ends[0]);
    tell_set(copy, LITTLE);
    tell(get(ends[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT), "of the other descriptor");
    close(copy);
    close(ends[0]);
    close(ends[1]);
    /* Where all is sent, words suffice. */
    new_pair(ends);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        tell_set(ends[0], values[i]);
    ioctl(ends[0], SIOCOUTQNSD, &unsent);
    tell(unsent, "not sent");
    close(ends[0]);
    close(ends[1]);
}

static void *wait_for_poll(void *argument)
{
    struct pollfd entry = { .fd = *(int *)argument, .events = POLLOUT };
    tell(poll(&entry, 1, 20000), "poll that slept");
    return NULL;
}

static void *wait_for_epoll(void *argument)
{
    struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, *(int *)argument, &event);
    tell(epoll_wait(epoll, &event, 1, 20000), "epoll_wait that slept");
    close(epoll);
    return NULL;
}

static void *wait_for_send(void *argument)
{
    static const char bytes[LITTLE];
    tell(send(*(int *)argument, bytes, sizeof bytes, 0), "send that slept");
    return NULL;
}

/* Whoever sleeps for room wakes when there is some because more may be unsent. */
static void sleepers(void)
{
    void *(*waits[])(void *) = { wait_for_poll, wait_for_epoll, wait_for_send };
    int raised[] = { 10 << 20, -1, 0 };
    int ends[2];
    full_pair(ends);
    for (int i = 0; i < 9; i++) {
        pthread_t thread;
        set(ends[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, LITTLE);
        pthread_create(&thread, NULL, waits[i % 3], &ends[0]);
        usleep(100000);
        printf("raised to %d\n", raised[i / 3]);
        set(ends[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, raised[i / 3]);
        pthread_join(thread, NULL);
    }
    close(ends[0]);
    close(ends[1]);
}

static void *exchange(void *argument)
{
    static char bytes[1000];
    int *ends = argument;
    for (int i = 0; i < 3000; i++) {
        send_all(ends[0], bytes, sizeof bytes);
        recv_all(ends[1], bytes, sizeof bytes);
        send_all(ends[1], bytes, sizeof bytes);
        recv_all(ends[0], bytes, sizeof bytes);
    }
    return NULL;
}

/* Under traffic no counter goes back, and those of one answer are of one moment. */
static void counters(void)
{
    int ends[2], back = 0, torn = 0;
    new_pair(ends);
    pthread_t thread;
    pthread_create(&thread, NULL, exchange, ends);
    struct info last = info_of(ends[0]);
    for (int i = 0; i < 20000; i++) {
        struct info info = info_of(ends[0]);
        back += info.bytes_sent < last.bytes_sent || info.bytes_acked < last.bytes_acked
            || info.bytes_received < last.bytes_received || info.segs_in < last.segs_in
            || info.segs_out < last.segs_out || info.busy_time < last.busy_time;
        /* The kernel counts the SYN, and the peer replies to nothing that was not sent. */
        torn += info.bytes_acked > info.bytes_sent + 1 || info.bytes_received > info.bytes_sent;
        last = info;
    }
    pthread_join(thread, NULL);
    tell(back, "counters that went back");
    tell(torn, "answers of two moments");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    numbers();
    low_water();
    sleepers();
    counters();
    return 0;
}
