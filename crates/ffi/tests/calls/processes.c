/* Each way to another process: it holds the connection, after this one has closed it. */
#include "call.h"

#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static char *own_path, own_number[16], command[4200];

/* What the other process does: it finds the connection at a number, and uses it. */
static int use_connection(int fd)
{
    int copy = dup(fd);
    close(fd);
    return write(copy, "hello", 5) == 5 ? 0 : 1;
}

static int become_user(void *arguments)
{
    return execv(own_path, arguments);
}

/* What arrives until the other process has ended. */
static void tell_text(int fd, const char *way)
{
    char text[16];
    ssize_t total = 0, count;
    while ((count = read(fd, text + total, sizeof text - (size_t)total)) > 0)
        total += count;
    if (tell(count, "%s", way) == 0)
        printf("  %.*s\n", (int)total, text);
}

static void name_number(int fd)
{
    snprintf(own_number, sizeof own_number, "%d", fd);
    snprintf(command, sizeof command, "%s use %d", own_path, fd);
}

/* Ways that end in another process beside this one. Each returns what waits for it. */
enum way { FORK, VFORK, CLONE, SPAWN, SPAWNP, SYSTEM, POPEN, WAYS };

static pid_t begin(enum way way, int fd)
{
    char *arguments[] = { own_path, "use", own_number, NULL };
    static char stack[65536];
    pid_t child = -1;
    switch (way) {
    case FORK:
        child = fork();
        if (child == 0)
            _exit(use_connection(fd));
        return child;
    case VFORK:
        child = vfork();
        if (child == 0) {
            execv(own_path, arguments);
            _exit(1);
        }
        return child;
    case CLONE:
        return clone(become_user, stack + sizeof stack, SIGCHLD, arguments);
    case SPAWN:
        return posix_spawn(&child, own_path, NULL, NULL, arguments, environ) == 0 ? child : -1;
    case SPAWNP:
        return posix_spawnp(&child, own_path, NULL, NULL, arguments, environ) == 0 ? child : -1;
    case SYSTEM:
        return system(command) == 0 ? 0 : -1;
    case POPEN: {
        FILE *stream = popen(command, "r");
        return stream != NULL && pclose(stream) == 0 ? 0 : -1;
    }
    default:
        return -1;
    }
}

static void beside(enum way way, const char *name)
{
    int ends[2];
    new_pair(ends);
    name_number(ends[1]);
    fflush(stdout);
    pid_t child = begin(way, ends[1]);
    if (child < 0)
        err(1, "%s", name);
    /* As the only one: the end of the connection is told once the other process has ended, too. */
    close(ends[1]);
    tell_text(ends[0], name);
    close(ends[0]);
    if (child > 0 && waitpid(child, NULL, 0) != child)
        err(1, "waitpid");
}

/* Ways in which another program takes the place of this one. */
enum program { EXECVE, EXECV, EXECVP, EXECVPE, EXECL, EXECLE, EXECLP, FEXECVE, EXECVEAT, PROGRAMS };

static void become(enum program way)
{
    char *arguments[] = { own_path, "use", own_number, NULL };
    switch (way) {
    case EXECVE: execve(own_path, arguments, environ); break;
    case EXECV: execv(own_path, arguments); break;
    case EXECVP: execvp(own_path, arguments); break;
    case EXECVPE: execvpe(own_path, arguments, environ); break;
    case EXECL: execl(own_path, own_path, "use", own_number, (char *)NULL); break;
    case EXECLE: execle(own_path, own_path, "use", own_number, (char *)NULL, environ); break;
    case EXECLP: execlp(own_path, own_path, "use", own_number, (char *)NULL); break;
    case FEXECVE: fexecve(open(own_path, O_RDONLY), arguments, environ); break;
    case EXECVEAT: execveat(AT_FDCWD, own_path, arguments, environ, 0); break;
    default: break;
    }
    err(1, "exec");
}

/* A child makes a connection of its own, which nobody has but it, and becomes another program. */
static void instead(enum program way, const char *name)
{
    int listener = new_listener();
    struct sockaddr_in address = local_address(listener);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
            err(1, "connect");
        name_number(fd);
        become(way);
    }
    int fd = accept_connection(listener);
    close(listener);
    tell_text(fd, name);
    close(fd);
    waitpid(child, NULL, 0);
}

