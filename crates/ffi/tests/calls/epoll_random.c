/* Random programs of calls on epoll sets, to compare two stacks line by line: epoll_random SEED STEPS [GRACE [apart]]
 *
 * A program is made from the seed alone: what calls return changes no later step. After each step the model below says what must
 * have arrived, and the program waits until FIONREAD, SIOCOUTQ and poll() show it, and GRACE milliseconds more for the sets.
 * Nothing is printed that depends on time, on sizes of buffers, on ports or on numbers of descriptors.
 *
 * Left out, because the kernel itself does not repeat it: an edge-triggered set of sets, and what a half-full SendQ gives. */
#include "call.h"

#include <stdbool.h>
#include <sys/eventfd.h>

enum { PAIRS = 4, ENDS = 2 * PAIRS, LISTENER = ENDS, PIPE_READER, PIPE_WRITER, COUNTER, COPIES, SETS = COPIES + 2, SLOTS = SETS + 3 };

static const char *const names[SLOTS] = { "a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3", "listener", "pipe-r", "pipe-w",
                                          "eventfd", "copy0", "copy1", "set0", "set1", "set2" };

/* A place for a descriptor; a copy stands for the object of another. */
static struct slot { int fd; int object; bool open; } slots[SLOTS];

/* The model of an end of a connection: a2 connects, b2 is accepted, and each is the other's peer. */
static struct end {
    enum { NONE, FRESH, REFUSED, QUEUED, OPEN, CLOSED } state;
    int handles;
    /* Bytes and writes that were sent to it and not read; flooded: more than it takes. */
    long unread;
    int writes;
    int nibbles;
    bool flooded, shut, deaf, reset, lingers, unsettled;
} ends[ENDS];

static bool member[SLOTS - SETS][SLOTS];
static int queue[PAIRS], queued;
static int step;
static int grace = 3;
static uint64_t state;

/* splitmix64 */
static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static int below(int limit)
{
    return (int)(mixed(state += UINT64_C(0x9e3779b97f4a7c15)) % (uint64_t)limit);
}

static bool one_in(int count)
{
    return below(count) == 0;
}

static void nap(long microseconds)
{
    struct timespec time = { microseconds / 1000000, microseconds % 1000000 * 1000 };
    nanosleep(&time, NULL);
}

static bool is_end(int slot)
{
    return slots[slot].object < ENDS;
}

static int peer_of(int end)
{
    return end ^ 1;
}

/* Any open slot of an object; -1 if there is none. */
static int slot_of(int object)
{
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].open && slots[i].object == object)
            return i;
    return -1;
}

/* A random open end, or a copy of one; -1 if there is none. */
static int pick_end(void)
{
    int start = below(SLOTS);
    for (int i = 0; i < SLOTS; i++) {
        int slot = (start + i) % SLOTS;
        if (slots[slot].open && is_end(slot))
            return slot;
    }
    return -1;
}

/* ---- settling ---- */

static short polled(int fd, short events)
{
    struct pollfd entry = { .fd = fd, .events = events };
    return poll(&entry, 1, 0) < 0 ? POLLNVAL : entry.revents;
}

static int held(int fd, unsigned long request)
{
    int count = -1;
    return ioctl(fd, request, &count) < 0 ? -1 : count;
}

/* Waits until an event is there, or a count if request is not 0. A stack that does not come there is awaited once only. */
static void expect(int object, int fd, unsigned long request, int wanted, const char *what)
{
    for (int i = 0; i < 5000; i++) {
        if (request ? held(fd, request) == wanted : polled(fd, (short)wanted) & wanted)
            return;
        nap(200);
    }
    printf("%d unsettled: %s: %s\n", step, names[object], what);
    if (object < ENDS)
        ends[object].unsettled = true;
}

static bool is_finished(const struct end *end)
{
    return end->state == CLOSED || end->shut;
}

