/* splice() between pipes and sockets: amounts, waits, ends, errors, signals, and the bytes themselves. */
#include "call.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#define LARGE 2000000

enum end { OUT, IN };

static volatile sig_atomic_t pipe_signals;

static void on_pipe(int signal_number)
{
    (void)signal_number;
    pipe_signals++;
}

/* A call of splice() without offsets, and the signals that it brought. */
static long tell_splice(int from, int to, size_t length, unsigned flags, const char *label)
{
    pipe_signals = 0;
    long moved = tell(splice(from, NULL, to, NULL, length, flags), "%s", label);
    int error = errno;
    if (pipe_signals > 0)
        printf("  SIGPIPE: %d\n", (int)pipe_signals);
    errno = error;
    return moved;
}

static void new_pipe(int pipe_ends[2])
{
    if (pipe(pipe_ends) < 0)
        err(1, "pipe");
}

/* A pipe that has a name: kernels treat it apart where a write must not wait. */
static void new_fifo(int pipe_ends[2])
{
    char folder[] = "/tmp/sockeye-splice-XXXXXX", path[PATH_MAX];
    if (mkdtemp(folder) == NULL)
        err(1, "mkdtemp");
    snprintf(path, sizeof path, "%s/fifo", folder);
    if (mkfifo(path, 0600) < 0)
        err(1, "mkfifo");
    int both = open(path, O_RDWR);
    pipe_ends[OUT] = open(path, O_RDONLY);
    pipe_ends[IN] = open(path, O_WRONLY);
    if (both < 0 || pipe_ends[OUT] < 0 || pipe_ends[IN] < 0 || unlink(path) < 0 || rmdir(folder) < 0)
        err(1, "fifo");
    close(both);
}

