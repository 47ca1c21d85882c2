/* Makes a connection for each line that it reads, passes a byte, closes it, and says how many descriptors and mappings it has. */
#include "call.h"

#include <dirent.h>

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static int mappings(void)
{
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int byte; (byte = getc(maps)) != EOF;)
        count += byte == '\n';
    fclose(maps);
    return count;
}

int main(void)
{
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        int ends[2];
        char byte = 'a';
        new_pair(ends);
        struct pollfd ready = { .fd = ends[1], .events = POLLIN };
        if (send(ends[0], &byte, 1, 0) != 1 || poll(&ready, 1, -1) != 1 || recv(ends[1], &byte, 1, 0) != 1)
            err(1, "a byte");
        close(ends[0]);
        close(ends[1]);
        printf("%d descriptors %d mappings\n", descriptors(), mappings());
        fflush(stdout);
    }
}
