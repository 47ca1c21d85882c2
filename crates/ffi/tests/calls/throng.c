/* Many threads, each with a connection of its own, and what they wait for: throng HOW THREADS ROUNDS
 *
 * poll, select, recv  each thread waits so for a byte
 * mixed               in a poll() of its connection and a pipe
 * epoll               in an epoll set of its own
 * churn               the same, and adds its connection before and takes it out after
 * fresh               each thread connects anew, waits for a byte in poll(), and closes
 * fork                each waits in recv(), and a child is forked before they get their bytes
 *
 * In each round all threads get a byte, once all have had the last. Prints how long the first round took and the longest of the others,
 * in milliseconds. The first begins before the threads do. */
#include "call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { MOST = 4000, STACK = 256 * 1024 };

/* A byte that nobody waits for so long is lost. */
#define PATIENCE 20.0

static const char *how;
static int threads, rounds, listener;
static int near[MOST], far[MOST], sets[MOST], pipes[MOST][2];
static struct sockaddr_in at;
static atomic_int got;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int is(const char *name)
{
    return strcmp(how, name) == 0;
}

static void check(int count, const char *call)
{
    if (count != 1)
        err(1, "%s gives %d", call, count);
}

static void control(int i, int operation)
{
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(sets[i], operation, near[i], &event) < 0)
        err(1, "epoll_ctl");
}

static void wait_in_set(int i)
{
    struct epoll_event event;
    if (is("churn"))
        control(i, EPOLL_CTL_ADD);
    check(epoll_wait(sets[i], &event, 1, -1), "epoll_wait");
    if (is("churn"))
        control(i, EPOLL_CTL_DEL);
}

static void wait_in_select(int fd)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    check(select(fd + 1, &set, NULL, NULL, NULL), "select");
}

static void wait_for_byte(int i)
{
    struct pollfd entries[] = { { .fd = near[i], .events = POLLIN }, { .fd = pipes[i][0], .events = POLLIN } };
    if (is("epoll") || is("churn"))
        wait_in_set(i);
    else if (is("select"))
        wait_in_select(near[i]);
    else if (!is("recv") && !is("fork"))
        check(poll(entries, is("mixed") ? 2 : 1, -1), "poll");
}

static void *live(void *given)
{
    int i = (int)(intptr_t)given;
    for (int round = 0; round < rounds; round++) {
        char byte;
        if (is("fresh")) {
            near[i] = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(near[i], (struct sockaddr *)&at, sizeof at) < 0)
                err(1, "connect");
        }
        wait_for_byte(i);
        check((int)recv(near[i], &byte, 1, is("recv") || is("fork") ? 0 : MSG_DONTWAIT), "recv");
        if (is("fresh"))
            close(near[i]);
        atomic_fetch_add(&got, 1);
    }
    return NULL;
}

static void prepare(int i)
{
    if (!is("fresh")) {
        near[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (near[i] < 0 || connect(near[i], (struct sockaddr *)&at, sizeof at) < 0)
            err(1, "connection %d", i);
        far[i] = accept_connection(listener);
    }
    if (is("mixed") && pipe(pipes[i]) < 0)
        err(1, "pipe");
    if ((is("epoll") || is("churn")) && (sets[i] = epoll_create1(0)) < 0)
        err(1, "epoll_create1");
    if (is("epoll"))
        control(i, EPOLL_CTL_ADD);
}

static void start(int i)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    if (pthread_create(&thread, &attributes, live, (void *)(intptr_t)i) != 0)
        errx(1, "no thread");
    pthread_detach(thread);
}

static void fork_once(void)
{
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

/* Gives each a byte, and waits until all have theirs. */
static double serve(int round, double begin)
{
    if (is("fork"))
        fork_once();
    for (int i = 0; i < threads; i++) {
        if (is("fresh"))
            far[i] = accept_connection(listener);
        check((int)send(far[i], "x", 1, 0), "send");
        if (is("fresh"))
            close(far[i]);
    }
    while (atomic_load(&got) < (round + 1) * threads) {
        struct timespec time = { 0, 500000 };
        if (now() - begin > PATIENCE)
            errx(1, "%s: only %d of %d have theirs", how, atomic_load(&got) - round * threads, threads);
        nanosleep(&time, NULL);
    }
    return now() - begin;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "throng HOW THREADS ROUNDS");
    how = argv[1];
    threads = (int)number(argv[2], 1, MOST, "THREADS");
    rounds = (int)number(argv[3], 2, 1000000, "ROUNDS");
    listener = socket(AF_INET, SOCK_STREAM, 0);
    at = loopback(0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, MOST) < 0)
        err(1, "listener");
    at = local_address(listener);
    for (int i = 0; i < threads; i++)
        prepare(i);
    double begin = now(), longest = 0;
    for (int i = 0; i < threads; i++)
        start(i);
    double first = serve(0, begin);
    for (int round = 1; round < rounds; round++) {
        /* So that they sleep. */
        struct timespec time = { 0, 5000000 };
        nanosleep(&time, NULL);
        double took = serve(round, now());
        longest = took > longest ? took : longest;
    }
    printf("first %.1f longest %.1f\n", first * 1e3, longest * 1e3);
    printf("processor %.1f\n", (double)clock() / CLOCKS_PER_SEC * 1e3);
    return 0;
}
