/* Two programs that keep to the rules, and measure how long they wait for each other: over Sockeye, and at the same time over the kernel.
 *
 * bystander serve               answers what it gets with the same, on two ports, one of each stack
 * bystander measure OURS THEIRS asks and compares, over and over, with a pause of a millisecond, until its input ends
 * bystander once OURS           asks one time, over a connection of its own: whether a new program can
 *
 * A round trip waits in recv(), poll() and epoll_wait() in turn; every 32nd is of many bytes, every 64th over a new connection. What takes too
 * long is printed when it ends, with its start and end: "slow ours 1000.1 1060.3", in milliseconds. The kernel's are counted from when
 * they ought to have begun: that a thread wakes late is the machine's doing, too. On "pause" it prints the counts and the longest ones since
 * the last time, and rests until "go". */
#include "call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

enum { FEW = 64, MANY = 64 * 1024, MANY_EACH = 32, FRESH_EACH = 64 };

#define MILLISECOND INT64_C(1000000)
/* Slower ones are printed. */
#define OURS_SLOW (50 * MILLISECOND)
#define KERNEL_SLOW (25 * MILLISECOND)
/* How long a pause waits for a round trip to end. */
#define PATIENCE (20 * 1000 * MILLISECOND)

/* One of the two stacks. */
struct stack {
    const char *name;
    bool is_ours;
    int64_t slow;
    struct sockaddr_in at;
    atomic_long trips;
    atomic_llong longest, since;
    atomic_bool rests;
};

static struct stack ours = { .name = "ours", .is_ours = true, .slow = OURS_SLOW };
static struct stack kernel = { .name = "kernel", .slow = KERNEL_SLOW };
static atomic_bool is_paused;

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void rest(void)
{
    struct timespec time = { 0, MILLISECOND };
    nanosleep(&time, NULL);
}

/* ---- the two stacks: the kernel's own sockets are made and used past the library ---- */

