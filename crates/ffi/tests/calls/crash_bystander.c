/* A connection of its own, both ends of it: at each line of input text goes through, both ways, and is compared. */
#include "call.h"

enum { TEXT = 65536 };

static void turn(int from, int to, uint64_t seed)
{
    static uint8_t bytes[TEXT];
    fill_pattern(seed, 0, bytes, TEXT);
    if (writen(from, bytes, TEXT) < 0)
        err(1, "write");
    if (readn(to, bytes, TEXT) != TEXT)
        err(1, "read");
    if (match_pattern(seed, 0, bytes, TEXT) != TEXT)
        errx(1, "a byte is wrong");
}

int main(void)
{
    int ends[2], byte;
    uint64_t seed = 0;
    new_pair(ends);
    printf("ready\n");
    fflush(stdout);
    while ((byte = getchar()) != EOF) {
        turn(ends[0], ends[1], ++seed);
        turn(ends[1], ends[0], ++seed);
        printf("turned\n");
        fflush(stdout);
    }
    return 0;
}
