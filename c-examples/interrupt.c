/* Checks what interrupts, bounds and shapes blocking calls: signals, timeouts, flags, SIGPIPE. Prints a line for each. */
#include "example.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t signals;
static int failures;

static void count_signal(int signal_number)
{
    (void)signal_number;
    signals++;
}

static void check(int holds, const char *what)
{
    printf("%s - %s\n", holds ? "ok" : "not ok", what);
    fflush(stdout);
    failures += !holds;
}

static long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void alarm_in(int ms)
{
    struct itimerval timer = { .it_value = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 } };
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void set_timeout(int fd, int option, int ms)
{
    struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
    if (setsockopt(fd, SOL_SOCKET, option, &time, sizeof time) < 0)
        err(1, "setsockopt timeout");
}

/* In a child: after some milliseconds sends a few bytes. */
static pid_t send_later(int fd, int ms, const char *text)
{
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    if (child == 0) {
        struct timespec nap = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
        nanosleep(&nap, NULL);
        ssize_t count = write(fd, text, strlen(text));
        _exit(count == (ssize_t)strlen(text) ? 0 : 1);
    }
    return child;
}

static void expect_child(pid_t child, const char *what)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, what);
}

static void check_signals(int near, int far)
{
    char buffer[64];
    on_signal(SIGALRM, count_signal, 0);
    alarm_in(100);
    ssize_t count = recv(near, buffer, sizeof buffer, 0);
    check(count == -1 && errno == EINTR && signals == 1, "a signal handler interrupts recv: EINTR");

    on_signal(SIGALRM, count_signal, SA_RESTART);
    signals = 0;
    pid_t child = send_later(far, 300, "hello");
    alarm_in(100);
    count = recv(near, buffer, sizeof buffer, 0);
    check(count == 5 && signals == 1, "with SA_RESTART recv goes on waiting");
    expect_child(child, "a child can send on a socket that it inherited");
}

static void check_timeouts(int near)
{
    char buffer[64];
    long long start = milliseconds();
    set_timeout(near, SO_RCVTIMEO, 200);
    ssize_t count = recv(near, buffer, sizeof buffer, 0);
    long long took = milliseconds() - start;
    check(count == -1 && (errno == EAGAIN || errno == EWOULDBLOCK), "SO_RCVTIMEO ends recv: EAGAIN");
    check(took >= 190 && took < 5000, "SO_RCVTIMEO waits as long as it says");
    set_timeout(near, SO_RCVTIMEO, 0);
    count = recv(near, buffer, sizeof buffer, MSG_DONTWAIT);
    check(count == -1 && (errno == EAGAIN || errno == EWOULDBLOCK), "MSG_DONTWAIT does not wait: EAGAIN");
}

static void check_flags(int near, int far)
{
    char buffer[64];
    if (send(far, "abcdef", 6, 0) != 6)
        err(1, "send");
    check(recv(near, buffer, 4, MSG_PEEK) == 4 && memcmp(buffer, "abcd", 4) == 0, "MSG_PEEK shows bytes");
    int available = 0;
    check(ioctl(near, FIONREAD, &available) == 0 && available == 6, "FIONREAD counts them");
    check(recv(near, buffer, 4, 0) == 4 && memcmp(buffer, "abcd", 4) == 0, "and leaves them");
    check(recv(near, NULL, 2, MSG_TRUNC) == 2, "MSG_TRUNC throws bytes away");
    check(recv(near, buffer, 4, MSG_DONTWAIT) == -1, "and they are gone");

    if (send(far, "123", 3, 0) != 3)
        err(1, "send");
    pid_t child = send_later(far, 150, "456");
    check(recv(near, buffer, 6, MSG_WAITALL) == 6 && memcmp(buffer, "123456", 6) == 0, "MSG_WAITALL waits for all");
    expect_child(child, "the rest was sent later");
}

static void check_streams(int near, int far)
{
    char buffer[64];
    int length = dprintf(far, "%s %d %d %d %d %.2f %c\n", "printed", 1, 2, 3, 4, 5.25, 'x');
    check(length == 23 && recv(near, buffer, 23, MSG_WAITALL) == 23 && memcmp(buffer, "printed 1 2 3 4 5.25 x\n", 23) == 0,
          "dprintf prints to a socket");
    int copy = dup(far);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, "w");
    check(stream != NULL && fileno(stream) == copy, "fdopen makes a stream of a socket");
    check(stream != NULL && fprintf(stream, "stream %d\n", 7) == 9 && fclose(stream) == 0, "it can be printed to");
    check(recv(near, buffer, 9, MSG_WAITALL) == 9 && memcmp(buffer, "stream 7\n", 9) == 0, "and that arrives");
}