static void close_both(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void put(int fd, const char *text)
{
    if (writen(fd, text, strlen(text)) < 0)
        err(1, "write");
}

/* What is read at once. */
static void print_read(int fd, const char *label)
{
    char buffer[64];
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (tell(count, "%s", label) > 0)
        printf("  \"%.*s\"\n", (int)count, buffer);
}

/* Reads so much, and prints it. */
static void print_all(int fd, size_t length, const char *label)
{
    char buffer[64];
    ssize_t count = readn(fd, buffer, length);
    if (tell(count, "%s", label) > 0)
        printf("  \"%.*s\"\n", (int)count, buffer);
}

static int held(int fd)
{
    int count = 0;
    if (ioctl(fd, FIONREAD, &count) < 0)
        err(1, "FIONREAD");
    return count;
}

/* Fills a pipe to the last byte. */
static void fill(int pipe_ends[2])
{
    static char zeros[4096];
    int flags = fcntl(pipe_ends[IN], F_GETFL);
    set_nonblocking(pipe_ends[IN]);
    while (write(pipe_ends[IN], zeros, sizeof zeros) > 0)
        ;
    if (fcntl(pipe_ends[IN], F_SETFL, flags) < 0)
        err(1, "fcntl");
}

static void arguments(void)
{
    int ends[2], pipe_ends[2];
    off64_t offset = 0;
    new_pair(ends);
    new_pipe(pipe_ends);
    put(pipe_ends[IN], "text");
    int null = open("/dev/null", O_RDWR);
    int reader = open("/dev/zero", O_RDONLY);
    int folder = open("/tmp", O_RDONLY | O_DIRECTORY);
    int path = open("/tmp", O_PATH);
    tell_splice(ends[0], ends[1], 4, 0, "socket to socket");
    tell_splice(ends[0], ends[0], 4, 0, "socket to itself");
    tell_splice(ends[0], null, 4, 0, "socket to no pipe");
    tell_splice(reader, ends[0], 4, 0, "no pipe to socket");
    tell_splice(ends[0], reader, 4, 0, "socket to what is only to read");
    tell_splice(folder, ends[0], 4, 0, "folder to socket");
    tell_splice(path, ends[0], 4, 0, "path to socket");
    tell_splice(-1, ends[0], 4, 0, "no descriptor to socket");
    tell_splice(ends[0], -1, 4, 0, "socket to no descriptor");
    tell_splice(999, ends[0], 4, 0, "no open descriptor to socket");
    tell_splice(ends[0], 999, 4, 0, "socket to no open descriptor");
    tell_splice(pipe_ends[IN], ends[0], 4, 0, "the wrong end of a pipe to socket");
    tell_splice(ends[0], pipe_ends[OUT], 4, 0, "socket to the wrong end of a pipe");
    tell_splice(pipe_ends[OUT], ends[0], 4, 0x10, "unknown flag");
    tell_splice(pipe_ends[OUT], ends[0], 0, 0x10, "nothing, with an unknown flag");
    tell_splice(-1, ends[0], 0, 0, "nothing, from no descriptor");
    tell_splice(pipe_ends[OUT], ends[0], 0, 0, "nothing to socket");
    tell_splice(ends[1], pipe_ends[IN], 0, 0, "nothing to pipe");
    tell(splice(pipe_ends[OUT], &offset, ends[0], NULL, 4, 0), "offset of the pipe to read");
    tell(splice(pipe_ends[OUT], NULL, ends[0], &offset, 4, 0), "offset of the socket to send");
    tell(splice(ends[0], &offset, pipe_ends[IN], NULL, 4, 0), "offset of the socket to receive");
    tell(splice(ends[0], NULL, pipe_ends[IN], &offset, 4, 0), "offset of the pipe to write");
    tell(splice(ends[0], NULL, pipe_ends[OUT], &offset, 4, 0), "offset of the wrong end of a pipe");
    tell(splice(ends[0], &offset, pipe_ends[OUT], NULL, 4, 0), "offset of a socket, wrong end of a pipe");
    tell(splice(-1, NULL, ends[0], &offset, 4, 0), "offset of the socket, no descriptor");
    tell(splice(null, &offset, ends[0], NULL, 4, 0), "offset of no pipe");
    tell(offset, "the offset");
    tell(held(pipe_ends[OUT]), "still in the pipe");
    tell_splice(pipe_ends[OUT], ends[0], 4, SPLICE_F_MOVE | SPLICE_F_GIFT, "moved");
    print_all(ends[1], 4, "  arrived");
    close(null);
    close(reader);
    close(folder);
    close(path);
    close_both(pipe_ends);
    close_both(ends);
}

static void states(void)
{
    int pipe_ends[2], listener = new_listener(), fresh = socket(AF_INET, SOCK_STREAM, 0);
    int sockets[] = { fresh, listener };
    const char *names[] = { "fresh", "listener" };
    new_pipe(pipe_ends);
    for (int i = 0; i < 2; i++) {
        printf("%s\n", names[i]);
        tell_splice(sockets[i], pipe_ends[IN], 4, 0, "to pipe");
        tell_splice(pipe_ends[OUT], sockets[i], 4, SPLICE_F_NONBLOCK, "from an empty pipe");
        put(pipe_ends[IN], "text");
        tell_splice(pipe_ends[OUT], sockets[i], 4, 0, "from pipe");
        tell(held(pipe_ends[OUT]), "still in the pipe");
        print_all(pipe_ends[OUT], 4, "  which is");
    }
    close(fresh);
    close(listener);
    close_both(pipe_ends);
}

static void to_socket(void (*make)(int[2]))
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    make(pipe_ends);
    put(pipe_ends[IN], "abcdefgh");
    tell_splice(pipe_ends[OUT], ends[0], 3, 0, "a part of the pipe");
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "all of the pipe");
    print_all(ends[1], 8, "  arrived");
    tell_splice(pipe_ends[OUT], ends[0], 100, SPLICE_F_NONBLOCK, "empty, SPLICE_F_NONBLOCK");
    set_nonblocking(ends[0]);
    put(pipe_ends[IN], "ij");
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "socket with O_NONBLOCK");
    set_nonblocking(pipe_ends[OUT]);
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "empty, O_NONBLOCK");
    put(pipe_ends[IN], "kl");
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "pipe with O_NONBLOCK");
    print_all(ends[1], 4, "  arrived");
    put(pipe_ends[IN], "mn");
    close(pipe_ends[IN]);
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "the rest of the pipe");
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "the end of the pipe");
    print_all(ends[1], 2, "  arrived");
    shutdown(ends[0], SHUT_WR);
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "the end of the pipe, socket shut");
    print_read(ends[1], "  end of file");
    close(pipe_ends[OUT]);
    close_both(ends);
}