static void settle_end(int object, int fd)
{
    const struct end *end = &ends[object], *peer = &ends[peer_of(object)];
    if (end->state != OPEN || end->unsettled)
        return;
    if (end->reset || (is_finished(end) && is_finished(peer) && !end->flooded && !peer->flooded)) {
        expect(object, fd, 0, POLLHUP, "POLLHUP");
        return;
    }
    if (!end->flooded)
        expect(object, fd, FIONREAD, (int)end->unread, "FIONREAD");
    if (!end->flooded && is_finished(peer))
        expect(object, fd, 0, POLLRDHUP, "POLLRDHUP");
    if (end->shut && !peer->flooded)
        expect(object, fd, SIOCOUTQ, 0, "SIOCOUTQ");
}

static void settle(void)
{
    for (int i = 0; i < ENDS; i++) {
        int slot = slot_of(i);
        if (slot >= 0)
            settle_end(i, slots[slot].fd);
    }
    if (queued > 0)
        expect(LISTENER, slots[LISTENER].fd, 0, POLLIN, "POLLIN");
    nap(grace * 1000L);
}

/* ---- slots ---- */

static void fill_slot(int slot, int fd, int object)
{
    slots[slot] = (struct slot){ .fd = fd, .object = object, .open = true };
    if (object < ENDS)
        ends[object].handles++;
}

static void prepare_socket(int fd)
{
    set_nonblocking(fd);
    set(fd, SOL_SOCKET, SO_SNDBUF, 32768);
    set(fd, SOL_SOCKET, SO_RCVBUF, 65536);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* The last descriptor of an end is closed. */
static void leave(int object)
{
    struct end *end = &ends[object], *peer = &ends[peer_of(object)];
    if (end->state == FRESH || end->state == REFUSED) {
        *end = (struct end){ .state = NONE };
        return;
    }
    if (end->unread > 0 || end->flooded || end->lingers)
        peer->reset = true;
    end->state = CLOSED;
    if (peer->state == CLOSED)
        *end = *peer = (struct end){ .state = NONE };
}

static long close_slot(int slot)
{
    int object = slots[slot].object;
    slots[slot].open = false;
    for (int i = 0; i < SLOTS - SETS; i++)
        member[i][slot] = false;
    long result = close(slots[slot].fd);
    if (object < ENDS && --ends[object].handles == 0)
        leave(object);
    return result;
}

/* Number of a slot's descriptor. A closed one has a number that nothing has: its own may be in use again, by a library as well. */
static int descriptor(int slot)
{
    return slots[slot].open ? slots[slot].fd : 999;
}

/* ---- events ---- */

static void print_mask(unsigned events)
{
    static const struct { unsigned bit; const char *name; } bits[] = {
        { EPOLLIN, "IN" }, { EPOLLPRI, "PRI" }, { EPOLLOUT, "OUT" }, { EPOLLERR, "ERR" }, { EPOLLHUP, "HUP" },
        { EPOLLRDHUP, "RDHUP" }, { POLLNVAL, "NVAL" }, { EPOLLET, "ET" }, { EPOLLONESHOT, "ONESHOT" },
    };
    const char *between = "";
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (!(events & bits[i].bit))
            continue;
        printf("%s%s", between, bits[i].name);
        between = "|";
        events &= ~bits[i].bit;
    }
    if (events)
        printf("%s%#x", between, events);
    else if (!*between)
        printf("none");
}

static unsigned random_mask(void)
{
    unsigned mask = 0;
    mask |= one_in(4) ? 0 : EPOLLIN;
    mask |= one_in(2) ? EPOLLOUT : 0;
    mask |= one_in(3) ? EPOLLRDHUP : 0;
    mask |= one_in(6) ? EPOLLPRI : 0;
    mask |= one_in(2) ? EPOLLET : 0;
    mask |= one_in(6) ? EPOLLONESHOT : 0;
    return mask;
}

/* Data of a registration, all 64 bits of it: slot, step, whether one report is all there may be, and a check. */
#define ONCE (UINT64_C(1) << 31)

