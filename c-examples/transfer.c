/* Sends or receives many bytes. Both ends print the count and the checksum. */
#include "example.h"

#include <time.h>

enum { CHUNK = 256 * 1024 };

/* Independent of how the bytes were cut into reads. */
struct checksum {
    uint64_t sum;
    uint64_t sum_of_sums;
    uint64_t count;
};

static void add(struct checksum *checksum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        checksum->sum += bytes[i];
        checksum->sum_of_sums += checksum->sum;
    }
    checksum->count += length;
}

static void print(const struct checksum *checksum, const char *verb, const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
    printf("%s: %llu bytes, checksum %016llx%016llx\n", verb, (unsigned long long)checksum->count,
           (unsigned long long)checksum->sum, (unsigned long long)checksum->sum_of_sums);
    fprintf(stderr, "%.3f s, %.0f MB/s\n", seconds, (double)checksum->count / 1e6 / seconds);
}

static void do_send(int fd, uint64_t total)
{
    static uint8_t chunk[CHUNK];
    struct checksum checksum = { 0, 0, 0 };
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    fill_pattern(total, 0, chunk, sizeof chunk);
    while (checksum.count < total) {
        size_t length = total - checksum.count < CHUNK ? (size_t)(total - checksum.count) : CHUNK;
        /* Each chunk differs from the one before. */
        memcpy(chunk, &checksum.count, sizeof checksum.count);
        if (writen(fd, chunk, length) < 0)
            err(1, "write");
        add(&checksum, chunk, length);
    }
    if (shutdown(fd, SHUT_WR) < 0)
        err(1, "shutdown");
    print(&checksum, "sent", &start);
    /* The other end says that it has everything by closing. */
    if (readn(fd, chunk, 1) != 0)
        errx(1, "the receiver did not end well");
}

static void do_receive(int fd)
{
    static uint8_t chunk[CHUNK];
    struct checksum checksum = { 0, 0, 0 };
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        ssize_t count = read(fd, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            err(1, "read");
        if (count == 0)
            break;
        add(&checksum, chunk, (size_t)count);
    }
    print(&checksum, "received", &start);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "send") == 0) {
        uint64_t total = (uint64_t)number(argv[4], 0, INT64_MAX, "BYTES");
        int fd = open_connection(argv[2], argv[3]);
        do_send(fd, total);
        close(fd);
    } else if (argc == 4 && strcmp(argv[1], "receive") == 0) {
        int listener = open_listener(argv[2], argv[3]);
        int fd = accept_connection(listener);
        do_receive(fd);
        close(fd);
        close(listener);
    } else {
        fprintf(stderr, "usage: %s receive ADDRESS PORT\n       %s send ADDRESS PORT BYTES\n", argv[0], argv[0]);
        return 2;
    }
    return 0;
}
