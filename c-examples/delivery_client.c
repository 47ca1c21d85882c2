/* Guaranteed delivery, the client: sets its send buffer and writes records of 1024 bytes without end. */
#include "example.h"

enum { RECORD = 1024 };

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s ADDRESS PORT SEND_BUFFER\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int asked = (int)number(argv[3], 1, INT32_MAX / 2, "SEND_BUFFER");
    struct address address = parse_address(argv[1], argv[2]);
    int fd = open_socket(&address);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &asked, sizeof asked) < 0)
        err(1, "setsockopt SO_SNDBUF");
    connect_to(fd, &address);
    int in_force = 0;
    socklen_t length = sizeof in_force;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &in_force, &length) < 0)
        err(1, "getsockopt SO_SNDBUF");
    printf("connected; send buffer: %d asked, %d in force\n", asked, in_force);

    uint64_t total = 0;
    for (unsigned records = 1;; records++) {
        uint8_t record[RECORD];
        fill_pattern(0, total, record, sizeof record);
        ssize_t count = write(fd, record, sizeof record);
        if (count < 0)
            err(1, "write");
        total += (uint64_t)count;
        printf("written: %zd (%u records, %llu bytes)\n", count, records, (unsigned long long)total);
    }
}
