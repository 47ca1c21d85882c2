/* One process accepts connections and passes them over a Unix socket to another, which serves them. */
#include "example.h"

#include <sys/prctl.h>

static void pass(int channel, int fd)
{
    char byte = 'c';
    struct iovec data = { .iov_base = &byte, .iov_len = 1 };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(channel, &message, 0) != 1)
        err(1, "sendmsg");
}

/* A descriptor, or -1 when the other process is gone. */
static int take(int channel)
{
    char byte;
    struct iovec data = { .iov_base = &byte, .iov_len = 1 };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    ssize_t count = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    if (count < 0)
        err(1, "recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (count == 0 || header == NULL || header->cmsg_type != SCM_RIGHTS)
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

static void serve(int channel)
{
    for (;;) {
        int connection = take(channel);
        if (connection < 0)
            exit(0);
        printf("serving a connection that another process accepted\n");
        fflush(stdout);
        echo(connection);
        close(connection);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
        return 2;
    }
    on_signal(SIGPIPE, SIG_IGN, 0);
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel) < 0)
        err(1, "socketpair");
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(channel[0]);
        serve(channel[1]);
    }
    close(channel[1]);
    int listener = open_listener(argv[1], argv[2]);
    for (;;) {
        int connection = accept_connection(listener);
        pass(channel[0], connection);
        close(connection);
    }
}
