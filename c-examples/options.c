/* Prints the options in force of a new TCP socket, then of one whose options were set. */
#include "example.h"

#include <sys/time.h>

struct option {
    const char *name;
    int level;
    int number;
    int value;
};

static const struct option options[] = {
    { "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 10860 },
    { "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 8192 },
    { "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1 },
    { "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1 },
    { "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1 },
    { "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 5 },
    { "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1 },
    { "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 30 },
    { "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 10 },
    { "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 4 },
    { "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000 },
    { "SO_ERROR", SOL_SOCKET, SO_ERROR, -1 },
    { "SO_TYPE", SOL_SOCKET, SO_TYPE, -1 },
    { "SO_DOMAIN", SOL_SOCKET, SO_DOMAIN, -1 },
    { "SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL, -1 },
    { "SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN, -1 },
    { "SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT, -1 },
};

static void print_options(int fd)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int value = -1;
        socklen_t length = sizeof value;
        if (getsockopt(fd, options[i].level, options[i].number, &value, &length) < 0)
            err(1, "getsockopt %s", options[i].name);
        printf("%s %d\n", options[i].name, value);
    }
    struct linger linger;
    socklen_t length = sizeof linger;
    if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) < 0)
        err(1, "getsockopt SO_LINGER");
    printf("SO_LINGER %s %d\n", linger.l_onoff ? "on" : "off", linger.l_onoff ? linger.l_linger : 0);
    struct timeval time;
    length = sizeof time;
    if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &length) < 0)
        err(1, "getsockopt SO_RCVTIMEO");
    printf("SO_RCVTIMEO %ld.%03ld\n", (long)time.tv_sec, (long)time.tv_usec / 1000);
}

static void set_options(int fd)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].value >= 0
            && setsockopt(fd, options[i].level, options[i].number, &options[i].value, sizeof(int)) < 0)
            err(1, "setsockopt %s", options[i].name);
    }
    struct linger linger = { .l_onoff = 1, .l_linger = 7 };
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) < 0)
        err(1, "setsockopt SO_LINGER");
    struct timeval time = { .tv_sec = 2, .tv_usec = 500000 };
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) < 0)
        err(1, "setsockopt SO_RCVTIMEO");
}

int main(int argc, char **argv)
{
    if (argc != 1) {
        fprintf(stderr, "usage: %s\n", argv[0]);
        return 2;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "socket");
    printf("new:\n");
    print_options(fd);
    set_options(fd);
    printf("set:\n");
    print_options(fd);
    close(fd);
    return 0;
}
