/* Round trips of 64 bytes through epoll, over whatever TCP the program finds. epoll.rs starts it.

     epoll both           client and server are two threads
     epoll server         prints its port
     epoll client PORT

   The client obeys commands of standard input, and answers each with a line:

     idle COUNT           opens connections until COUNT are idle; both ends are in the sets of the two loops: "idle COUNT"
     measure MS           exchanges for so long: "P50 P99", nanoseconds of a round trip

   What cannot be done is told in a line "failed: ...", and ends the program. A server ends with its first connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, EVENTS = 64, SAMPLES = 1 << 20, BACKLOG = 4096, OTHER_DESCRIPTORS = 32 };

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("failed: ");
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

static long check(long result, const char *call)
{
    if (result < 0)
        fail("%s: %s", call, strerror(errno));
    return result;
}

static void add(int set, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    check(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* One message, or 0 at the end of the connection, or -1 if there is nothing. */
static int receive(int fd, char *message)
{
    ssize_t count = recv(fd, message, MESSAGE, 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return -1;
    if (check(count, "recv") != 0 && count != MESSAGE)
        fail("a message came in parts");
    return (int)count;
}

static void transmit(int fd, const char *message)
{
    if (check(send(fd, message, MESSAGE, MSG_NOSIGNAL), "send") != MESSAGE)
        fail("a message went in parts");
}

static void set_nodelay(int fd)
{
    check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)), "TCP_NODELAY");
}

/* --- the server ------------------------------------------------------------------------------------------------ */

static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int listener = (int)check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    check(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
    check(listen(listener, BACKLOG), "listen");
    check(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
    *port = ntohs(address.sin_port);
    return listener;
}

/* Accepts all there are, and counts them. */
static void accept_all(int set, int listener, uint64_t *connections)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        add(set, (int)check(fd, "accept4"));
        set_nodelay(fd);
        ++*connections;
    }
}

/* Each reply begins with the number of connections that were accepted. */
static void *serve(void *listening)
{
    int listener = *(int *)listening, set = (int)check(epoll_create1(0), "epoll_create1");
    uint64_t connections = 0;
    add(set, listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = (int)check(epoll_wait(set, events, EVENTS, -1), "epoll_wait");
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd, received;
            char message[MESSAGE];
            if (fd == listener) {
                accept_all(set, listener, &connections);
                continue;
            }
            received = receive(fd, message);
            if (received == 0)
                return NULL;
            if (received > 0) {
                memcpy(message, &connections, sizeof connections);
                transmit(fd, message);
            }
        }
    }
}

/* --- the client ------------------------------------------------------------------------------------------------ */

struct client {
    struct sockaddr_in server;
    int set;
    int fd; /* the connection that is not idle */
    long idle;
    int descriptors; /* of this process, for each connection */
};

static int open_connection(const struct client *client)
{
    int fd = (int)check(socket(AF_INET, SOCK_STREAM, 0), "socket"), on = 1;
    check(connect(fd, (const struct sockaddr *)&client->server, sizeof client->server), "connect");
    check(ioctl(fd, FIONBIO, &on), "FIONBIO");
    set_nodelay(fd);
    add(client->set, fd);
    return fd;
}

/* A request and its reply: how many connections the server has. */
static uint64_t exchange(const struct client *client)
{
    char message[MESSAGE] = { 0 };
    uint64_t connections;
    int received = -1;
    transmit(client->fd, message);
    while (received < 0) {
        struct epoll_event event;
        if (check(epoll_wait(client->set, &event, 1, -1), "epoll_wait") != 1 || event.data.fd != client->fd)
            fail("an idle connection is ready");
        received = receive(client->fd, message);
    }
    if (received == 0)
        fail("the server has ended");
    memcpy(&connections, message, sizeof connections);
    return connections;
}

/* The server accepts in step, so that its backlog is never full. */
static void open_idle(struct client *client, long count)
{
    enum { STEP = 64 };
    struct rlimit limit;
    long needed = count * client->descriptors + OTHER_DESCRIPTORS;
    check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    if ((rlim_t)needed > limit.rlim_cur)
        fail("%ld idle connections need %ld descriptors in one process, and the limit is %ld", count, needed,
             (long)limit.rlim_cur);
    while (client->idle < count) {
        open_connection(client);
        client->idle++;
        if (client->idle % STEP == 0 || client->idle == count)
            while (exchange(client) != (uint64_t)client->idle + 1)
                ;
    }
    printf("idle %ld\n", client->idle);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void measure(const struct client *client, long millis)
{
    static uint64_t samples[SAMPLES];
    size_t count = 0;
    uint64_t start = now(), end = start + (uint64_t)millis * 1000000, time = start;
    while (time < end && count < SAMPLES) {
        uint64_t before = time;
        exchange(client);
        time = now();
        samples[count++] = time - before;
    }
    qsort(samples, count, sizeof *samples, compare);
    printf("%llu %llu\n", (unsigned long long)samples[count / 2], (unsigned long long)samples[count * 99 / 100]);
}

static void obey(uint16_t port, int descriptors)
{
    struct client client = { .descriptors = descriptors };
    char line[64];
    client.server = (struct sockaddr_in){ .sin_family = AF_INET,
                                          .sin_port = htons(port),
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    client.set = (int)check(epoll_create1(0), "epoll_create1");
    client.fd = open_connection(&client);
    while (fgets(line, sizeof line, stdin)) {
        long number;
        if (sscanf(line, "idle %ld", &number) == 1)
            open_idle(&client, number);
        else if (sscanf(line, "measure %ld", &number) == 1 && number > 0)
            measure(&client, number);
        else
            fail("no such command: %s", line);
        fflush(stdout);
    }
}

/* --- both ------------------------------------------------------------------------------------------------------ */

static void allow_all_descriptors(void)
{
    struct rlimit limit;
    check(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    uint16_t port;
    int listener;
    allow_all_descriptors();
    if (strcmp(role, "client") == 0 && argc == 3) {
        obey((uint16_t)atoi(argv[2]), 1);
        return 0;
    }
    if (argc != 2 || (strcmp(role, "server") != 0 && strcmp(role, "both") != 0))
        fail("usage: epoll both | server | client PORT");
    listener = listen_anywhere(&port);
    if (strcmp(role, "server") == 0) {
        printf("listening on port %d\n", port);
        fflush(stdout);
        serve(&listener);
    } else {
        pthread_t server;
        if (pthread_create(&server, NULL, serve, &listener) != 0)
            fail("there is no thread");
        obey(port, 2);
    }
    return 0;
}