static void to_pipe(void (*make)(int[2]))
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    make(pipe_ends);
    put(ends[0], "abcdefgh");
    await(ends[1], POLLIN);
    tell_splice(ends[1], pipe_ends[IN], 3, 0, "a part of the text");
    print_read(pipe_ends[OUT], "  in the pipe");
    tell_splice(ends[1], pipe_ends[IN], 100, SPLICE_F_NONBLOCK, "all of the text");
    print_read(pipe_ends[OUT], "  in the pipe");
    tell_ready(ends[1], 0, "  the socket");
    set_nonblocking(ends[1]);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "no text, socket with O_NONBLOCK");
    put(ends[0], "ijkl");
    await(ends[1], POLLIN);
    fill(pipe_ends);
    tell_splice(ends[1], pipe_ends[IN], 100, SPLICE_F_NONBLOCK, "full, SPLICE_F_NONBLOCK");
    int flags = fcntl(pipe_ends[IN], F_GETFL);
    set_nonblocking(pipe_ends[IN]);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "full, O_NONBLOCK");
    tell(held(ends[1]), "still in the socket");
    static char scratch[4096];
    while (read(pipe_ends[OUT], scratch, sizeof scratch) == sizeof scratch && held(pipe_ends[OUT]) > 0)
        ;
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "pipe with O_NONBLOCK");
    fcntl(pipe_ends[IN], F_SETFL, flags);
    print_read(pipe_ends[OUT], "  in the pipe");
    put(ends[0], "mn");
    shutdown(ends[0], SHUT_WR);
    await(ends[1], POLLRDHUP);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "the last text");
    print_read(pipe_ends[OUT], "  in the pipe");
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "end of file");
    fill(pipe_ends);
    tell_splice(ends[1], pipe_ends[IN], 100, SPLICE_F_NONBLOCK, "end of file, full");
    close(pipe_ends[OUT]);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "end of file, nobody reads");
    close(pipe_ends[IN]);
    close_both(ends);
}

/* Text stays in a socket if nobody reads the pipe. */
static void without_readers(void (*make)(int[2]))
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    make(pipe_ends);
    put(ends[0], "abc");
    await(ends[1], POLLIN);
    close(pipe_ends[OUT]);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "nobody reads");
    tell_splice(ends[1], pipe_ends[IN], 100, SPLICE_F_NONBLOCK, "nobody reads, SPLICE_F_NONBLOCK");
    print_all(ends[1], 3, "  still in the socket");
    close(pipe_ends[IN]);
    close_both(ends);
}

/* One descriptor for both ends of a pipe. */
static void both_ends_in_one(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    new_fifo(pipe_ends);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", pipe_ends[OUT]);
    int both = open(path, O_RDWR);
    if (both < 0)
        err(1, "open");
    close_both(pipe_ends);
    put(both, "abcdef");
    tell_splice(both, ends[0], 4, 0, "out of both ends in one");
    tell_splice(both, ends[0], 100, 0, "the rest");
    tell_splice(both, ends[0], 100, SPLICE_F_NONBLOCK, "empty");
    print_all(ends[1], 6, "  arrived");
    put(ends[0], "ghi");
    await(ends[1], POLLIN);
    tell_splice(ends[1], both, 100, 0, "into both ends in one");
    print_read(both, "  in the pipe");
    close(both);
    close_both(ends);
}

/* A pipe of packets loses what a read leaves of one; splice() leaves nothing, and makes none. */
static void packets(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    if (pipe2(pipe_ends, O_DIRECT) < 0)
        err(1, "pipe2");
    put(pipe_ends[IN], "abcd");
    put(pipe_ends[IN], "efgh");
    tell_splice(pipe_ends[OUT], ends[0], 2, 0, "a part of a packet");
    tell_splice(pipe_ends[OUT], ends[0], 100, 0, "the rest of the packets");
    print_all(ends[1], 8, "  arrived");
    put(ends[0], "ijklmn");
    await(ends[1], POLLIN);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "into a pipe of packets");
    print_all(pipe_ends[OUT], 2, "  in the pipe");
    print_all(pipe_ends[OUT], 4, "  and behind it");
    close_both(pipe_ends);
    close_both(ends);
}

