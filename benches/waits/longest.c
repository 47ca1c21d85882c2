/* Preloaded into any program: the longest wait for readiness amid traffic, and how many were longer than WAIT_LIMIT milliseconds.
 *
 * A wait counts if it ended with an event, as did the one before it in the same thread, which was no longer than the limit: so the time before
 * traffic begins does not. Two numbers of 64 bits, microseconds and a count, are kept up to date in WAIT_LOG/PID, for a program that is
 * killed tells nothing at its end. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static struct log { _Atomic uint64_t longest, late; } nowhere, *own_log = &nowhere;
static uint64_t limit = 50000;
static pid_t owner;
static _Thread_local int was_flowing;

static void open_log(void)
{
    char path[512];
    owner = getpid();
    own_log = &nowhere;
    if (getenv("WAIT_LIMIT") != NULL)
        limit = strtoul(getenv("WAIT_LIMIT"), NULL, 10) * 1000;
    if (getenv("WAIT_LOG") == NULL || snprintf(path, sizeof path, "%s/%d", getenv("WAIT_LOG"), owner) >= (int)sizeof path)
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof *own_log) < 0)
        return;
    void *map = mmap(NULL, sizeof *own_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        own_log = map;
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static int ended(uint64_t start, int events)
{
    /* A forked child has a log of its own. */
    if (owner != getpid())
        open_log();
    uint64_t lasted = now() - start, longest = own_log->longest;
    if (events > 0 && was_flowing) {
        while (lasted > longest && !atomic_compare_exchange_weak(&own_log->longest, &longest, lasted))
            ;
        own_log->late += lasted > limit;
    }
    was_flowing = events > 0 && lasted <= limit;
    return events;
}

/* The function that the program would have called without this. */
#define NEXT(name) \
    static __typeof__(name) *next; \
    if (next == NULL) \
        next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
    uint64_t start = now()

int epoll_wait(int set, struct epoll_event *events, int most, int timeout)
{
    NEXT(epoll_wait);
    return ended(start, next(set, events, most, timeout));
}

int epoll_pwait(int set, struct epoll_event *events, int most, int timeout, const sigset_t *mask)
{
    NEXT(epoll_pwait);
    return ended(start, next(set, events, most, timeout, mask));
}

int poll(struct pollfd *entries, nfds_t count, int timeout)
{
    NEXT(poll);
    return ended(start, next(entries, count, timeout));
}

int ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    NEXT(ppoll);
    return ended(start, next(entries, count, timeout, mask));
}

int select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    NEXT(select);
    return ended(start, next(count, in, out, except, timeout));
}

int pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout, const sigset_t *mask)
{
    NEXT(pselect);
    return ended(start, next(count, in, out, except, timeout, mask));
}
