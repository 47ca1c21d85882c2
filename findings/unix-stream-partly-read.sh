#!/usr/bin/env bash
# Linux (seen on 6.18): an AF_UNIX stream socket stays unwritable for poll() while one byte of each buffer is unread.
#
# A stream has no records, so one expects room when all but some bytes were read. But the sender is charged for whole buffers, each until
# its last byte is read (net/unix/af_unix.c: unix_writable, sock_wfree): who reads a stream "but for the last byte", to keep it from
# being empty, keeps the sender from POLLOUT for good, at 1 unread byte of 2048.
#
# Seen:   2048 bytes sent at once, 2047 of them read: not writable. Five bytes sent one by one, four of them read: writable.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/probe.py" <<'PYTHON'
import select, socket, sys

def writable(one):
    poll = select.poll()
    poll.register(one, select.POLLOUT)
    return bool(poll.poll(0))

def unread_one_of(sizes):
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for size in sizes:
        one.send(bytes(size), socket.MSG_DONTWAIT)
    full = writable(one)
    left = sum(sizes) - 1
    while left > 0:
        left -= len(other.recv(left))
    return full, writable(one)

large, small = unread_one_of([2048]), unread_one_of([1] * 5)
print(f"one buffer of 2048 bytes: writable {large[0]}; after 2047 were read: {large[1]}")
print(f"five buffers of one byte: writable {small[0]}; after four were read: {small[1]}")
sys.exit(0 if (large, small) == ((False, False), (False, True)) else 1)
PYTHON
echo "Linux $(uname -r), $(python3 --version)"
python3 "$work/probe.py" || { echo "changed" >&2; exit 1; }