/* The flag is about the pipe: the socket waits, for as long as SO_RCVTIMEO says. */
static void timeouts(void)
{
    int ends[2], pipe_ends[2];
    struct timeval time = { .tv_usec = 150000 };
    struct timespec before, after;
    new_pair(ends);
    new_pipe(pipe_ends);
    setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    clock_gettime(CLOCK_MONOTONIC, &before);
    tell_splice(ends[1], pipe_ends[IN], 100, SPLICE_F_NONBLOCK, "SO_RCVTIMEO");
    clock_gettime(CLOCK_MONOTONIC, &after);
    long waited = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    printf("  waited: %s\n", waited >= 100 ? "yes" : "no");
    put(ends[0], "abc");
    await(ends[1], POLLIN);
    set(ends[1], SOL_SOCKET, SO_RCVLOWAT, 50);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "less than SO_RCVLOWAT");
    close_both(pipe_ends);
    close_both(ends);
}

struct call {
    pthread_t thread;
    int from, to;
    size_t length;
    const char *label;
};

static void *waiting_call(void *argument)
{
    struct call *call = argument;
    tell(splice(call->from, NULL, call->to, NULL, call->length, 0), "%s", call->label);
    return NULL;
}

/* Interrupts a call until it ends. */
static void interrupt(struct call *call)
{
    alarm(20);
    while (pthread_tryjoin_np(call->thread, NULL) != 0) {
        pthread_kill(call->thread, SIGUSR1);
        usleep(20000);
    }
    alarm(0);
    free(call);
}

/* Begins a call in another thread, and gives it time to wait. */
static struct call *begin(int from, int to, size_t length, const char *label)
{
    struct call *call = malloc(sizeof *call);
    *call = (struct call){ .from = from, .to = to, .length = length, .label = label };
    if (pthread_create(&call->thread, NULL, waiting_call, call) != 0)
        errx(1, "pthread_create");
    usleep(100000);
    return call;
}

static void end(struct call *call)
{
    alarm(20);
    pthread_join(call->thread, NULL);
    alarm(0);
    free(call);
}

static void waits(void (*make)(int[2]))
{
    static char scratch[65536];
    int ends[2], pipe_ends[2];
    new_pair(ends);
    make(pipe_ends);
    struct call *call = begin(pipe_ends[OUT], ends[0], 100, "waits for text in the pipe");
    put(pipe_ends[IN], "abc");
    end(call);
    print_all(ends[1], 3, "  arrived");
    call = begin(ends[1], pipe_ends[IN], 100, "waits for text in the socket");
    put(ends[0], "def");
    end(call);
    print_read(pipe_ends[OUT], "  in the pipe");
    fill(pipe_ends);
    put(ends[0], "ghi");
    await(ends[1], POLLIN);
    call = begin(ends[1], pipe_ends[IN], 100, "waits for room in the pipe");
    /* Whoever waits for the pipe does not keep the socket from others. */
    char peeked[3];
    tell(recv(ends[1], peeked, 3, MSG_PEEK), "  another peeks meanwhile");
    size_t filled = (size_t)held(pipe_ends[OUT]);
    if (readn(pipe_ends[OUT], scratch, filled) != (ssize_t)filled)
        err(1, "read");
    end(call);
    print_read(pipe_ends[OUT], "  in the pipe");
    call = begin(ends[1], pipe_ends[IN], 100, "waits for text, end of file");
    shutdown(ends[0], SHUT_WR);
    end(call);
    call = begin(pipe_ends[OUT], ends[1], 100, "waits for text in the pipe, which ends");
    close(pipe_ends[IN]);
    end(call);
    close(pipe_ends[OUT]);
    close_both(ends);
}

/* A call that waits for a pipe outlives the socket's descriptor. */
static void closed_meanwhile(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    new_pipe(pipe_ends);
    struct call *call = begin(pipe_ends[OUT], ends[0], 100, "closed, waiting for text in the pipe");
    close(ends[0]);
    put(pipe_ends[IN], "abc");
    end(call);
    print_all(ends[1], 3, "  arrived");
    print_read(ends[1], "  end of file");
    close(ends[1]);
    close_both(pipe_ends);
}