static uint64_t data_for(int slot, unsigned mask)
{
    uint64_t low = (uint64_t)step << 8 | (uint64_t)slot | (mask & (EPOLLET | EPOLLONESHOT) ? ONCE : 0);
    return mixed(low) << 32 | low;
}

static int by_data(const void *left, const void *right)
{
    uint32_t a = (uint32_t)((const struct epoll_event *)left)->data.u64;
    uint32_t b = (uint32_t)((const struct epoll_event *)right)->data.u64;
    return (a > b) - (a < b);
}

static void print_reported(struct epoll_event *events, int count)
{
    qsort(events, (size_t)(count > 0 ? count : 0), sizeof *events, by_data);
    for (int i = 0; i < count; i++) {
        uint64_t data = events[i].data.u64, low = data & UINT32_MAX;
        if ((low & 0xff) >= SLOTS || data != (mixed(low) << 32 | low)) {
            printf(" garbled");
            continue;
        }
        printf(" %s@%d:", names[low & 0xff], (int)((low & ~ONCE) >> 8));
        print_mask(events[i].events);
    }
    printf("\n");
    fflush(stdout);
}

static void wait_for_all(int slot)
{
    struct epoll_event events[64];
    int count = one_in(2) ? epoll_wait(slots[slot].fd, events, 64, 0) : epoll_pwait(slots[slot].fd, events, 64, 0, NULL);
    printf("%d wait %s: %d", step, names[slot], count);
    print_reported(events, count);
}

/* One event at a time until there is none. Level-triggered ones come again and again, in turn: their number is not printed. */
static void wait_for_each(int slot)
{
    struct epoll_event events[64], event;
    int count = 0, again = 0;
    for (int calls = 0; calls < 64 && epoll_wait(slots[slot].fd, &event, 1, 0) == 1; calls++) {
        int known = 0;
        while (known < count && events[known].data.u64 != event.data.u64)
            known++;
        if (known == count)
            events[count++] = event;
        else if (event.data.u64 & ONCE || events[known].events != event.events)
            again++;
    }
    printf("%d wait for each %s: %d, %d again", step, names[slot], count, again);
    print_reported(events, count);
}

/* ---- steps ---- */

/* No set is put into another or polled. */
static bool apart;

static void step_ctl(void)
{
    static const char *const operations[] = { [EPOLL_CTL_ADD] = "ADD", [EPOLL_CTL_DEL] = "DEL", [EPOLL_CTL_MOD] = "MOD" };
    int set = below(SLOTS - SETS), slot = below(SLOTS), other = 1 + below(3), operation = EPOLL_CTL_ADD;
    unsigned mask = random_mask();
    if (one_in(2) || (!slots[slot].open && !one_in(4)))
        slot = pick_end() >= 0 ? pick_end() : slot;
    if (apart && slot >= SETS)
        slot = below(SETS);
    if (slot >= SETS)
        mask &= ~(unsigned)EPOLLET;
    if (member[set][slot])
        operation = one_in(3) ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (one_in(8))
        operation = other;
    struct epoll_event event = { .events = mask, .data.u64 = data_for(slot, mask) };
    int into = one_in(40) ? LISTENER : SETS + set;
    long result = epoll_ctl(slots[into].fd, operation, descriptor(slot), &event);
    int error = errno;
    printf("%d ctl %s %s %s ", step, names[into], operations[operation], names[slot]);
    print_mask(operation == EPOLL_CTL_DEL ? 0 : mask);
    errno = error;
    tell(result, "%s", "");
    if (into != LISTENER && slots[slot].open)
        member[set][slot] = operation != EPOLL_CTL_DEL;
}

