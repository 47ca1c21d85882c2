/* Kills processes that listen, and binds their port as soon as they are gone, beside a pair of processes that exchange bytes all the time. */
#include "call.h"

#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 40 };

/* A listener at the port, or at one of the system's choice. */
static int listener_at(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)address, sizeof *address) < 0 || listen(fd, 1) < 0) {
        close(fd);
        return -1;
    }
    *address = local_address(fd);
    return fd;
}

static pid_t child_that(void (*works)(int), int fd)
{
    pid_t child = fork();
    if (child == 0) {
        works(fd);
        _exit(0);
    }
    return child;
}

static void repeat(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, 0) == 1)
        ;
}

static void say(int fd)
{
    char byte = 'a';
    while (send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1)
        ;
}

static void serve(int out)
{
    struct sockaddr_in address = loopback(0);
    if (listener_at(&address) < 0 || write(out, &address, sizeof address) != sizeof address)
        _exit(1);
    pause();
}

int main(void)
{
    int ends[2], pipes[2], bound = 0;
    new_pair(ends);
    pid_t pair[] = { child_that(repeat, ends[1]), child_that(say, ends[0]) };
    close(ends[0]);
    close(ends[1]);
    if (pipe(pipes) < 0)
        err(1, "pipe");
    for (int round = 0; round < ROUNDS; round++) {
        struct sockaddr_in address;
        pid_t server = child_that(serve, pipes[1]);
        if (read(pipes[0], &address, sizeof address) != sizeof address)
            err(1, "read");
        usleep(2000);
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
        int fd = listener_at(&address);
        bound += fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    for (int each = 0; each < 2; each++) {
        tell(kill(pair[each], SIGKILL), "the pair went on");
        waitpid(pair[each], NULL, 0);
    }
    printf("bound %d of %d ports\n", bound, ROUNDS);
}
