/* Sends pieces of random size without end and keeps in a journal how many bytes the send()s that returned took.
 * The stream starts with the client's number, 8 bytes, which the journal does not count. */
#include "example.h"

enum { MOST = 8192 };

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s ADDRESS PORT NUMBER JOURNAL\n", argv[0]);
        return 2;
    }
    uint64_t client = (uint64_t)number(argv[3], 0, INT32_MAX, "NUMBER");
    int journal = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (journal < 0)
        err(1, "%s", argv[4]);
    int fd = open_connection(argv[1], argv[2]);
    if (writen(fd, &client, sizeof client) < 0)
        err(1, "write");
    uint64_t total = 0;
    uint64_t random = client * 2 + 1;
    for (;;) {
        uint8_t piece[MOST];
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        size_t length = 1 + (size_t)(random >> 33) % MOST;
        fill_pattern(client, total, piece, length);
        ssize_t count = send(fd, piece, length, 0);
        if (count < 0)
            err(1, "send");
        total += (uint64_t)count;
        if (pwrite(journal, &total, sizeof total, 0) != sizeof total)
            err(1, "%s", argv[4]);
    }
}