static void step_write(void)
{
    int slot = pick_end();
    size_t length = (size_t)(1 + below(one_in(3) ? 1000 : 20));
    static const char text[1000];
    if (slot < 0)
        return;
    struct end *end = &ends[slots[slot].object], *peer = &ends[peer_of(slots[slot].object)];
    if (peer->flooded || peer->writes >= 10)
        return;
    tell(write(slots[slot].fd, text, length), "%d write %s %zu", step, names[slot], length);
    if (end->state != OPEN || end->shut || end->reset)
        return;
    if (peer->state == CLOSED || (peer->shut && peer->deaf)) {
        end->reset = peer->reset = true;
        return;
    }
    peer->unread += (long)length;
    peer->writes++;
}

static void step_read(void)
{
    int slot = pick_end();
    size_t length = (size_t)(1 + below(one_in(3) ? 1000 : 20));
    char text[1000];
    if (slot < 0)
        return;
    struct end *end = &ends[slots[slot].object];
    if (end->flooded && end->nibbles++ >= 4)
        return;
    tell(read(slots[slot].fd, text, length), "%d read %s %zu", step, names[slot], length);
    end->unread = end->unread > (long)length ? end->unread - (long)length : 0;
}

/* Reads all there is, and all that a flood still holds back. */
static void step_drain(void)
{
    static char text[65536];
    int slot = pick_end();
    if (slot < 0)
        return;
    struct end *end = &ends[slots[slot].object];
    int source = slot_of(peer_of(slots[slot].object));
    ssize_t count = 0;
    for (int i = 0; i < 5000; i++) {
        /* In this order: what was acknowledged before the reads is found by them. */
        bool all = !end->flooded || (source >= 0 && held(slots[source].fd, SIOCOUTQ) == 0);
        do
            count = read(slots[slot].fd, text, sizeof text);
        while (count > 0);
        /* An end that is shut for reading says 0 although more comes. */
        if (all || (count == 0 && !end->deaf) || (count < 0 && errno != EAGAIN))
            break;
        nap(200);
    }
    tell(count, "%d drain %s", step, names[slot]);
    end->unread = end->writes = end->nibbles = 0;
    end->flooded = false;
}

/* Writes until nothing more goes in, not even after a delayed acknowledgement (40 ms), nor after a first probe of a window that is
 * not zero but too small (200 ms): its text would come as a new edge later. */
static void step_fill(void)
{
    static const char text[4096];
    int slot = pick_end();
    if (slot < 0)
        return;
    struct end *end = &ends[slots[slot].object], *peer = &ends[peer_of(slots[slot].object)];
    bool both_open = end->state == OPEN && peer->state == OPEN && !end->reset && !end->shut && !peer->shut;
    /* Nothing else may be ready: a report that room was there for a moment would bring it along. */
    if (!both_open || end->unread > 0 || end->flooded || peer->flooded)
        return;
    ssize_t count = 0;
    for (int quiet = 0; quiet < 60; quiet++) {
        while ((count = write(slots[slot].fd, text, sizeof text)) > 0)
            quiet = 0;
        nap(5000);
    }
    tell(count, "%d fill %s", step, names[slot]);
    peer->flooded = true;
    peer->nibbles = 0;
}

static void step_shutdown(void)
{
    static const char *const ways[] = { "RD", "WR", "RDWR" };
    int slot = pick_end();
    int how = one_in(4) ? below(3) : SHUT_WR;
    if (slot < 0)
        return;
    tell(shutdown(slots[slot].fd, how), "%d shutdown %s %s", step, names[slot], ways[how]);
    struct end *end = &ends[slots[slot].object];
    /* Even what is not connected is shut, although the call fails. */
    end->shut |= how != SHUT_RD;
    end->deaf |= how != SHUT_WR;
}

static void step_close(void)
{
    int slot = pick_end();
    if (slot >= 0)
        tell(close_slot(slot), "%d close %s", step, names[slot]);
}

