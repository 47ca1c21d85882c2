#!/usr/bin/env bash
# Linux (seen on 6.18): setting SO_RCVLOWAT of a TCP socket is an edge for EPOLLET, even to the value that it has already.
#
# An edge-triggered set tells of what arrives. But the option's setter calls what an arrival calls whenever the socket is readable by
# the new mark (net/ipv4/tcp.c: tcp_set_rcvlowat, tcp_data_ready), and so makes an event without a byte more. Other options do not: the
# buffer's size, set to a new value, is none. A program that adjusts the mark in its loop for each message, as one that frames messages
# does, is woken once more for each.
#
# Seen:   after one event for 5 bytes: none; after SO_RCVLOWAT 1, which it is: one; after it again: one; after SO_RCVBUF: none;
#         after SO_RCVLOWAT 6: none, as 5 are there; after SO_RCVLOWAT 5: one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/probe.py" <<'PYTHON'
import select, socket

listener = socket.create_server(("127.0.0.1", 0))
peer = socket.create_connection(listener.getsockname())
one, _ = listener.accept()
edges = select.epoll()
edges.register(one, select.EPOLLIN | select.EPOLLET)

def events(time=0.05):
    return len(edges.poll(time))

def after(option, value):
    one.setsockopt(socket.SOL_SOCKET, option, value)
    return events()

peer.sendall(b"12345")
seen = [events(2), events()]
assert one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1
seen += [after(socket.SO_RCVLOWAT, 1), after(socket.SO_RCVLOWAT, 1), after(socket.SO_RCVBUF, 100_000)]
seen += [after(socket.SO_RCVLOWAT, 6), after(socket.SO_RCVLOWAT, 5)]
print("events:", *seen)
PYTHON
seen=$(python3 "$work/probe.py")
echo "Linux $(uname -r), $seen"
[ "$seen" = "events: 1 0 1 1 0 0 1" ] || { echo "this has changed" >&2; exit 1; }
