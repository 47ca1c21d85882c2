/* dup2() over a socket in which a call waits: as with close(), the call goes on, and the connection with it. */
#include "call.h"

#include <fcntl.h>
#include <pthread.h>

static void *receive(void *fd)
{
    char buffer[8];
    tell(recv(*(int *)fd, buffer, sizeof buffer, 0), "the call that waits");
    return NULL;
}

int main(void)
{
    int ends[2], other = open("/dev/null", O_RDWR);
    new_pair(ends);
    pthread_t thread;
    if (pthread_create(&thread, NULL, receive, &ends[1]) != 0)
        err(1, "pthread_create");
    usleep(200000);
    tell(dup2(other, ends[1]) == ends[1], "dup2");
    struct pollfd entry = { .fd = ends[0], .events = POLLIN | POLLRDHUP };
    tell(poll(&entry, 1, 200), "the peer sees an end");
    alarm(10);
    if (write(ends[0], "abc", 3) != 3)
        err(1, "write");
    pthread_join(thread, NULL);
    alarm(0);
    tell(write(ends[1], "x", 1), "the other");
    return 0;
}
