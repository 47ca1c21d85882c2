/* The numbers that sockets get, and those of the program's own files. */
#include "call.h"

#include <sys/stat.h>
#include <sys/wait.h>

/* The numbers of sockets and files in turn, below a low limit. */
static void numbers(void)
{
    int fds[12];
    set_limit(64);
    int first = lowest();
    for (int i = 0; i < 12; i++) {
        fds[i] = i % 3 == 2 ? open("/dev/null", O_RDONLY) : socket(AF_INET, SOCK_STREAM, 0);
        tell(fds[i] - first, "number");
    }
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    set_limit(1024);
}

/* Below is the way to the host process. */
#define FIRST_TOKEN 962

/* A program's own file at a number where a token of a socket to come may wait stays its own. */
static void own_numbers(void)
{
    int file = open("/dev/null", O_RDONLY), sockets[6];
    for (int i = 0; i < 6; i++)
        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    for (int fd = FIRST_TOKEN; fd < 1000; fd++)
        if (dup2(file, fd) != fd)
            err(1, "dup2");
    for (int i = 0; i < 6; i++)
        tell(close(sockets[i]), "close");
    fflush(stdout);
    pid_t child = fork();
    if (child != 0 && waitpid(child, NULL, 0) != child)
        err(1, "waitpid");
    for (int i = 0; i < 12; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        tell(fd < 0 ? -1 : fcntl(fd, F_GETFD), "socket");
        close(fd);
    }
    struct stat stat;
    int count = 0;
    for (int fd = FIRST_TOKEN; fd < 1000; fd++)
        count += fstat(fd, &stat) == 0 && S_ISCHR(stat.st_mode);
    tell(count, "files");
    if (child == 0)
        exit(0);
}

int main(void)
{
    /* The way to the host process is made for the first. */
    set_limit(1024);
    close(socket(AF_INET, SOCK_STREAM, 0));
    numbers();
    own_numbers();
    return 0;
}
