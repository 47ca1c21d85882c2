/* Sleeps on all words that it shares with the host process, and wakes, moves and locks others there, until it is killed: sleepers SEED
 *
 * Whoever may map a word may wait on it as a futex, the host process's own among them, and take wake-ups that others wait for. */
#include "call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include <linux/futex.h>

enum { AREAS = 64, SLEEPERS = 24, WORDS = 1024, PAIRS = 8 };

struct area { _Atomic uint32_t *start; int is_writable; };

static struct area areas[AREAS];
static int area_count;
static uint64_t seed;

static uint64_t below(uint64_t *random, uint64_t bound)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % bound;
}

static void find_areas(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], access[8];
    while (maps && area_count < AREAS && fgets(line, sizeof line, maps)) {
        unsigned long start;
        if (strstr(line, "memfd:sockeye-") && sscanf(line, "%lx-%*x %7s", &start, access) == 2)
            areas[area_count++] = (struct area) { (_Atomic uint32_t *)start, access[1] == 'w' };
    }
    if (maps)
        fclose(maps);
}

static _Atomic uint32_t *any_word(uint64_t *random, struct area *area)
{
    *area = areas[below(random, (uint64_t)area_count)];
    return area->start + below(random, WORDS);
}

/* One sleeps, with the value that is there, so that it does sleep; on a lock of the kernel's, if it may write. */
static void *sleep_for_ever(void *given)
{
    uint64_t random = seed * 64 + (uint64_t)(uintptr_t)given;
    for (;;) {
        struct area area;
        struct timespec time = { 0, 20000000 };
        _Atomic uint32_t *word = any_word(&random, &area);
        if (area.is_writable && below(&random, 16) == 0)
            syscall(SYS_futex, word, FUTEX_LOCK_PI, 0, &time, NULL, 0);
        else
            syscall(SYS_futex, word, FUTEX_WAIT, atomic_load(word), &time, NULL, 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "sleepers SEED");
    seed = (uint64_t)number(argv[1], 0, INT64_MAX, "SEED");
    int ends[PAIRS][2];
    for (int i = 0; i < PAIRS; i++)
        new_pair(ends[i]);
    find_areas();
    if (area_count == 0)
        errx(1, "there is no shared memory");
    pthread_t thread;
    for (int i = 0; i < SLEEPERS; i++)
        pthread_create(&thread, NULL, sleep_for_ever, (void *)(uintptr_t)i);
    printf("ready\n");
    fflush(stdout);
    uint64_t random = seed;
    for (unsigned turn = 0;; turn++) {
        struct area area, other;
        _Atomic uint32_t *word = any_word(&random, &area), *to = any_word(&random, &other);
        syscall(SYS_futex, word, FUTEX_WAKE, below(&random, 4), NULL, NULL, 0);
        syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 1, 8, to, atomic_load(word));
        if (turn % 64 == 0) {
            struct timespec time = { 0, 50000 };
            nanosleep(&time, NULL);
        }
    }
}