static void interrupted_calls(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    new_pipe(pipe_ends);
    on_signal(SIGUSR1, on_pipe, 0);
    struct call *call = begin(pipe_ends[OUT], ends[0], 100, "interrupted, waiting for text in the pipe");
    interrupt(call);
    call = begin(ends[1], pipe_ends[IN], 100, "interrupted, waiting for text in the socket");
    interrupt(call);
    fill(pipe_ends);
    call = begin(ends[1], pipe_ends[IN], 100, "interrupted, waiting for room in the pipe");
    interrupt(call);
    close_both(pipe_ends);
    close_both(ends);
}

static void shut_ends(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    new_pipe(pipe_ends);
    put(pipe_ends[IN], "text");
    shutdown(ends[0], SHUT_WR);
    tell_splice(pipe_ends[OUT], ends[0], 4, 0, "shut for writing");
    tell(held(pipe_ends[OUT]), "  still in the pipe");
    put(ends[1], "abc");
    await(ends[0], POLLIN);
    shutdown(ends[0], SHUT_RD);
    tell_splice(ends[0], pipe_ends[IN], 100, 0, "shut for reading, with text");
    tell_splice(ends[0], pipe_ends[IN], 100, 0, "shut for reading");
    tell(held(pipe_ends[OUT]), "  in the pipe");
    close_both(pipe_ends);
    close_both(ends);
}

static void resets(void)
{
    int ends[2], pipe_ends[2];
    struct linger now = { .l_onoff = 1 };
    for (int sending = 0; sending < 2; sending++) {
        new_pair(ends);
        new_pipe(pipe_ends);
        put(pipe_ends[IN], "text");
        setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(ends[1]);
        await(ends[0], POLLHUP);
        for (int i = 0; i < 2; i++) {
            if (sending)
                tell_splice(pipe_ends[OUT], ends[0], 4, 0, "reset, to socket");
            else
                tell_splice(ends[0], pipe_ends[IN], 4, 0, "reset, to pipe");
        }
        tell(held(pipe_ends[OUT]), "  in the pipe");
        close(ends[0]);
        close_both(pipe_ends);
    }
}

static void urgent_byte(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    new_pipe(pipe_ends);
    if (send(ends[0], "abc", 3, MSG_OOB) != 3 || send(ends[0], "def", 3, 0) != 3)
        err(1, "send");
    await(ends[1], POLLPRI);
    while (recv(ends[1], (char[16]){ 0 }, 16, MSG_PEEK) < 2)
        ;
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "before the urgent byte");
    print_read(pipe_ends[OUT], "  in the pipe");
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "at the urgent byte");
    char byte = 0;
    tell(recv(ends[1], &byte, 1, MSG_OOB), "the urgent byte");
    printf("  %c\n", byte);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "at the urgent byte, which was taken");
    set_nonblocking(ends[1]);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "at the urgent byte, O_NONBLOCK");
    await(ends[1], POLLIN);
    print_read(ends[1], "behind the urgent byte");
    put(ends[0], "ghi");
    await(ends[1], POLLIN);
    tell_splice(ends[1], pipe_ends[IN], 100, 0, "past the urgent byte");
    print_read(pipe_ends[OUT], "  in the pipe");
    close_both(pipe_ends);
    close_both(ends);
}

/* SPLICE_F_MORE holds text back that does not fill a segment. */
static void more_follows(void)
{
    int ends[2], pipe_ends[2];
    new_pair(ends);
    new_pipe(pipe_ends);
    put(pipe_ends[IN], "abcdef");
    tell_splice(pipe_ends[OUT], ends[0], 3, SPLICE_F_MORE, "SPLICE_F_MORE");
    struct pollfd entry = { .fd = ends[1], .events = POLLIN };
    tell(poll(&entry, 1, 50), "  arrived so far");
    tell_splice(pipe_ends[OUT], ends[0], 3, 0, "without");
    await(ends[1], POLLIN);
    print_read(ends[1], "  arrived");
    close_both(pipe_ends);
    close_both(ends);
}

