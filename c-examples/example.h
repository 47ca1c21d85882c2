/* What the examples share: arguments, addresses, whole reads and writes, and bytes that can be checked. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* A whole number between least and most, or one line and exit status 2. */
static inline long long number(const char *text, long long least, long long most, const char *what)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        errx(2, "%s must be a whole number from %lld to %lld, not \"%s\"", what, least, most, text);
    return value;
}

/* An IPv4 or IPv6 address in digits and a port, or one line and exit status 2. */
static inline struct address parse_address(const char *host, const char *port)
{
    struct address result;
    memset(&result, 0, sizeof result);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&result.storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&result.storage;
    in_port_t number_of_port = htons((uint16_t)number(port, 0, 65535, "PORT"));
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = number_of_port;
        result.length = sizeof *v4;
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = number_of_port;
        result.length = sizeof *v6;
    } else {
        errx(2, "ADDRESS must be an IPv4 or IPv6 address in digits, such as 127.0.0.1, not \"%s\"", host);
    }
    return result;
}

static inline int open_socket(const struct address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "socket");
    return fd;
}

/* Binds and listens, and says where: with port 0 the system chooses. */
static inline void listen_on(int fd, const struct address *address)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        err(1, "setsockopt SO_REUSEADDR");
    if (bind(fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        err(1, "bind");
    if (listen(fd, SOMAXCONN) < 0)
        err(1, "listen");
    struct address local = { .length = sizeof local.storage };
    if (getsockname(fd, (struct sockaddr *)&local.storage, &local.length) < 0)
        err(1, "getsockname");
    in_port_t port = local.storage.ss_family == AF_INET ? ((struct sockaddr_in *)&local.storage)->sin_port
                                                        : ((struct sockaddr_in6 *)&local.storage)->sin6_port;
    printf("listening on port %u\n", ntohs(port));
    fflush(stdout);
}

static inline int open_listener(const char *host, const char *port)
{
    struct address address = parse_address(host, port);
    int fd = open_socket(&address);
    listen_on(fd, &address);
    return fd;
}

static inline void connect_to(int fd, const struct address *address)
{
    if (connect(fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        err(1, "connect");
}

static inline int open_connection(const char *host, const char *port)
{
    struct address address = parse_address(host, port);
    int fd = open_socket(&address);
    connect_to(fd, &address);
    return fd;
}

/* A connection, whatever signals come meanwhile. */
static inline int accept_connection(int listener)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            return fd;
        if (errno != EINTR && errno != ECONNABORTED)
            err(1, "accept");
    }
}

/* Reads until length bytes are there or the stream ends: the count, or -1. */
static inline ssize_t readn(int fd, void *buffer, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = read(fd, (char *)buffer + done, length - done);
        if (count == 0)
            break;
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        done += (size_t)count;
    }
    return (ssize_t)done;
}

/* Writes all: 0, or -1. */
static inline int writen(int fd, const void *buffer, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = write(fd, (const char *)buffer + done, length - done);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        done += (size_t)count;
    }
    return 0;
}

/* Sends back what comes, until the end of the stream. */
static inline void echo(int fd)
{
    char buffer[16384];
    for (;;) {
        ssize_t count = read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        if (writen(fd, buffer, (size_t)count) < 0)
            break;
    }
}

/* The byte at a place of a stream: neighbours differ, and a piece moved elsewhere is found out. */
static inline uint8_t pattern(uint64_t seed, uint64_t place)
{
    uint64_t mixed = (place + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (seed * UINT64_C(0xbf58476d1ce4e5b9));
    return (uint8_t)(mixed >> 56 ^ mixed >> 40);
}

static inline void fill_pattern(uint64_t seed, uint64_t place, uint8_t *buffer, size_t length)
{
    for (size_t i = 0; i < length; i++)
        buffer[i] = pattern(seed, place + i);
}

/* How many bytes at the start of buffer are as fill_pattern() makes them. */
static inline size_t match_pattern(uint64_t seed, uint64_t place, const uint8_t *buffer, size_t length)
{
    size_t i = 0;
    while (i < length && buffer[i] == pattern(seed, place + i))
        i++;
    return i;
}

static inline void on_signal(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    if (sigaction(signal_number, &action, NULL) < 0)
        err(1, "sigaction");
}

#endif
