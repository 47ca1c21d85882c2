/* Sockets of processes whose parents had some: of a long line of them, and of a daemon whose parent has ended. */
#include "call.h"

#include <sys/wait.h>

#define GENERATIONS 70
#define PAIRS 20

/* The number of the last generation that could use sockets. */
static int last_generation(int generation)
{
    pass_a_byte();
    if (generation == GENERATIONS)
        return generation;
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0)
        _exit(last_generation(generation + 1));
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) > generation ? WEXITSTATUS(status) : generation;
}

/* A process that has used sockets leaves a child behind, which says to `to` how many connections it could make. */
static void leave_daemon(int to)
{
    int alive[2];
    pass_a_byte();
    if (pipe(alive) < 0)
        err(1, "pipe");
    if (fork() != 0)
        _exit(0);
    char count = 0;
    close(alive[1]);
    if (read(alive[0], &count, 1) != 0)
        err(1, "the parent is there");
    while (count < PAIRS) {
        pass_a_byte();
        usleep(10 * 1000);
        count++;
    }
    if (write(to, &count, 1) != 1)
        err(1, "write");
    _exit(0);
}

int main(void)
{
    printf("%d generations\n", last_generation(1));
    fflush(stdout);
    int told[2];
    if (pipe(told) < 0)
        err(1, "pipe");
    if (fork() == 0)
        leave_daemon(told[1]);
    char count = 0;
    close(told[1]);
    tell(read(told[0], &count, 1), "the daemon says");
    printf("%d connections\n", count);
}
