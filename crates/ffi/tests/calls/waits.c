/* Looks at every wait for readiness while traffic flows as fast as it can: waits [-t] [-l MILLISECONDS] SECONDS [KIND ...]
 *
 * A kind is a way to wait; without one, all share the seconds. Each runs rounds: of two processes, or two threads, one writes and
 * the other reads, or both do both, in one loop that goes on in a direction only once that direction was reported. "many" asks and
 * answers over fifty connections in one set, "leftover" over one that never is read to the end. A wait is lost if it took a second,
 * and poll(), FIONREAD or SIOCOUTQ say that it should have ended. Exit status 1: a wait was lost, or was longer than the limit of -l.
 * -t: threads only, for a stack that lives inside a process. */
#include "call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum way { POLL, SELECT, LEVEL, EDGE, ONESHOT, MANY, LEFTOVER, WAYS };

static const char *const ways[WAYS] = { "poll", "select", "epoll-lt", "epoll-et", "epoll-oneshot", "many", "leftover" };

enum { CONNECTIONS = 50, LARGEST = 128 * 1024, BURST = 32 };

#define SECOND INT64_C(1000000000)
#define CONFIRM (SECOND / 5)

/* What one end of a round found; the other process sees it. */
struct result {
    int64_t longest;
    long long bytes;
    long waits, lost;
    /* Bytes of this round. */
    atomic_llong sent, received;
};

struct round {
    enum way way;
    /* Two processes; a small SendQ; a pipe among the descriptors; stop at a partial write or a short read, not only at EAGAIN. */
    bool forked, small, mixed, partial;
    /* Who writes: the end that connected, the one that was accepted. */
    bool client_writes, server_writes;
    size_t size;
    /* How long it writes once it is connected. */
    int64_t time;
    struct sockaddr_in address;
};

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND + time.tv_nsec;
}

static int held(int fd, unsigned long request)
{
    int count = -1;
    return ioctl(fd, request, &count) < 0 ? -1 : count;
}

static bool is_polled(int fd, short event)
{
    struct pollfd entry = { .fd = fd, .events = event };
    return poll(&entry, 1, 0) > 0;
}

static void count_wait(struct result *result, int64_t since, int64_t time)
{
    result->waits++;
    if (time - since > result->longest)
        result->longest = time - since;
}

static void count_lost(const struct round *round, struct result *result, int fd, short event)
{
    if (result->lost++ > 2)
        return;
    fprintf(stderr, "%s, %s, %s, %s SendQ, %s, %zu bytes%s: lost %s; poll() says %s, FIONREAD %d, SIOCOUTQ %d\n",
            ways[round->way], round->forked ? "processes" : "threads",
            round->client_writes && round->server_writes ? "both ways" : "one way", round->small ? "small" : "default",
            round->partial ? "stops when partial" : "stops at EAGAIN", round->size, round->mixed ? ", with a pipe" : "",
            event == POLLIN ? "POLLIN" : "POLLOUT", is_polled(fd, event) ? "ready" : "nothing", held(fd, FIONREAD),
            held(fd, SIOCOUTQ));
}

/* ---- ways to wait ---- */

/* A socket and perhaps a pipe, and what is asked of the socket. POLLPRI stands for the pipe among the events that were found. */
struct watch {
    enum way way;
    int fd, pipe, set;
    short armed;
    /* The end of the stream was reported: no other edge comes, and a short read does not mean that nothing is left to find. */
    bool hung_up;
};

#define PIPE POLLPRI

static void control(const struct watch *watch, int operation, int fd, unsigned events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    if (epoll_ctl(watch->set, operation, fd, &event) < 0)
        err(1, "epoll_ctl");
}

static struct watch new_watch(enum way way, int fd, int pipe)
{
    struct watch watch = { .way = way, .fd = fd, .pipe = pipe, .set = -1 };
    if (way == POLL || way == SELECT)
        return watch;
    watch.set = epoll_create1(0);
    control(&watch, EPOLL_CTL_ADD, fd, way == EDGE ? EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET : way == ONESHOT ? EPOLLONESHOT : 0);
    if (pipe >= 0)
        control(&watch, EPOLL_CTL_ADD, pipe, way == EDGE ? EPOLLIN | EPOLLET : EPOLLIN);
    return watch;
}

static short wait_in_poll(const struct watch *watch, short wanted, int milliseconds)
{
    struct pollfd entries[2] = { { .fd = watch->fd, .events = wanted }, { .fd = watch->pipe, .events = POLLIN } };
    if (poll(entries, 2, milliseconds) < 0)
        err(1, "poll");
    return (short)(entries[0].revents | (entries[1].revents ? PIPE : 0));
}

