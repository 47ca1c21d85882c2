/* Has many of something, then waits until its input ends or it is killed: crowd KIND COUNT [PORT]
 *
 * sockets  COUNT sockets, which are connections to itself
 * unread   the same, and every end has sent all that it can
 * sink     listens, and never reads from whom it lets in
 * source   COUNT connections to PORT, each of which has sent all that it can
 * refused  sockets until there are no more, or COUNT: then it prints why there are no more
 * forks    COUNT connections to itself, which children share, use and leave at any moment, eight of them at a time */
#include "call.h"

#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { CHILDREN = 8, PIECE = 65536 };

static int *ends;
static int count;

/* As much as SendQ and the other end's RecvQ hold. */
static void fill(int fd)
{
    static char bytes[PIECE];
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
}

static void open_pairs(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = loopback(0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 4096) < 0)
        err(1, "listener");
    struct sockaddr_in at = local_address(listener);
    for (int i = 0; i + 1 < count; i += 2) {
        ends[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (ends[i] < 0 || connect(ends[i], (struct sockaddr *)&at, sizeof at) < 0)
            err(1, "connection %d", i / 2);
        ends[i + 1] = accept_connection(listener);
    }
    close(listener);
}

static void open_to(int port)
{
    struct sockaddr_in at = loopback(port);
    for (int i = 0; i < count; i++) {
        ends[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (ends[i] < 0 || connect(ends[i], (struct sockaddr *)&at, sizeof at) < 0)
            err(1, "connection %d", i);
        fill(ends[i]);
    }
}

static void let_in(void)
{
    int listener = new_listener();
    printf("listening on port %u\n", ntohs(local_address(listener).sin_port));
    fflush(stdout);
    for (;;)
        accept_connection(listener);
}

/* ---- processes ---- */

/* What a child does with sockets that others have as well, until it is killed. */
static void use_shared(unsigned seed)
{
    static char bytes[4096];
    for (;;) {
        int fd = ends[rand_r(&seed) % (unsigned)count];
        struct pollfd entry = { .fd = fd, .events = POLLIN | POLLOUT };
        switch (rand_r(&seed) % 6) {
        case 0:
            send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
            break;
        case 1:
            recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
            break;
        case 2:
            poll(&entry, 1, 1);
            break;
        case 3:
            set(fd, SOL_SOCKET, SO_SNDBUF, (int)(rand_r(&seed) % 1000000));
            break;
        case 4:
            set(fd, SOL_SOCKET, SO_RCVBUF, (int)(rand_r(&seed) % 1000000));
            break;
        default:
            close(dup(fd));
        }
    }
}

static void fork_for_ever(void)
{
    pid_t children[CHILDREN] = { 0 }, self = getpid();
    for (unsigned turn = 0;; turn++) {
        struct timespec time = { 0, 5000000 };
        unsigned i = turn % CHILDREN;
        if (children[i] > 0) {
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, 0);
        }
        children[i] = fork();
        if (children[i] == 0) {
            /* It must not outlive its parent. */
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != self)
                _exit(0);
            use_shared(turn);
        }
        nanosleep(&time, NULL);
    }
}

/* Opens sockets until it may have no more. */
static void open_all(void)
{
    int made = 0;
    while (made < count && socket(AF_INET, SOCK_STREAM, 0) >= 0)
        made++;
    printf("refused %s\n", made < count ? strerrorname_np(errno) : "nothing");
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "crowd KIND COUNT [PORT]");
    const char *kind = argv[1];
    count = (int)number(argv[2], 1, 100000, "COUNT");
    ends = calloc((size_t)count, sizeof *ends);
    if (!ends)
        err(1, "memory");
    if (strcmp(kind, "sink") == 0)
        let_in();
    else if (strcmp(kind, "source") == 0)
        open_to((int)number(argv[3], 1, 65535, "PORT"));
    else if (strcmp(kind, "refused") == 0)
        open_all();
    else
        open_pairs();
    for (int i = 0; strcmp(kind, "unread") == 0 && i < count; i++)
        fill(ends[i]);
    printf("ready\n");
    fflush(stdout);
    if (strcmp(kind, "forks") == 0)
        fork_for_ever();
    while (getchar() != EOF)
        ;
    return 0;
}