static void check_full(int near, int far)
{
    static char block[65536];
    set_timeout(near, SO_SNDTIMEO, 200);
    long long total = 0;
    ssize_t count;
    while ((count = send(near, block, sizeof block, 0)) > 0)
        total += count;
    check(count == -1 && (errno == EAGAIN || errno == EWOULDBLOCK) && total > 0, "SO_SNDTIMEO ends send: EAGAIN");
    count = send(near, block, sizeof block, MSG_DONTWAIT);
    check(count == -1 && (errno == EAGAIN || errno == EWOULDBLOCK), "send with MSG_DONTWAIT: EAGAIN");
    set_timeout(near, SO_SNDTIMEO, 0);
    on_signal(SIGALRM, count_signal, 0);
    signals = 0;
    alarm_in(100);
    count = send(near, block, sizeof block, 0);
    check(count == -1 && errno == EINTR && signals == 1, "a signal handler interrupts send: EINTR");
    while (total > 0) {
        count = recv(far, block, sizeof block, 0);
        if (count <= 0)
            break;
        total -= count;
    }
    check(total == 0, "what was taken arrives");
}

static void check_reset(int near, int far)
{
    char buffer[8];
    on_signal(SIGPIPE, count_signal, 0);
    signals = 0;
    if (send(near, "unread", 6, 0) != 6)
        err(1, "send");
    /* Until the bytes are there: closing with unread bytes resets. */
    if (recv(far, buffer, 6, MSG_PEEK | MSG_WAITALL) != 6)
        err(1, "recv");
    close(far);
    ssize_t count = recv(near, buffer, sizeof buffer, 0);
    check(count == -1 && errno == ECONNRESET, "closing with unread bytes resets: ECONNRESET");
    count = send(near, "x", 1, MSG_NOSIGNAL);
    check(count == -1 && errno == EPIPE && signals == 0, "then send with MSG_NOSIGNAL: EPIPE, no signal");
    count = send(near, "x", 1, 0);
    check(count == -1 && errno == EPIPE && signals == 1, "then send: EPIPE and SIGPIPE");
    count = write(near, "x", 1);
    check(count == -1 && errno == EPIPE && signals == 2, "then write: EPIPE and SIGPIPE");
    check(recv(near, buffer, sizeof buffer, 0) == 0, "then recv: end of file");
}

static int closed_fd;

static void *receive_one(void *received)
{
    char *text = received;
    ssize_t count = recv(closed_fd, text, 4, 0);
    text[count < 0 ? 0 : count] = 0;
    return NULL;
}

/* close() under another thread's recv(): the call goes on until it has something. */
static void check_close_under_recv(int near, int far)
{
    char text[5] = "";
    pthread_t thread;
    closed_fd = near;
    if (pthread_create(&thread, NULL, receive_one, text) != 0)
        errx(1, "pthread_create");
    nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
    close(near);
    nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
    ssize_t count = send(far, "late", 4, MSG_NOSIGNAL);
    pthread_join(thread, NULL);
    check(count == 4 && strcmp(text, "late") == 0, "close() under recv() lets it go on");
    check(recv(far, text, 1, 0) == 0, "the connection is closed after it");
    close(far);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return 2;
    }
    struct address address = parse_address(argv[1], "0");
    int listener = open_socket(&address);
    listen_on(listener, &address);
    if (getsockname(listener, (struct sockaddr *)&address.storage, &address.length) < 0)
        err(1, "getsockname");
    int near = open_socket(&address);
    connect_to(near, &address);
    int far = accept_connection(listener);
    check_signals(near, far);
    check_timeouts(near);
    check_flags(near, far);
    check_streams(near, far);
    check_full(near, far);
    check_reset(near, far);
    close(near);
    near = open_socket(&address);
    connect_to(near, &address);
    far = accept_connection(listener);
    check_close_under_recv(near, far);
    close(listener);
    return failures == 0 ? 0 : 1;
}