static short wait_in_select(const struct watch *watch, short wanted, int milliseconds)
{
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    if (wanted & POLLIN)
        FD_SET(watch->fd, &in);
    if (wanted & POLLOUT)
        FD_SET(watch->fd, &out);
    if (watch->pipe >= 0)
        FD_SET(watch->pipe, &in);
    struct timeval time = { milliseconds / 1000, milliseconds % 1000 * 1000 };
    int most = watch->fd > watch->pipe ? watch->fd : watch->pipe;
    if (select(most + 1, &in, &out, NULL, &time) < 0)
        err(1, "select");
    return (short)((FD_ISSET(watch->fd, &in) ? POLLIN : 0) | (FD_ISSET(watch->fd, &out) ? POLLOUT : 0)
                   | (watch->pipe >= 0 && FD_ISSET(watch->pipe, &in) ? PIPE : 0));
}

static short wait_in_epoll(struct watch *watch, short wanted, int milliseconds)
{
    if (watch->way != EDGE && watch->armed != wanted)
        control(watch, EPOLL_CTL_MOD, watch->fd, (unsigned)wanted | (watch->way == ONESHOT ? EPOLLONESHOT : 0));
    watch->armed = wanted;
    struct epoll_event events[2];
    int count = epoll_wait(watch->set, events, 2, milliseconds);
    if (count < 0)
        err(1, "epoll_wait");
    short found = 0;
    for (int i = 0; i < count; i++)
        found |= (short)(events[i].data.fd == watch->fd ? events[i].events : PIPE);
    if (watch->way == ONESHOT && found & ~PIPE)
        watch->armed = 0;
    return found;
}

/* Which of the wanted events were found. */
static short wait_for(struct watch *watch, short wanted, int milliseconds)
{
    short found = watch->way == POLL   ? wait_in_poll(watch, wanted, milliseconds)
                  : watch->way == SELECT ? wait_in_select(watch, wanted, milliseconds)
                                         : wait_in_epoll(watch, wanted, milliseconds);
    watch->hung_up |= found & POLLRDHUP;
    if (found & (POLLERR | POLLHUP))
        found |= POLLIN | POLLOUT;
    return found & (wanted | PIPE);
}

/* ---- one end of a connection ---- */

struct side {
    const struct round *round;
    struct result *result;
    const struct result *peer;
    struct watch watch;
    int fd;
    /* Which directions wait to be reported, and since when. */
    short blocked;
    int64_t in_since, out_since, end;
    bool finished, ended;
    /* A pipe that is full or empty: it belongs to this end alone. */
    int pipe[2];
    bool piped;
    unsigned passes;
};

static void block(struct side *side, short event)
{
    side->blocked |= event;
    *(event == POLLIN ? &side->in_since : &side->out_since) = now();
}

static void push(struct side *side)
{
    static const char text[LARGEST];
    for (int i = 0; i < BURST; i++) {
        ssize_t count = write(side->fd, text, side->round->size);
        if (count < 0 && errno != EAGAIN)
            err(1, "write");
        side->result->sent += count > 0 ? count : 0;
        if (count < 0 || (side->round->partial && count < (ssize_t)side->round->size)) {
            block(side, POLLOUT);
            return;
        }
    }
}

static void pull(struct side *side)
{
    static _Thread_local char text[LARGEST];
    size_t size = side->round->size == 1 ? 16 : side->round->size;
    for (int i = 0; i < BURST; i++) {
        ssize_t count = read(side->fd, text, size);
        if (count < 0 && errno != EAGAIN)
            err(1, "read");
        if (count == 0) {
            side->ended = true;
            return;
        }
        side->result->received += count > 0 ? count : 0;
        if (count < 0 || (side->round->partial && count < (ssize_t)size && !side->watch.hung_up)) {
            block(side, POLLIN);
            return;
        }
    }
}

/* Goes on where events were found. */
static void found(struct side *side, short events)
{
    int64_t time = now();
    if (events & POLLIN)
        count_wait(side->result, side->in_since, time);
    if (events & POLLOUT)
        count_wait(side->result, side->out_since, time);
    side->blocked &= (short)~events;
    char byte;
    if (events & PIPE && read(side->pipe[0], &byte, 1) == 1)
        side->piped = false;
}

/* A direction that waits for a second: is it lost? So it is if the call ended by its time-out; if it ended for the other direction,
 * this one may have become ready just now, and has a little more time. */