/* A socket that does not wait takes from the pipe what it has room for, and nothing else. */
static void without_room(void)
{
    static unsigned char buffer[65536];
    int ends[2], pipe_ends[2];
    uint64_t written = 0, have = 0;
    long moved = 0;
    new_pair(ends);
    new_pipe(pipe_ends);
    set_nonblocking(ends[0]);
    set_nonblocking(pipe_ends[IN]);
    do {
        fill_pattern(1, written, buffer, sizeof buffer);
        ssize_t count = write(pipe_ends[IN], buffer, sizeof buffer);
        written += count > 0 ? (uint64_t)count : 0;
        moved = splice(pipe_ends[OUT], NULL, ends[0], NULL, 10000, 0);
    } while (moved > 0);
    tell(moved, "no room");
    set_nonblocking(ends[1]);
    close(pipe_ends[IN]);
    while (have < written) {
        ssize_t count = read(ends[1], buffer, sizeof buffer);
        if (count > 0) {
            if (match_pattern(1, have, buffer, (size_t)count) != (size_t)count)
                errx(1, "another byte behind %ju", (uintmax_t)have);
            have += (uint64_t)count;
        } else if (splice(pipe_ends[OUT], NULL, ends[0], NULL, 65536, 0) == 0) {
            await(ends[1], POLLIN);
        }
    }
    printf("all arrived\n");
    close(pipe_ends[OUT]);
    close_both(ends);
}

struct flow {
    int from, to;
    unsigned flags;
};

/* Moves all, whatever does not wait, and passes the end on. */
static void *move(void *argument)
{
    struct flow *flow = argument;
    for (;;) {
        long moved = splice(flow->from, NULL, flow->to, NULL, 1 << 20, flow->flags);
        if (moved == 0)
            break;
        if (moved < 0 && errno != EAGAIN)
            err(1, "splice");
        if (moved < 0)
            usleep(100);
    }
    if (shutdown(flow->to, SHUT_WR) < 0)
        close(flow->to);
    return NULL;
}

static void *write_large(void *argument)
{
    static unsigned char buffer[7777];
    int fd = *(int *)argument;
    for (uint64_t done = 0; done < LARGE; done += sizeof buffer) {
        fill_pattern(2, done, buffer, sizeof buffer);
        if (writen(fd, buffer, sizeof buffer) < 0)
            err(1, "write");
    }
    close(fd);
    return NULL;
}

/* From a pipe through a connection into a pipe. */
static void large(void (*make)(int[2]), unsigned flags, const char *label)
{
    static unsigned char buffer[9999];
    int ends[2], first[2], second[2];
    new_pair(ends);
    make(first);
    make(second);
    struct flow in = { first[OUT], ends[0], flags }, out = { ends[1], second[IN], flags };
    pthread_t threads[3];
    if (pthread_create(&threads[0], NULL, write_large, &first[IN]) != 0 ||
        pthread_create(&threads[1], NULL, move, &in) != 0 || pthread_create(&threads[2], NULL, move, &out) != 0)
        errx(1, "pthread_create");
    uint64_t have = 0;
    ssize_t count;
    while ((count = read(second[OUT], buffer, sizeof buffer)) > 0) {
        if (match_pattern(2, have, buffer, (size_t)count) != (size_t)count)
            errx(1, "another byte behind %ju", (uintmax_t)have);
        have += (uint64_t)count;
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    tell((long)have, "%s", label);
    close(first[OUT]);
    close(second[OUT]);
    close_both(ends);
}

int main(void)
{
    void (*const kinds[])(int[2]) = { new_pipe, new_fifo };
    on_signal(SIGPIPE, on_pipe, 0);
    arguments();
    states();
    for (int i = 0; i < 2; i++) {
        printf("%s\n", i == 0 ? "a pipe" : "a pipe with a name");
        to_socket(kinds[i]);
        to_pipe(kinds[i]);
        without_readers(kinds[i]);
        waits(kinds[i]);
        large(kinds[i], 0, "through a connection");
        large(kinds[i], SPLICE_F_NONBLOCK, "without waiting for pipes");
    }
    both_ends_in_one();
    packets();
    timeouts();
    closed_meanwhile();
    interrupted_calls();
    shut_ends();
    resets();
    urgent_byte();
    more_follows();
    without_room();
    return 0;
}
