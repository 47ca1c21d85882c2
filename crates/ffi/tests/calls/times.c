/* When text arrived: SO_TIMESTAMP and its kin, and SO_TIMESTAMPING, as recvmsg() tells them. */
#include "call.h"

#include <linux/net_tstamp.h>

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Tells the control messages of a read, and whether each time lies between two others. */
static void read_times(int fd, int flags, long long from, long long to, const char *label)
{
    char bytes[4], control[256];
    struct iovec part = { .iov_base = bytes, .iov_len = sizeof bytes };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control,
    };
    if (tell(recvmsg(fd, &message, flags | MSG_DONTWAIT), "%s", label) < 0)
        return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        long long time[2] = { 0, 0 };
        memcpy(time, CMSG_DATA(c), sizeof time);
        int is_micros = c->cmsg_type == SCM_TIMESTAMP || c->cmsg_type == 63;
        long long nanos = time[0] * 1000000000LL + time[1] * (is_micros ? 1000 : 1);
        int is_near = nanos >= from - (is_micros ? 1000 : 0) && nanos <= to;
        printf("  level %d type %d length %zu %s\n", c->cmsg_level, c->cmsg_type, c->cmsg_len,
               c->cmsg_level != SOL_SOCKET ? "" : is_near ? "in time" : "at another time");
    }
}

static void arrivals(int name, int value, const char *label)
{
    int ends[2];
    new_pair(ends);
    tell(set(ends[1], SOL_SOCKET, name, value), "%s", label);
    long long start = now();
    if (write(ends[0], "abcdefgh", 8) != 8)
        err(1, "write");
    await(ends[1], POLLIN);
    long long middle = now();
    usleep(20000);
    read_times(ends[1], MSG_PEEK, start, middle, "peek");
    read_times(ends[1], 0, start, middle, "first");
    read_times(ends[1], 0, start, middle, "second");
    if (write(ends[0], "ijkl", 4) != 4)
        err(1, "write");
    await(ends[1], POLLIN);
    read_times(ends[1], 0, middle, now(), "third");
    read_times(ends[1], 0, start, middle, "nothing");
    tell(set(ends[1], SOL_SOCKET, name, 0), "off");
    tell(get(ends[1], SOL_SOCKET, name), "off");
    if (write(ends[0], "m", 1) != 1)
        err(1, "write");
    await(ends[1], POLLIN);
    read_times(ends[1], 0, start, now(), "without");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    /* A kernel begins to note times a little after the first socket asks, and ends with the last. */
    int first = socket(AF_INET, SOCK_DGRAM, 0);
    if (first < 0 || set(first, SOL_SOCKET, SO_TIMESTAMP, 1) < 0)
        err(1, "SO_TIMESTAMP");
    usleep(300000);
    arrivals(SO_TIMESTAMP, 1, "SO_TIMESTAMP");
    arrivals(SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
    arrivals(63, 1, "SO_TIMESTAMP_NEW");
    arrivals(64, 1, "SO_TIMESTAMPNS_NEW");
    arrivals(SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, "SO_TIMESTAMPING");
    arrivals(SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE, "SO_TIMESTAMPING, noted and not told");
    int ends[2];
    new_pair(ends);
    set(ends[0], SOL_SOCKET, SO_TIMESTAMP, 1);
    set(ends[0], SOL_SOCKET, SO_TIMESTAMPNS, 1);
    tell(get(ends[0], SOL_SOCKET, SO_TIMESTAMP), "one at a time: SO_TIMESTAMP");
    tell(get(ends[0], SOL_SOCKET, SO_TIMESTAMPNS), "one at a time: SO_TIMESTAMPNS");
    return 0;
}
