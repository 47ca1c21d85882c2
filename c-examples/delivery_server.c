/* Guaranteed delivery, the server: sets its receive buffer, accepts one connection, hangs without reading until SIGUSR1
 * comes, then reads records of 1024 bytes until end of file, with PAUSE milliseconds between them. */
#include "example.h"

#include <time.h>

enum { RECORD = 1024 };

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: %s ADDRESS PORT RECEIVE_BUFFER [PAUSE]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int asked = (int)number(argv[3], 1, INT32_MAX / 2, "RECEIVE_BUFFER");
    long long pause_ms = argc == 5 ? number(argv[4], 0, 999, "PAUSE") : 0;
    sigset_t go;
    sigemptyset(&go);
    sigaddset(&go, SIGUSR1);
    sigprocmask(SIG_BLOCK, &go, NULL);

    struct address address = parse_address(argv[1], argv[2]);
    int listener = open_socket(&address);
    if (setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &asked, sizeof asked) < 0)
        err(1, "setsockopt SO_RCVBUF");
    listen_on(listener, &address);
    int connection = accept_connection(listener);
    close(listener);
    int in_force = 0;
    socklen_t length = sizeof in_force;
    if (getsockopt(connection, SOL_SOCKET, SO_RCVBUF, &in_force, &length) < 0)
        err(1, "getsockopt SO_RCVBUF");
    printf("accepted; receive buffer: %d asked, %d in force\n", asked, in_force);

    printf("hanging\n");
    int signal_number;
    sigwait(&go, &signal_number);
    printf("reading\n");

    uint64_t total = 0;
    unsigned reads = 0;
    for (;;) {
        uint8_t record[RECORD];
        ssize_t count = readn(connection, record, sizeof record);
        if (count < 0)
            err(1, "read");
        if (count == 0)
            break;
        if (match_pattern(0, total, record, (size_t)count) != (size_t)count)
            errx(1, "corrupt at byte %llu",
                 (unsigned long long)(total + match_pattern(0, total, record, (size_t)count)));
        printf("read: %zd\n", count);
        total += (uint64_t)count;
        reads++;
        if (pause_ms > 0)
            nanosleep(&(struct timespec){ .tv_nsec = (long)pause_ms * 1000000 }, NULL);
        if (count < RECORD)
            break;
    }
    printf("end of file: %u reads, %llu bytes\n", reads, (unsigned long long)total);
    close(connection);
    return 0;
}