/* A connection goes, by two numbers, to a process that was there before it. */
static void pass(void)
{
    int post[2], ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, post) < 0)
        err(1, "socketpair");
    fflush(stdout);
    pid_t child = fork();
    char byte = 0;
    union { char bytes[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr header; } control = { { 0 } };
    struct iovec part = { .iov_base = &byte, .iov_len = 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
    message.msg_controllen = sizeof control;
    if (child == 0) {
        close(post[0]);
        int fds[2];
        if (recvmsg(post[1], &message, 0) != 1)
            err(1, "recvmsg");
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fds);
        close(fds[0]);
        _exit(use_connection(fds[1]));
    }
    close(post[1]);
    new_pair(ends);
    int fds[2] = { ends[1], dup(ends[1]) };
    control.header = (struct cmsghdr){ CMSG_LEN(sizeof fds), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
    if (sendmsg(post[0], &message, 0) != 1)
        err(1, "sendmsg");
    close(fds[0]);
    close(fds[1]);
    tell_text(ends[0], "SCM_RIGHTS");
    close(ends[0]);
    waitpid(child, NULL, 0);
}

/* Flags of descriptors and of sockets stay as they are when a socket is shared. */
static void keep_flags(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), copy = dup(fd);
    for (int is_shared = 0; is_shared < 2; is_shared++) {
        tell(fcntl(fd, F_GETFL), "F_GETFL");
        tell(fcntl(fd, F_GETFD), "F_GETFD");
        tell(fcntl(copy, F_GETFD), "F_GETFD of a copy");
        tell(fcntl(copy, F_SETFL, O_RDWR | (is_shared ? O_NONBLOCK : 0)), "F_SETFL");
        tell(fcntl(fd, F_GETFL), "F_GETFL");
        int on = 1;
        tell(ioctl(fd, FIONBIO, &on), "FIONBIO");
        tell(fcntl(copy, F_GETFL), "F_GETFL of a copy");
        tell(fcntl(fd, F_SETOWN, getpid()), "F_SETOWN");
        tell(fcntl(copy, F_GETOWN) == getpid(), "F_GETOWN of a copy");
    }
    close(fd);
    tell(fcntl(copy, F_GETFD), "the copy");
    close(copy);
    tell(fcntl(copy, F_GETFD), "closed");
}

/* By the kernel's numbers, as libuv does. */
static void by_number(void)
{
    int ends[2];
    new_pair(ends);
    int copy = (int)syscall(SYS_dup, ends[1]);
    if (copy < 0 || tell(syscall(SYS_dup2, copy, 60), "dup2") != 60 || tell(syscall(SYS_dup3, copy, 61, O_CLOEXEC), "dup3") != 61)
        err(1, "dup");
    tell(fcntl(61, F_GETFD), "F_GETFD");
    tell(syscall(SYS_dup3, copy, 61, -1), "dup3 with no flags");
    tell(syscall(SYS_close, ends[1]), "close");
    tell(syscall(SYS_close, ends[1]), "close again");
    tell(syscall(SYS_close_range, 60, 61, 0), "close_range");
    char byte;
    tell(recv(ends[0], &byte, 1, MSG_DONTWAIT), "while there is a copy");
    tell(write(copy, "x", 1), "write");
    tell(syscall(SYS_close, copy), "close");
    tell(read(ends[0], &byte, 1), "read");
    tell(read(ends[0], &byte, 1), "read to the end");
    /* Six arguments, and an error. */
    tell(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1, "mmap");
    tell(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 1), "mmap");
    close(ends[0]);
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return use_connection(atoi(argv[2]));
    own_path = argv[0];
    static const char *ways[WAYS] = { "fork", "vfork", "clone", "posix_spawn", "posix_spawnp", "system", "popen" };
    for (enum way way = 0; way < WAYS; way++)
        beside(way, ways[way]);
    static const char *programs[PROGRAMS] = {
        "execve", "execv", "execvp", "execvpe", "execl", "execle", "execlp", "fexecve", "execveat",
    };
    for (enum program way = 0; way < PROGRAMS; way++)
        instead(way, programs[way]);
    pass();
    keep_flags();
    by_number();
    return 0;
}
