/* Breaks the rules, until it is killed: hostile SEED PORT
 *
 * It opens connections to itself and to PORT. Then one thread writes values that are likely to hurt into the memory that it shares with the
 * host process, and wakes that. By the seed's lowest bits, for each of these ends the game sooner:
 *   1  others go on with their calls as long as the library stands that;
 *   2  the mailbox is written to as well, so that nonsense is asked and the session ends;
 *   4  the library's own descriptors are misused: the doorbell and the bells are filled and made to block, and the host process is sent
 *      nonsense.
 * One more thread waits for the end of the host process, and keeps it to itself. A thread that crashes is parked. */
#include "call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/futex.h>

enum { PAIRS = 40, AREAS = 64, PAGES = 1 << 16, PAGE = 4096, NEAR = 1024, CALLERS = 2, DESCRIPTORS = 2048 };

struct area { char *start; size_t length; };

static struct area areas[AREAS];
static int area_count;
static char *pages[PAGES];
static int page_count;
static int ends[PAIRS][2];
static struct sockaddr_in own, other;
static int listener, doorbell = -1;
static uint64_t seed;

enum { CALLS = 1, MAILBOX = 2, MISUSE = 4 };

static uint64_t below(uint64_t *random, uint64_t bound)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % bound;
}

/* What a thread does that has crashed over its own words. */
static void park(int signal_number)
{
    (void)signal_number;
    for (;;)
        pause();
}

static void rest(long nanoseconds)
{
    struct timespec time = { 0, nanoseconds };
    syscall(SYS_nanosleep, &time, NULL);
}

/* ---- memory ---- */

/* All that is shared with the host process and may be written. */
static void find_areas(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], access[8];
    area_count = 0;
    while (maps && area_count < AREAS && fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        if (!(seed & MAILBOX) && strstr(line, "memfd:sockeye-mailbox"))
            continue;
        if (sscanf(line, "%lx-%lx %7s", &start, &end, access) == 3 && access[1] == 'w' && strstr(line, "memfd:sockeye-"))
            areas[area_count++] = (struct area) { (char *)start, end - start };
    }
    if (maps)
        fclose(maps);
}

/* The pages of an area that somebody has touched. */
static void find_pages(const struct area *area)
{
    enum { MANY = 1 << 16 };
    static unsigned char is_there[MANY];
    for (size_t at = 0; at < area->length; at += (size_t)MANY * PAGE) {
        size_t length = area->length - at < (size_t)MANY * PAGE ? area->length - at : (size_t)MANY * PAGE;
        if (mincore(area->start + at, length, is_there) < 0)
            return;
        for (size_t page = 0; page < length / PAGE && page_count < PAGES; page++)
            if (is_there[page] & 1)
                pages[page_count++] = area->start + at + page * PAGE;
    }
}

static uint64_t nasty(uint64_t *random, uint64_t old)
{
    static const uint64_t values[] = { 0, 1, 2, 3, UINT32_MAX, UINT64_C(1) << 31, INT64_MAX, UINT64_MAX };
    static const uint64_t near[] = { 1, 2, 4095, 4096, 65536, UINT32_MAX, UINT64_C(1) << 32 };
    switch (below(random, 5)) {
    case 0:
        return values[below(random, sizeof values / sizeof *values)];
    case 1:
        return old + near[below(random, sizeof near / sizeof *near)];
    case 2:
        return old - near[below(random, sizeof near / sizeof *near)];
    case 3:
        return old ^ UINT64_C(1) << below(random, 64);
    default:
        return below(random, UINT64_C(1) << 31) << below(random, 33);
    }
}

static void scribble(uint64_t *random)
{
    /* At the start of an area are the words that say where to look. */
    bool is_first = below(random, 8) == 0;
    char *page = is_first ? areas[below(random, (uint64_t)area_count)].start : pages[below(random, (uint64_t)page_count)];
    bool is_near = below(random, 4) > 0;
    char *half = page + (is_near ? below(random, 2) * (PAGE / 2) : 0);
    char *at = half + below(random, (is_near ? NEAR : PAGE) / 8) * 8;
    if (below(random, 2)) {
        _Atomic uint64_t *word = (_Atomic uint64_t *)at;
        atomic_store(word, nasty(random, atomic_load(word)));
    } else {
        _Atomic uint32_t *word = (_Atomic uint32_t *)at + below(random, 2);
        atomic_store(word, (uint32_t)nasty(random, atomic_load(word)));
    }
}

static void wake_host(void)
{
    uint64_t one = 1;
    if (!(seed & MISUSE))
        syscall(SYS_write, doorbell, &one, sizeof one);
}

static void *scribble_for_ever(void *start)
{
    uint64_t random = *(uint64_t *)start;
    for (;;) {
        find_areas();
        page_count = 0;
        for (int i = 0; i < area_count; i++)
            find_pages(&areas[i]);
        /* As fast as it can for a while, and then now and then. */
        for (int i = 0; page_count > 0 && i < 20000; i++) {
            scribble(&random);
            if (i % 1000 == 0)
                wake_host();
        }
        for (int i = 0; page_count > 0 && i < 200; i++) {
            scribble(&random);
            wake_host();
            rest(100000);
        }
    }
    return NULL;
}

