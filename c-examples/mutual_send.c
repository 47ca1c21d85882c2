/* Two programs that both send before they receive. If the bytes are more than the queues between them hold, both block for
 * ever. SIGUSR1 makes a program read while it sends, which frees both. */
#include "example.h"

#include <poll.h>

static volatile sig_atomic_t reads_too = 0;

static void wake(int signal_number)
{
    (void)signal_number;
    reads_too = 1;
}

static void set_buffer(int fd, int option, const char *text)
{
    int bytes = (int)number(text, 1, INT32_MAX / 2, "BUFFER");
    if (setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes) < 0)
        err(1, "setsockopt");
}

/* Writes what fits and reads what is there, until one direction is done. */
static void send_and_receive(int fd, uint64_t total, uint64_t *sent, uint64_t *received)
{
    uint8_t buffer[4096];
    while (*sent < total && *received < total) {
        struct pollfd entry = { .fd = fd, .events = POLLIN | POLLOUT, .revents = 0 };
        if (poll(&entry, 1, -1) < 0 && errno != EINTR)
            err(1, "poll");
        if (entry.revents & POLLIN) {
            ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
            if (count > 0)
                *received += (uint64_t)count;
        }
        if (entry.revents & POLLOUT) {
            size_t length = total - *sent < sizeof buffer ? (size_t)(total - *sent) : sizeof buffer;
            fill_pattern(0, *sent, buffer, length);
            ssize_t count = send(fd, buffer, length, MSG_DONTWAIT);
            if (count > 0)
                *sent += (uint64_t)count;
        }
    }
}

static void run(int fd, uint64_t total)
{
    uint64_t sent = 0;
    uint64_t received = 0;
    uint8_t buffer[4096];
    printf("sending %llu bytes before reading any\n", (unsigned long long)total);
    while (sent < total && !reads_too) {
        size_t length = total - sent < sizeof buffer ? (size_t)(total - sent) : sizeof buffer;
        fill_pattern(0, sent, buffer, length);
        ssize_t count = write(fd, buffer, length);
        if (count < 0 && errno != EINTR)
            err(1, "write");
        if (count > 0)
            sent += (uint64_t)count;
    }
    if (sent < total) {
        printf("blocked after %llu bytes; reading too\n", (unsigned long long)sent);
        send_and_receive(fd, total, &sent, &received);
    }
    while (sent < total) {
        size_t length = total - sent < sizeof buffer ? (size_t)(total - sent) : sizeof buffer;
        fill_pattern(0, sent, buffer, length);
        if (writen(fd, buffer, length) < 0)
            err(1, "write");
        sent += length;
    }
    printf("sent all\n");
    while (received < total) {
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count == 0)
            errx(1, "the stream ended early");
        if (count < 0 && errno != EINTR)
            err(1, "read");
        if (count > 0)
            received += (uint64_t)count;
    }
    printf("received all\n");
}

int main(int argc, char **argv)
{
    int listens = argc == 6 && strcmp(argv[1], "listen") == 0;
    if (argc != 6 || (!listens && strcmp(argv[1], "connect") != 0)) {
        fprintf(stderr, "usage: %s listen|connect ADDRESS PORT BYTES BUFFER\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    on_signal(SIGUSR1, wake, 0);
    uint64_t total = (uint64_t)number(argv[4], 1, INT64_MAX, "BYTES");
    struct address address = parse_address(argv[2], argv[3]);
    int fd = open_socket(&address);
    set_buffer(fd, SO_SNDBUF, argv[5]);
    set_buffer(fd, SO_RCVBUF, argv[5]);
    if (listens) {
        listen_on(fd, &address);
        fd = accept_connection(fd);
    } else {
        connect_to(fd, &address);
    }
    run(fd, total);
    close(fd);
    return 0;
}