static void check_late(struct side *side, short event, bool timed_out)
{
    int64_t time = now(), since = event == POLLIN ? side->in_since : side->out_since;
    if (!(side->blocked & event) || time - since < SECOND)
        return;
    bool ready = is_polled(side->fd, event) || (event == POLLIN ? held(side->fd, FIONREAD) > 0 : held(side->fd, SIOCOUTQ) == 0);
    if (!ready)
        return;
    while (!timed_out && side->blocked & event && now() - time < CONFIRM)
        found(side, wait_for(&side->watch, side->blocked, 10));
    if (!(side->blocked & event))
        return;
    count_lost(side->round, side->result, side->fd, event);
    found(side, event);
}

/* The end of a stream would make up for a wait that was lost: it comes after everything was read. */
static void finish(struct side *side)
{
    bool is_read = side->peer->received == side->result->sent;
    if (side->finished || now() < side->end || side->blocked & POLLOUT)
        return;
    if (!is_read && now() < side->end + 5 * SECOND)
        return;
    if (!is_read)
        count_lost(side->round, side->result, side->fd, POLLOUT);
    side->finished = true;
    shutdown(side->fd, SHUT_WR);
}

/* How long to wait: not while there is something to do, and not long when nothing has to come. */
static int patience(const struct side *side)
{
    bool late = now() >= side->end;
    bool writes = !side->finished && !(side->blocked & POLLOUT) && !late, reads = !side->ended && !(side->blocked & POLLIN);
    if (writes || reads)
        return 0;
    return late && !side->finished && !(side->blocked & POLLOUT) ? 1 : 1000;
}

static void pass(struct side *side)
{
    finish(side);
    if (!side->finished && !(side->blocked & POLLOUT) && now() < side->end)
        push(side);
    if (!side->ended && !(side->blocked & POLLIN))
        pull(side);
    if (side->round->mixed && !side->piped && ++side->passes % 16 == 0)
        side->piped = write(side->pipe[1], "", 1) == 1;
    if (side->finished && side->ended)
        return;
    int64_t before = now();
    short events = wait_for(&side->watch, side->blocked, patience(side));
    bool timed_out = now() - before >= SECOND;
    if (side->piped && !(events & PIPE))
        count_lost(side->round, side->result, side->pipe[0], POLLIN);
    /* A call that looks once more when its time is over finds what it should have found before. */
    for (short event = POLLIN; timed_out && event <= POLLOUT; event += POLLOUT - POLLIN)
        if (events & event)
            count_lost(side->round, side->result, side->fd, event);
    found(side, events);
    check_late(side, POLLIN, timed_out);
    check_late(side, POLLOUT, timed_out);
}

static void prepare(const struct round *round, int fd)
{
    set_nonblocking(fd);
    if (round->small)
        set(fd, SOL_SOCKET, SO_SNDBUF, 4096);
}

static void run_side(const struct round *round, int fd, bool accepted, struct result *result, const struct result *peer)
{
    struct side side = { .round = round, .result = result, .peer = peer, .fd = fd, .pipe = { -1, -1 } };
    side.end = now() + round->time;
    side.finished = !(accepted ? round->server_writes : round->client_writes);
    side.ended = !(accepted ? round->client_writes : round->server_writes);
    prepare(round, fd);
    if (round->mixed && pipe2(side.pipe, O_NONBLOCK) < 0)
        err(1, "pipe");
    side.watch = new_watch(round->way, fd, side.pipe[0]);
    while (!side.finished || !side.ended)
        pass(&side);
    close(side.watch.set);
    close(side.pipe[0]);
    close(side.pipe[1]);
}

/* ---- many connections ---- */

/* Requests and replies over connections in one set: one end asks, the other answers. */
struct crowd {
    const struct round *round;
    struct result *result;
    int set;
    bool asks;
    int fds[CONNECTIONS];
    /* When each was last reported, or asked; when one was first seen to be late. */
    int64_t since[CONNECTIONS], late[CONNECTIONS];
    int64_t swept, end;
    int open;
};

static void ask(struct crowd *crowd, int which)
{
    char text[1024] = { 0 };
    size_t size = crowd->round->size < sizeof text ? crowd->round->size : sizeof text;
    crowd->since[which] = now();
    if (write(crowd->fds[which], text, size) != (ssize_t)size)
        err(1, "write");
    crowd->result->bytes += (long long)size;
}

static void leave(struct crowd *crowd, int which)
{
    close(crowd->fds[which]);
    crowd->fds[which] = -1;
    crowd->open--;
}

