/* sendfile(): positions, ends, errors, and a socket without room. */
#include "call.h"

#include <signal.h>
#include <sys/sendfile.h>

#define SIZE 300000

static unsigned char text[SIZE];

static int new_file(void)
{
    char path[] = "/tmp/sockeye-files-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || unlink(path) < 0 || write(fd, text, SIZE) != SIZE)
        err(1, "file");
    return fd;
}

/* Reads so many bytes and compares them with those of the file from a place on. */
static void expect(int fd, size_t from, size_t count, const char *label)
{
    static unsigned char buffer[SIZE];
    size_t have = 0;
    while (have < count) {
        ssize_t got = read(fd, buffer + have, count - have);
        if (got <= 0)
            err(1, "%s: read", label);
        have += (size_t)got;
    }
    printf("%s: %s\n", label, memcmp(buffer, text + from, count) == 0 ? "as sent" : "other bytes");
}

static void positions(int file)
{
    int ends[2];
    off_t offset = 1000;
    new_pair(ends);
    tell(sendfile(ends[0], file, &offset, 5000), "with an offset");
    tell(offset, "  offset");
    tell(lseek(file, 0, SEEK_CUR), "  position");
    expect(ends[1], 1000, 5000, "  bytes");
    lseek(file, 7, SEEK_SET);
    tell(sendfile(ends[0], file, NULL, 100), "without");
    tell(lseek(file, 0, SEEK_CUR), "  position");
    expect(ends[1], 7, 100, "  bytes");
    offset = SIZE - 50;
    tell(sendfile(ends[0], file, &offset, 5000), "past the end");
    tell(offset, "  offset");
    expect(ends[1], SIZE - 50, 50, "  bytes");
    tell(sendfile(ends[0], file, &offset, 10), "at the end");
    tell(sendfile(ends[0], file, &offset, 0), "nothing");
    close(ends[0]);
    close(ends[1]);
}

static void errors(int file)
{
    int ends[2];
    off_t offset = -1;
    new_pair(ends);
    tell(sendfile(ends[0], file, &offset, 10), "negative offset");
    tell(sendfile(ends[0], -1, NULL, 10), "no file");
    tell(sendfile(-1, file, NULL, 10), "no socket");
    tell(sendfile(file, ends[0], NULL, 10), "from a socket");
    int folder = open("/tmp", O_RDONLY | O_DIRECTORY);
    tell(sendfile(ends[0], folder, NULL, 10), "from a folder");
    close(folder);
    close(ends[1]);
    await(ends[0], POLLIN);
    lseek(file, 0, SEEK_SET);
    tell(sendfile(ends[0], file, NULL, 10), "to a closed peer");
    await(ends[0], POLLERR | POLLHUP);
    tell(sendfile(ends[0], file, NULL, 10), "after the reset");
    tell(sendfile(ends[0], file, NULL, 10), "again");
    close(ends[0]);
}

/* A socket that does not wait takes what fits, and then nothing; all of it arrives. */
static void without_waiting(int file)
{
    int ends[2];
    off_t offset = 0;
    new_pair(ends);
    set_nonblocking(ends[0]);
    size_t sent = 0;
    for (;;) {
        offset = (off_t)(sent % SIZE);
        ssize_t part = sendfile(ends[0], file, &offset, SIZE - sent % SIZE);
        if (part < 0)
            break;
        sent += (size_t)part;
    }
    tell(-1, "full");
    for (size_t have = 0; have < sent;) {
        unsigned char buffer[4096];
        ssize_t got = read(ends[1], buffer, sizeof buffer);
        if (got <= 0)
            err(1, "read");
        for (ssize_t at = 0; at < got; at++, have++)
            if (buffer[at] != text[have % SIZE])
                errx(1, "another byte at %zu", have);
    }
    await(ends[0], POLLOUT);
    printf("all arrived\n");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (unsigned char)(i * 7 % 251);
    int file = new_file();
    positions(file);
    errors(file);
    without_waiting(file);
    return 0;
}
