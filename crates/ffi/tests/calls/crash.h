/* What the victims of the crash matrix and their peers share: streams in which each byte can be checked. */
#ifndef CRASH_H
#define CRASH_H

#include "call.h"

enum { VICTIM, SIBLING, CHILD, WRITERS };

/* A byte of a stream that several write to: who wrote it, and which of its bytes it is, as far as that fits. */
static inline uint8_t written_byte(int writer, uint64_t place)
{
    return (uint8_t)(writer << 6 | (pattern(1, place) & 0x3f));
}

static inline void fill_written(int writer, uint64_t place, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = written_byte(writer, place + i);
}

/* Sends so many bytes; returns how many were sent, with errno if that was not all. */
static inline size_t send_written(int fd, int writer, uint64_t place, size_t length)
{
    uint8_t bytes[4096];
    size_t done = 0;
    while (done < length) {
        size_t part = length - done < sizeof bytes ? length - done : sizeof bytes;
        fill_written(writer, place + done, bytes, part);
        ssize_t count = send(fd, bytes, part, 0);
        if (count < 0)
            break;
        done += (size_t)count;
    }
    return done;
}

/* Says how a stream ended: the error's name, or EOF. */
static inline const char *end_name(ssize_t count)
{
    return count == 0 ? "EOF" : strerrorname_np(errno);
}

#endif