/* Reads until there is no more; a whole request is answered, a whole reply is followed by the next request until time is up. */
static void serve(struct crowd *crowd, int which)
{
    char text[1024];
    size_t done = 0, size = crowd->round->size < sizeof text ? crowd->round->size : sizeof text;
    ssize_t count = 0;
    int64_t time = now();
    crowd->late[which] = 0;
    if (crowd->asks)
        count_wait(crowd->result, crowd->since[which], time);
    crowd->since[which] = time;
    while (done < size && (count = read(crowd->fds[which], text, size - done)) > 0)
        done += (size_t)count;
    if (count == 0 || (crowd->asks && time >= crowd->end))
        leave(crowd, which);
    else if (count < 0 && errno != EAGAIN)
        err(1, "read");
    else if (done == size)
        ask(crowd, which);
    else if (done > 0)
        errx(1, "a part of a request");
}

/* Looks for connections that are ready and have not been reported since the sweep before. */
static void sweep(struct crowd *crowd)
{
    int64_t time = now();
    if (time - crowd->swept < CONFIRM)
        return;
    crowd->swept = time;
    for (int i = 0; i < CONNECTIONS; i++) {
        if (crowd->fds[i] < 0 || time - crowd->since[i] < SECOND || !is_polled(crowd->fds[i], POLLIN))
            continue;
        if (!crowd->late[i]) {
            crowd->late[i] = time;
            continue;
        }
        count_lost(crowd->round, crowd->result, crowd->fds[i], POLLIN);
        serve(crowd, i);
    }
}

static void run_crowd(struct crowd *crowd)
{
    crowd->set = epoll_create1(0);
    crowd->open = CONNECTIONS;
    crowd->end = now() + crowd->round->time;
    for (int i = 0; i < CONNECTIONS; i++) {
        struct epoll_event event = { .events = EPOLLIN | (crowd->round->partial ? EPOLLET : 0), .data.u32 = (uint32_t)i };
        set_nonblocking(crowd->fds[i]);
        set(crowd->fds[i], IPPROTO_TCP, TCP_NODELAY, 1);
        crowd->since[i] = now();
        if (epoll_ctl(crowd->set, EPOLL_CTL_ADD, crowd->fds[i], &event) < 0)
            err(1, "epoll_ctl");
        if (crowd->asks)
            ask(crowd, i);
    }
    while (crowd->open > 0) {
        struct epoll_event events[16];
        int count = epoll_wait(crowd->set, events, 16, 100);
        for (int i = 0; i < count; i++)
            if (crowd->fds[events[i].data.u32] >= 0)
                serve(crowd, (int)events[i].data.u32);
        sweep(crowd);
    }
    close(crowd->set);
}

/* ---- leftovers ---- */

enum { LEFT = 5 };

/* A byte goes to and fro, and some that came before it stay unread: each arrival is an edge all the same. */
static void run_leftover(const struct round *round, int fd, bool asks, struct result *result)
{
    char text[LEFT] = { 0 };
    struct watch watch = new_watch(EDGE, fd, -1);
    int64_t end = now() + round->time, since = now();
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (write(fd, text, LEFT) != LEFT || (asks && write(fd, text, 1) != 1))
        err(1, "write");
    for (;;) {
        int64_t before = now();
        bool found = wait_for(&watch, POLLIN, 1000) & POLLIN, timed_out = now() - before >= SECOND;
        if (watch.hung_up)
            break;
        bool ended = !found && is_polled(fd, POLLRDHUP);
        /* What comes just after another event was told is told next. */
        if (!ended && (held(fd, FIONREAD) <= LEFT || (!found && !timed_out)))
            continue;
        if (!found)
            count_lost(round, result, fd, POLLIN);
        if (ended)
            break;
        count_wait(result, since, now());
        result->bytes++;
        if (asks && now() >= end)
            break;
        since = now();
        if (read(fd, text, 1) != 1 || write(fd, text, 1) != 1)
            err(1, "leftover");
    }
    shutdown(fd, SHUT_WR);
    close(watch.set);
}

/* ---- rounds ---- */

static int connect_to_round(const struct round *round)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&round->address, sizeof round->address) < 0)
        err(1, "connect");
    return fd;
}

/* An end of the round: with a listener the one that accepts, else the one that connects. */
struct end { const struct round *round; int listener; struct result *result; const struct result *peer; };

