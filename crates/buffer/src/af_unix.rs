//! A model of a pair of AF_UNIX stream sockets, as the kernel accounts for it: per buffer, not per byte.
//!
//! A sender is charged for each buffer it has sent until the last byte of that is read. It is writable while four times the charge is
//! within SO_SNDBUF (`unix_writable()`), and may send while the charge is below SO_SNDBUF (`sock_alloc_send_pskb()`), so that the last
//! buffer may go beyond it. What arrives wakes the receiver's epoll; each buffer that is read to its end wakes the sender's, if that is
//! writable then. The test compares all this with the kernel's.

use alloc::collections::VecDeque;

/// An end of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Program,
    Engine,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Program => Self::Engine,
            Self::Engine => Self::Program,
        }
    }
}

/// What poll() reports of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Polled {
    /// POLLIN.
    pub(crate) readable: bool,
    /// POLLOUT.
    pub(crate) writable: bool,
    /// POLLRDHUP.
    pub(crate) peer_closed: bool,
    /// POLLHUP.
    pub(crate) hang_up: bool,
    /// POLLERR.
    pub(crate) error: bool,
}

/// What epoll sets with EPOLLET know of an end: one for EPOLLIN, one for EPOLLOUT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

/// One send, until its last byte is read.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    left: usize,
    charge: usize,
}

/// One end.
#[derive(Debug, Default)]
struct Socket {
    /// SO_SNDBUF as the kernel has it, which is the double of what was asked for.
    send_buffer: usize,
    charged: usize,
    /// What can be read, oldest first.
    queue: VecDeque<Buffer>,
    /// What is to be reported once, if it is still true then.
    edges: Edges,
    is_closed: bool,
    is_send_shut: bool,
    is_reset: bool,
}

/// Both ends.
#[derive(Debug)]
pub(crate) struct Pair {
    program: Socket,
    engine: Socket,
}

impl Pair {
    /// With the SO_SNDBUF of each end as the kernel has it.
    pub(crate) fn new(program: usize, engine: usize) -> Self {
        let socket = |send_buffer| Socket { send_buffer, ..Socket::default() };
        Self { program: socket(program), engine: socket(engine) }
    }

    /// SO_SNDBUF, in the kernel's bytes.
    #[cfg(any(loom, all(feature = "std", not(miri))))]
    pub(crate) fn set_send_buffer(&mut self, side: Side, bytes: usize) {
        self.end(side).send_buffer = bytes;
    }

    /// Sends a buffer of `len` bytes for which `charge` is charged. Whether it was taken.
    pub(crate) fn send(&mut self, side: Side, len: usize, charge: usize) -> bool {
        let (is_gone, sender) = (self.end(side.other()).is_closed, self.end(side));
        if is_gone || sender.is_send_shut || sender.charged >= sender.send_buffer {
            return false;
        }
        sender.charged += charge;
        let receiver = self.end(side.other());
        receiver.queue.push_back(Buffer { left: len, charge });
        receiver.edges.readable = true;
        true
    }

    /// Reads up to `most` bytes, across buffers. How many.
    pub(crate) fn recv(&mut self, side: Side, most: usize) -> usize {
        if self.look(side).queue.is_empty() {
            // The error is reported, once.
            self.end(side).is_reset = false;
        }
        let mut rest = most;
        while rest > 0
            && let Some(first) = self.end(side).queue.front_mut()
        {
            let taken = rest.min(first.left);
            first.left -= taken;
            rest -= taken;
            if first.left == 0 {
                self.free_first(side);
            }
        }
        most - rest
    }

    fn free_first(&mut self, side: Side) {
        let charge = self.end(side).queue.pop_front().map_or(0, |buffer| buffer.charge);
        let sender = self.end(side.other());
        sender.charged -= charge;
        // sock_wfree() lets go of the last byte after it has looked, and one is charged to every socket.
        sender.edges.writable |= (sender.charged + 2) * 4 <= sender.send_buffer;
    }

    /// SIOCINQ.
    pub(crate) fn held(&self, side: Side) -> usize {
        self.look(side).queue.iter().map(|buffer| buffer.left).sum()
    }

    /// SIOCOUTQ.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn charged(&self, side: Side) -> usize {
        self.look(side).charged
    }

    /// shutdown(SHUT_WR): whoever waits at the other end is woken.
    pub(crate) fn shut(&mut self, side: Side) {
        self.end(side).is_send_shut = true;
        self.end(side).edges = Edges { readable: true, writable: true };
        self.end(side.other()).edges = Edges { readable: true, writable: true };
    }

    /// The last descriptor of an end is closed. What it has not read makes this a reset.
    #[cfg(test)]
    pub(crate) fn close(&mut self, side: Side) {
        let is_unread = !self.end(side).queue.is_empty();
        while !self.end(side).queue.is_empty() {
            self.free_first(side);
        }
        self.end(side).is_closed = true;
        self.end(side.other()).is_reset = is_unread;
        self.end(side.other()).edges = Edges { readable: true, writable: true };
    }

    /// poll().
    pub(crate) fn poll(&self, side: Side) -> Polled {
        let (end, peer) = (self.look(side), self.look(side.other()));
        let peer_closed = peer.is_closed || peer.is_send_shut;
        Polled {
            readable: peer_closed || !end.queue.is_empty(),
            writable: (end.charged + 1) * 4 <= end.send_buffer,
            peer_closed,
            hang_up: peer.is_closed || (peer.is_send_shut && end.is_send_shut),
            error: end.is_reset,
        }
    }

    /// epoll_wait() on the sets with EPOLLET: what happened since, and still is so.
    pub(crate) fn take_edges(&mut self, side: Side) -> Edges {
        let polled = self.poll(side);
        let edges = core::mem::take(&mut self.end(side).edges);
        Edges { readable: edges.readable && polled.readable, writable: edges.writable && polled.writable }
    }

    fn end(&mut self, side: Side) -> &mut Socket {
        match side {
            Side::Program => &mut self.program,
            Side::Engine => &mut self.engine,
        }
    }

    fn look(&self, side: Side) -> &Socket {
        match side {
            Side::Program => &self.program,
            Side::Engine => &self.engine,
        }
    }
}

#[cfg(all(test, feature = "std", not(any(miri, loom))))]
mod tests;