/* ---- calls ---- */

static void call_once(uint64_t *random)
{
    static char bytes[65536];
    int fd = ends[below(random, PAIRS)][below(random, 2)];
    switch (below(random, 6)) {
    case 0:
    case 1:
        send(fd, bytes, below(random, sizeof bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case 2:
    case 3:
        recv(fd, bytes, below(random, sizeof bytes), MSG_DONTWAIT);
        break;
    case 4:
        set(fd, IPPROTO_TCP, TCP_NODELAY, (int)below(random, 2));
        break;
    default: {
        int fresh = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const struct sockaddr_in *address = below(random, 2) ? &own : &other;
        connect(fresh, (const struct sockaddr *)address, sizeof *address);
        send(fresh, bytes, below(random, 2000), MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fresh);
        close(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
    }
    }
}

static void *call_for_ever(void *start)
{
    uint64_t random = *(uint64_t *)start;
    int set = epoll_create1(0);
    for (int i = 0; i < PAIRS; i++) {
        struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | (i % 2 ? EPOLLET : 0), .data.fd = i };
        epoll_ctl(set, EPOLL_CTL_ADD, ends[i][i % 2], &event);
    }
    for (;;) {
        struct epoll_event events[16];
        call_once(&random);
        epoll_wait(set, events, 16, below(&random, 4) == 0);
    }
    return NULL;
}

/* ---- descriptors ---- */

/* No library stands between: it knows its own descriptors. */
static void misuse(int fd, const char *kind, uint64_t *random)
{
    char path[64], junk[70000];
    uint64_t full = UINT64_MAX - 1;
    if (strstr(kind, "eventfd"))
        doorbell = fd;
    if (!(seed & MISUSE))
        return;
    if (fd == doorbell) {
        syscall(SYS_write, fd, &full, sizeof full);
        syscall(SYS_fcntl, fd, F_SETFL, 0);
    } else if (strncmp(kind, "pipe:", 5) == 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        long end = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_NONBLOCK);
        syscall(SYS_write, end, junk, sizeof junk);
        syscall(SYS_fcntl, fd, F_SETFL, 0);
        syscall(SYS_close, end);
    } else if (strncmp(kind, "socket:", 7) == 0 && below(random, 16) == 0) {
        memset(junk, (int)below(random, 256), sizeof junk);
        syscall(SYS_sendto, fd, junk, 1 + below(random, sizeof junk - 1), MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    }
}

static void misuse_all(uint64_t *random)
{
    for (int fd = 3; fd < DESCRIPTORS; fd++) {
        char path[64], kind[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (syscall(SYS_readlinkat, AT_FDCWD, path, kind, sizeof kind - 1) > 0)
            misuse(fd, kind, random);
    }
}

/* The kernel marks the word by which a host process says that it lives, and wakes one of those who wait for it. */
static void *keep_the_end(void *unused)
{
    enum { WORDS = 64 };
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long start = 0;
    (void)unused;
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "memfd:sockeye-host"))
            start = strtoul(line, NULL, 16);
    _Atomic uint32_t *words = (_Atomic uint32_t *)start;
    for (int i = 0; words && i < WORDS; i++) {
        uint32_t value = atomic_load(&words[i]);
        if (value & FUTEX_WAITERS)
            syscall(SYS_futex, &words[i], FUTEX_WAIT, value, NULL);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        errx(2, "hostile SEED PORT");
    seed = (uint64_t)number(argv[1], 0, INT64_MAX, "SEED");
    other = loopback((int)number(argv[2], 1, 65535, "PORT"));
    listener = new_listener();
    own = local_address(listener);
    set_nonblocking(listener);
    /* Before others wait. */
    pthread_t thread;
    pthread_create(&thread, NULL, keep_the_end, NULL);
    for (int i = 0; i < PAIRS / 2; i++)
        new_pair(ends[i]);
    for (int i = PAIRS / 2; i < PAIRS; i++)
        for (int end = 0; end < 2; end++) {
            ends[i][end] = socket(AF_INET, SOCK_STREAM, 0);
            if (connect(ends[i][end], (struct sockaddr *)&other, sizeof other) < 0)
                err(1, "connect");
        }
    static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        on_signal(crashes[i], park, 0);
    printf("listening on port %u\n", ntohs(own.sin_port));
    printf("scribbling\n");
    fflush(stdout);
    static uint64_t seeds[CALLERS + 1];
    uint64_t random = seed;
    misuse_all(&random);
    for (int i = 0; i <= (seed & CALLS ? CALLERS : 0); i++) {
        seeds[i] = seed * 16 + (uint64_t)i;
        pthread_create(&thread, NULL, i == 0 ? scribble_for_ever : call_for_ever, &seeds[i]);
    }
    for (;;) {
        rest(50000000);
        misuse_all(&random);
    }
}