static void *run_end(void *argument)
{
    const struct end *end = argument;
    if (end->round->way != MANY) {
        bool accepted = end->listener >= 0;
        int fd = accepted ? accept_connection(end->listener) : connect_to_round(end->round);
        if (end->round->way == LEFTOVER)
            run_leftover(end->round, fd, !accepted, end->result);
        else
            run_side(end->round, fd, accepted, end->result, end->peer);
        close(fd);
        return NULL;
    }
    struct crowd crowd = { .round = end->round, .result = end->result, .asks = end->listener < 0 };
    for (int i = 0; i < CONNECTIONS; i++)
        crowd.fds[i] = crowd.asks ? connect_to_round(end->round) : accept_connection(end->listener);
    run_crowd(&crowd);
    return NULL;
}

static void run_round(struct round *round, struct result *results)
{
    int listener = new_listener(), status = 0;
    /* No connection of many may have to try again. */
    if (listen(listener, SOMAXCONN) < 0)
        err(1, "listen");
    round->address = local_address(listener);
    struct end server = { round, listener, &results[0], &results[1] }, client = { round, -1, &results[1], &results[0] };
    for (int i = 0; i < 2; i++)
        results[i].sent = results[i].received = 0;
    pthread_t thread;
    pid_t child = 0;
    if (round->forked && (child = fork()) == 0) {
        run_end(&client);
        _exit(0);
    }
    if (child < 0 || (!round->forked && pthread_create(&thread, NULL, run_end, &client) != 0))
        err(1, "no second end");
    run_end(&server);
    if (!round->forked)
        pthread_join(thread, NULL);
    else if (waitpid(child, &status, 0) != child || status != 0)
        errx(1, "the child ends with status %d", status);
    close(listener);
    results[0].bytes += results[0].received;
    results[1].bytes += results[1].received;
}

/* The rounds of a kind run through all combinations, in steps that change all of it soon. */
static struct round round_of(enum way way, int which, bool threads)
{
    static const size_t sizes[] = { 1024, LARGEST, 1 };
    int mixture = which * 37 % 64;
    struct round round = { .way = way, .size = sizes[which % 3] };
    round.forked = !threads && mixture & 1;
    round.small = mixture & 2;
    round.mixed = mixture & 4;
    round.partial = mixture & 8;
    round.client_writes = mixture & 16;
    round.server_writes = mixture & 32 || !round.client_writes;
    return round;
}

static struct result run_kind(enum way way, int64_t time, bool threads, struct result *results)
{
    int64_t end = now() + time, share = time / 64 > SECOND / 10 ? time / 64 : SECOND / 10;
    int rounds = 0;
    memset(results, 0, 2 * sizeof *results);
    for (; rounds == 0 || now() < end; rounds++) {
        struct round round = round_of(way, rounds, threads);
        round.time = share;
        run_round(&round, results);
    }
    struct result all = { .longest = results[0].longest, .bytes = results[0].bytes, .waits = results[0].waits };
    all.lost = results[0].lost;
    all.longest = results[1].longest > all.longest ? results[1].longest : all.longest;
    all.bytes += results[1].bytes;
    all.waits += results[1].waits;
    all.lost += results[1].lost;
    printf("%s: %d rounds, %lld MB, %ld waits, the longest %.1f ms, %ld lost\n", ways[way], rounds, all.bytes / 1000000, all.waits,
           (double)all.longest / 1e6, all.lost);
    fflush(stdout);
    return all;
}

static enum way way_named(const char *name)
{
    for (int way = 0; way < WAYS; way++)
        if (strcmp(name, ways[way]) == 0)
            return (enum way)way;
    errx(2, "no kind is called \"%s\": poll, select, epoll-lt, epoll-et, epoll-oneshot, many, leftover", name);
}

int main(int count, char **arguments)
{
    bool threads = false;
    int64_t limit = INT64_MAX;
    for (int option; (option = getopt(count, arguments, "tl:")) != -1;) {
        if (option == '?')
            return 2;
        threads |= option == 't';
        limit = option == 'l' ? number(optarg, 1, 1000000, "MILLISECONDS") * 1000000 : limit;
    }
    if (optind >= count)
        errx(2, "waits [-t] [-l MILLISECONDS] SECONDS [KIND ...]");
    int64_t time = number(arguments[optind], 1, 1000000, "SECONDS") * SECOND;
    int given = count - optind - 1, kinds = given ? given : WAYS, status = 0;
    struct result *results = mmap(NULL, 2 * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED)
        err(1, "mmap");
    for (int i = 0; i < kinds; i++) {
        enum way way = given ? way_named(arguments[optind + 1 + i]) : (enum way)i;
        struct result result = run_kind(way, time / kinds, threads, results);
        if (result.lost > 0 || result.longest > limit)
            status = 1;
    }
    return status;
}
