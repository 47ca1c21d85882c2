/* Children that serve their parent's listener where the path of the host process's socket leads nowhere, or is another user's. */
#include "call.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

enum jail { NOTHING, ROOT, MOUNTS, USER, JAILS };

static const char *const names[] = { "nothing", "another root folder", "another /tmp", "another user" };

/* Who is not root is allowed the first two in a namespace of its own. */
static int enter(enum jail jail)
{
    int is_root = geteuid() == 0;
    switch (jail) {
    case NOTHING:
        return 0;
    case ROOT:
        if (!is_root && unshare(CLONE_NEWUSER) < 0)
            return -1;
        return chroot("/proc/self") < 0 ? -1 : chdir("/");
    case MOUNTS:
        if (unshare(is_root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
            return -1;
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            return -1;
        return mount("none", "/tmp", "tmpfs", 0, NULL);
    case USER:
        return setgid(65534) < 0 ? -1 : setuid(65534);
    default:
        return -1;
    }
}

/* What is allowed differs between systems: a child that is not allowed says so, and serves as it is. */
static int serve(int listener, enum jail jail)
{
    char text[16];
    tell(enter(jail), "%s", names[jail]);
    int fd = accept(listener, NULL, NULL);
    tell(fd < 0 ? -1 : 0, "accept");
    ssize_t count = tell(read(fd, text, sizeof text), "read");
    if (count > 0)
        tell(write(fd, text, (size_t)count), "write");
    /* A socket of its own. */
    int own = socket(AF_INET, SOCK_STREAM, 0);
    tell(own < 0 ? -1 : 0, "socket");
    return 0;
}

static void ask(struct sockaddr_in address)
{
    char text[16];
    struct timeval patience = { .tv_sec = 3 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "connect");
    if (write(fd, "hello", 5) != 5)
        err(1, "write");
    /* Printed by the child until its end, then by this process. */
    ssize_t count = read(fd, text, sizeof text);
    wait(NULL);
    tell(count, "answer");
    close(fd);
}

int main(void)
{
    int listener = new_listener();
    struct sockaddr_in address = local_address(listener);
    for (enum jail jail = NOTHING; jail < JAILS; jail++) {
        pid_t child = fork();
        if (child < 0)
            err(1, "fork");
        if (child == 0)
            _exit(serve(listener, jail));
        ask(address);
    }
    return 0;
}