static void step_reset(void)
{
    int slot = pick_end();
    struct linger linger = { .l_onoff = 1 };
    if (slot < 0)
        return;
    setsockopt(slots[slot].fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    ends[slots[slot].object].lingers = true;
    tell(close_slot(slot), "%d reset %s", step, names[slot]);
}

static void step_copy(void)
{
    int copy = COPIES + below(2), slot = one_in(4) ? LISTENER + below(COPIES - LISTENER) : pick_end();
    if (slots[copy].open) {
        tell(close_slot(copy), "%d close %s", step, names[copy]);
        return;
    }
    if (slot < 0 || slot >= COPIES)
        return;
    fill_slot(copy, dup(slots[slot].fd), slots[slot].object);
    printf("%d %s = dup %s\n", step, names[copy], names[slot]);
}

/* The slot of an end that may connect, made if need be; -1 if there is none. */
static int fresh(void)
{
    int start = below(PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        int slot = (start + i) % PAIRS * 2;
        if (ends[slot].state == FRESH && slots[slot].open && !ends[slot].shut)
            return slot;
        if (ends[slot].state != NONE || ends[peer_of(slot)].state != NONE)
            continue;
        fill_slot(slot, socket(AF_INET, SOCK_STREAM, 0), slot);
        prepare_socket(slots[slot].fd);
        ends[slot].state = FRESH;
        printf("%d socket %s\n", step, names[slot]);
        return one_in(2) ? slot : -1;
    }
    return -1;
}

static void connect_slot(int slot)
{
    struct sockaddr_in address = local_address(slots[LISTENER].fd);
    long result = connect(slots[slot].fd, (struct sockaddr *)&address, sizeof address);
    tell(result, "%d connect %s", step, names[slot]);
    expect(slot, slots[slot].fd, 0, POLLOUT, "POLLOUT");
    ends[slot].state = OPEN;
    ends[peer_of(slot)].state = QUEUED;
    queue[queued++] = peer_of(slot);
}

static void step_connect(void)
{
    int slot = fresh();
    if (slot >= 0)
        connect_slot(slot);
}

static void step_refused(void)
{
    int slot = fresh();
    if (slot < 0)
        return;
    int other = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = loopback(0);
    if (bind(other, (struct sockaddr *)&address, sizeof address) < 0)
        err(1, "bind");
    address = local_address(other);
    close(other);
    long result = connect(slots[slot].fd, (struct sockaddr *)&address, sizeof address);
    tell(result, "%d connect %s, refused", step, names[slot]);
    expect(slot, slots[slot].fd, 0, POLLERR, "POLLERR");
    ends[slot].state = REFUSED;
}

static void step_accept(void)
{
    int fd = accept(slots[LISTENER].fd, NULL, NULL);
    tell(fd < 0 ? fd : 0, "%d accept %s", step, queued ? names[queue[0]] : "none");
    if (queued == 0)
        return;
    if (fd >= 0)
        prepare_socket(fd);
    ends[queue[0]].state = OPEN;
    fill_slot(queue[0], fd, queue[0]);
    queued--;
    memmove(queue, queue + 1, sizeof queue - sizeof queue[0]);
}

static void step_pipe(void)
{
    char text[4096] = { 0 };
    size_t length = (size_t)(one_in(4) ? 4096 : 1 + below(100));
    if (one_in(2))
        tell(write(slots[PIPE_WRITER].fd, text, length), "%d write pipe %zu", step, length);
    else
        tell(read(slots[PIPE_READER].fd, text, length), "%d read pipe %zu", step, length);
}

static void step_counter(void)
{
    uint64_t value = UINT64_C(1);
    if (one_in(2))
        tell(write(slots[COUNTER].fd, &value, sizeof value), "%d write eventfd", step);
    else
        tell(read(slots[COUNTER].fd, &value, sizeof value), "%d read eventfd", step);
}

static void step_poll(void)
{
    struct pollfd entries[4] = { 0 };
    int chosen[4], count = 1 + below(4);
    for (int i = 0; i < count; i++) {
        chosen[i] = one_in(3) && !apart ? SETS + below(SLOTS - SETS) : below(apart ? SETS : SLOTS);
        entries[i].fd = descriptor(chosen[i]);
        entries[i].events = (short)(random_mask() & (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI));
    }
    printf("%d poll: %d", step, poll(entries, (nfds_t)count, 0));
    for (int i = 0; i < count; i++) {
        printf(" %s asked ", names[chosen[i]]);
        print_mask((unsigned)entries[i].events);
        printf(" has ");
        print_mask((unsigned)entries[i].revents);
    }
    printf("\n");
}

static void step_error(void)
{
    int slot = pick_end();
    if (slot < 0)
        return;
    int error = get(slots[slot].fd, SOL_SOCKET, SO_ERROR);
    printf("%d SO_ERROR %s: %s\n", step, names[slot], error > 0 ? strerrorname_np(error) : error < 0 ? "fails" : "0");
}

static void step_new_set(void)
{
    int set = below(SLOTS - SETS);
    close_slot(SETS + set);
    fill_slot(SETS + set, epoll_create1(0), SETS + set);
    memset(member[set], 0, sizeof member[set]);
    printf("%d new %s\n", step, names[SETS + set]);
}

static const struct { int weight; void (*run)(void); } kinds[] = {
    { 40, step_ctl },    { 14, step_write },   { 9, step_read },    { 8, step_drain },   { 4, step_fill },  { 3, step_shutdown },
    { 3, step_close },   { 2, step_reset },    { 4, step_copy },    { 6, step_connect }, { 6, step_accept }, { 1, step_refused },
    { 4, step_pipe },    { 3, step_counter },  { 5, step_poll },    { 2, step_error },   { 1, step_new_set },
};

static void run_step(void)
{
    int total = 0, kind = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        total += kinds[i].weight;
    int chosen = below(total);
    while (chosen >= kinds[kind].weight)
        chosen -= kinds[kind++].weight;
    kinds[kind].run();
    settle();
    for (int slot = SETS; slot < SLOTS; slot++) {
        int way = below(5);
        if (way == 0)
            wait_for_each(slot);
        else if (way < 3)
            wait_for_all(slot);
    }
}

static void open_all(void)
{
    int ends_of_pipe[2];
    if (pipe2(ends_of_pipe, O_NONBLOCK) < 0 || fcntl(ends_of_pipe[1], F_SETPIPE_SZ, 4096) < 0)
        err(1, "pipe");
    for (int i = 0; i < SLOTS; i++)
        slots[i] = (struct slot){ .fd = -1, .object = i };
    fill_slot(PIPE_READER, ends_of_pipe[0], PIPE_READER);
    fill_slot(PIPE_WRITER, ends_of_pipe[1], PIPE_WRITER);
    fill_slot(COUNTER, eventfd(0, EFD_NONBLOCK), COUNTER);
    fill_slot(LISTENER, new_listener(), LISTENER);
    prepare_socket(slots[LISTENER].fd);
    for (int i = SETS; i < SLOTS; i++)
        fill_slot(i, epoll_create1(0), i);
    for (int i = 0; i < PAIRS - 1; i++) {
        fill_slot(2 * i, socket(AF_INET, SOCK_STREAM, 0), 2 * i);
        prepare_socket(slots[2 * i].fd);
        connect_slot(2 * i);
        settle();
        step_accept();
    }
}

int main(int count, char **arguments)
{
    if (count < 3)
        errx(2, "epoll_random SEED STEPS [GRACE [apart]]");
    state = mixed((uint64_t)number(arguments[1], 0, INT32_MAX, "SEED") + 1);
    int steps = (int)number(arguments[2], 1, 100000, "STEPS");
    if (count > 3)
        grace = (int)number(arguments[3], 0, 1000, "GRACE");
    apart = count > 4 && strcmp(arguments[4], "apart") == 0;
    on_signal(SIGPIPE, SIG_IGN, 0);
    open_all();
    for (step = 1; step <= steps; step++)
        run_step();
    return 0;
}