static int open_stream(const struct stack *stack)
{
    int fd = stack->is_ours ? socket(AF_INET, SOCK_STREAM, 0) : (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        err(1, "%s: socket", stack->name);
    return fd;
}

/* No end waits for an ACK before it sends what is short. */
static void send_at_once(const struct stack *stack, int fd)
{
    int on = 1;
    if ((stack->is_ours ? setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)
                        : syscall(SYS_setsockopt, fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) < 0)
        err(1, "%s: setsockopt", stack->name);
}

static int connect_stream(const struct stack *stack)
{
    int fd = open_stream(stack);
    const struct sockaddr *at = (const struct sockaddr *)&stack->at;
    if ((stack->is_ours ? connect(fd, at, sizeof stack->at) : syscall(SYS_connect, fd, at, sizeof stack->at)) < 0)
        err(1, "%s: connect", stack->name);
    send_at_once(stack, fd);
    return fd;
}

static int listen_stream(const struct stack *stack)
{
    struct sockaddr_in at = loopback(0);
    socklen_t length = sizeof at;
    int fd = open_stream(stack);
    if (stack->is_ours ? bind(fd, (struct sockaddr *)&at, length) < 0 || listen(fd, 64) < 0
                       : syscall(SYS_bind, fd, &at, length) < 0 || syscall(SYS_listen, fd, 64) < 0)
        err(1, "%s: listen", stack->name);
    if ((stack->is_ours ? getsockname(fd, (struct sockaddr *)&at, &length) : syscall(SYS_getsockname, fd, &at, &length)) < 0)
        err(1, "%s: getsockname", stack->name);
    printf("listening on port %u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static ssize_t receive(const struct stack *stack, int fd, char *bytes, size_t length)
{
    return stack->is_ours ? recv(fd, bytes, length, 0) : syscall(SYS_recvfrom, fd, bytes, length, 0, NULL, NULL);
}

static bool send_all(const struct stack *stack, int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = stack->is_ours ? send(fd, bytes, length, MSG_NOSIGNAL)
                                      : syscall(SYS_sendto, fd, bytes, length, MSG_NOSIGNAL, NULL, 0);
        if (sent < 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* ---- who answers ---- */

struct guest { const struct stack *stack; int fd; };

static void *answer(void *given)
{
    struct guest *guest = given;
    char *bytes = malloc(MANY);
    ssize_t count;
    /* A guest may end as it likes. */
    while (bytes && (count = receive(guest->stack, guest->fd, bytes, MANY)) > 0)
        if (!send_all(guest->stack, guest->fd, bytes, (size_t)count))
            break;
    free(bytes);
    close(guest->fd);
    free(guest);
    return NULL;
}

static void *serve(void *given)
{
    const struct stack *stack = given;
    int listener = stack->at.sin_port;
    for (;;) {
        struct guest *guest = malloc(sizeof *guest);
        pthread_t thread;
        int fd = stack->is_ours ? accept(listener, NULL, NULL) : (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
        if (fd < 0 || !guest)
            err(1, "%s: accept", stack->name);
        send_at_once(stack, fd);
        *guest = (struct guest) { stack, fd };
        if (pthread_create(&thread, NULL, answer, guest) != 0)
            errx(1, "no thread");
        pthread_detach(thread);
    }
    return NULL;
}

/* ---- who asks ---- */

static void fill(char *bytes, size_t length, uint64_t trip)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(trip * 31 + i + (i >> 8));
}

/* Waits for bytes in one of three ways. */
static void wait_for(const struct stack *stack, int fd, int set, uint64_t trip)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    struct epoll_event event;
    if (!stack->is_ours)
        return;
    if (trip % 3 == 1 && poll(&entry, 1, -1) < 0)
        err(1, "poll");
    if (trip % 3 == 2 && epoll_wait(set, &event, 1, -1) < 0)
        err(1, "epoll_wait");
}

static void ask(const struct stack *stack, int fd, int set, uint64_t trip)
{
    static _Thread_local char bytes[MANY], expected[MANY];
    size_t length = trip % MANY_EACH == 0 ? MANY : FEW;
    fill(expected, length, trip);
    if (!send_all(stack, fd, expected, length))
        err(1, "%s: send", stack->name);
    for (size_t done = 0; done < length;) {
        wait_for(stack, fd, set, trip);
        ssize_t count = receive(stack, fd, bytes + done, length - done);
        if (count <= 0)
            err(1, "%s: recv gives %zd", stack->name, count);
        done += (size_t)count;
    }
    if (memcmp(bytes, expected, length) != 0)
        errx(1, "%s: other bytes than those sent, in round trip %ju", stack->name, (uintmax_t)trip);
}

/* One round trip, over a connection that is reset afterwards: no TIME-WAIT stays. */
static void ask_anew(const struct stack *stack, uint64_t trip)
{
    struct linger none = { .l_onoff = 1 };
    int fd = connect_stream(stack);
    ask(stack, fd, -1, trip * MANY_EACH * 3 + 3);
    if (stack->is_ours)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    else
        syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

static void note(struct stack *stack, int64_t start, int64_t end)
{
    long long longest = atomic_load(&stack->longest);
    while (end - start > longest && !atomic_compare_exchange_weak(&stack->longest, &longest, end - start))
        ;
    if (end - start > stack->slow) {
        printf("slow %s %.1f %.1f\n", stack->name, (double)start / MILLISECOND, (double)end / MILLISECOND);
        fflush(stdout);
    }
}

static void *measure(void *given)
{
    struct stack *stack = given;
    int fd = connect_stream(stack), set = -1;
    if (stack->is_ours) {
        struct epoll_event event = { .events = EPOLLIN };
        set = epoll_create1(0);
        if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
            err(1, "epoll");
    }
    int64_t end = now();
    for (uint64_t trip = 1;; trip++) {
        atomic_store(&stack->since, 0);
        rest();
        while (atomic_load(&is_paused)) {
            atomic_store(&stack->rests, true);
            rest();
            end = now();
        }
        atomic_store(&stack->rests, false);
        int64_t start = stack->is_ours ? now() : end + MILLISECOND;
        atomic_store(&stack->since, start);
        if (trip % FRESH_EACH == 0)
            ask_anew(stack, trip);
        else
            ask(stack, fd, set, trip);
        end = now();
        note(stack, start, end);
        atomic_fetch_add(&stack->trips, 1);
    }
    return NULL;
}

static void pause_one(struct stack *stack)
{
    int64_t start = now();
    while (!atomic_load(&stack->rests)) {
        int64_t since = atomic_load(&stack->since);
        if (since && now() - start > PATIENCE)
            errx(1, "%s: no answer for %.1f s", stack->name, (double)(now() - since) / 1000 / MILLISECOND);
        rest();
    }
}

static void report(void)
{
    printf("report %ld %.1f %ld %.1f\n", atomic_exchange(&ours.trips, 0), (double)atomic_exchange(&ours.longest, 0) / MILLISECOND,
           atomic_exchange(&kernel.trips, 0), (double)atomic_exchange(&kernel.longest, 0) / MILLISECOND);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static char line[64];
    pthread_t thread;
    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        ours.at.sin_port = (in_port_t)listen_stream(&ours);
        kernel.at.sin_port = (in_port_t)listen_stream(&kernel);
        pthread_create(&thread, NULL, serve, &kernel);
        serve(&ours);
    }
    if (argc < 3)
        errx(2, "bystander serve | measure OURS THEIRS | once OURS");
    ours.at = loopback((int)number(argv[2], 1, 65535, "OURS"));
    if (strcmp(argv[1], "once") == 0) {
        ask_anew(&ours, 3);
        return 0;
    }
    kernel.at = loopback((int)number(argv[3], 1, 65535, "THEIRS"));
    pthread_create(&thread, NULL, measure, &kernel);
    pthread_create(&thread, NULL, measure, &ours);
    while (fgets(line, sizeof line, stdin)) {
        bool pauses = strcmp(line, "pause\n") == 0;
        atomic_store(&is_paused, pauses);
        if (pauses) {
            pause_one(&ours);
            pause_one(&kernel);
            report();
        }
    }
    return 0;
}
