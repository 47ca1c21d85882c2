/* dup2() and close_range() over a socket in which a call waits: as with close(), the call goes on, and the connection with it. */
#include "call.h"

#include <fcntl.h>
#include <pthread.h>

static void *receive(void *fd)
{
    char buffer[8];
    tell(recv(*(int *)fd, buffer, sizeof buffer, 0), "the call that waits");
    return NULL;
}

static int replace(int fd)
{
    int other = open("/dev/null", O_RDWR);
    return dup2(other, fd) == fd ? 0 : -1;
}

static int close_as_range(int fd)
{
    return close_range(fd, fd, 0);
}

static void take_away(const char *call, int (*take)(int))
{
    int ends[2];
    new_pair(ends);
    pthread_t thread;
    if (pthread_create(&thread, NULL, receive, &ends[1]) != 0)
        err(1, "pthread_create");
    usleep(200000);
    tell(take(ends[1]), call);
    struct pollfd entry = { .fd = ends[0], .events = POLLIN | POLLRDHUP };
    tell(poll(&entry, 1, 200), "the peer sees an end");
    alarm(10);
    if (write(ends[0], "abc", 3) != 3)
        err(1, "write");
    pthread_join(thread, NULL);
    alarm(0);
    tell(write(ends[1], "x", 1), "what the number is now");
}

int main(void)
{
    take_away("dup2", replace);
    take_away("close_range", close_as_range);
    return 0;
}
