//! The protocol of a token: how the kernel's readiness of an AF_UNIX pair follows a socket's.
//!
//! ```text
//!   program's end `a` (the descriptor)                       engine's end `h`
//!        |  guard byte: so that closing h shows as a reset --->  |  from the first time on that it is polled
//!        |  four bytes more: a is not writable               ->  |  read but for the last when SendQ has room
//!        |  <- a byte: a is readable                             |
//!        |  <- an urgent byte: a has urgent data                 |
//!        |  <- shutdown: the peer's FIN                          |
//!        |  last copy of a closed -----------------------------> |  EPOLLHUP
//! ```
//!
//! AF_UNIX charges the sender for whole buffers, each until its last byte is read. So every buffer here holds one byte: what is left
//! of a send never counts for more than its bytes, in whichever order the two sides send and read.
//!
//! [`program`] is what programs do after their calls, [`Mirror`] what the engine does after an event or a doorbell. Both decide by the
//! words of [`ReadinessLine`](crate::slot::ReadinessLine), and act on a [`TokenEnd`].

mod mirror;
#[cfg(all(test, loom))]
mod model;
pub mod program;

pub use mirror::{Mirror, mend, show_edge, show_hang_up, show_report};

/// What `armed` says once the socket is polled.
pub const ARMED: u32 = 1;
/// What it says once it is in an epoll set with EPOLLET.
pub const ARMED_FOR_EDGES: u32 = 2;

/// What `tx_token` says: programs make EMPTY FILLING and that FULL; the engine makes FULL EMPTYING, and that EMPTY unless a program has
/// made it FULL.
pub const EMPTY: u32 = 0;
/// Programs are just filling it.
pub const FILLING: u32 = 1;
/// It is not writable, and will be once there is room in SendQ: with an edge, for it holds more than the guard.
pub const FULL: u32 = 2;
/// The engine is just emptying it. Who sends meanwhile makes it FULL, for the engine may have taken what was sent.
pub const EMPTYING: u32 = 3;

/// Edges shown by so many bytes more are reason to take them away: some 270 would be all that fit.
#[cfg(not(loom))]
const MANY_EDGES: u32 = 64;
/// In a model five fit.
#[cfg(loom)]
const MANY_EDGES: u32 = 1;

/// SO_SNDBUF of the program's end before the kernel doubles it. It is writable while at most a quarter of the double is charged: by
/// one buffer, which takes 512 to 1280 bytes by kernel version, and not by five, which fit.
pub const SEND_BUFFER: usize = 4096;
/// Buffers of a byte that make a token not writable, with the guard.
const FILL: usize = 4;
/// Bytes that are taken at once.
const CHUNK: usize = 64;
/// The most that are ever taken at once.
pub const MOST: usize = 512;

/// One end of a token, and what AF_UNIX does with it. No operation waits, or fails: what it cannot do is not needed.
pub trait TokenEnd {
    /// Sends a buffer of one byte, if it fits.
    fn send(&self);
    /// Sends a buffer of one byte as urgent data, if it fits.
    fn send_urgent(&self);
    /// Bytes that can be read (SIOCINQ).
    fn held(&self) -> usize;
    /// Reads up to `most` bytes, no more than [`MOST`], and throws them away. Returns how many; 0 if there are none.
    fn take(&self, most: usize) -> usize;
    /// Takes the urgent byte away, if there is one.
    fn take_urgent(&self);
    /// Shuts what this end sends.
    fn shut(&self);
    /// SO_SNDBUF, bytes.
    fn set_send_buffer(&self, bytes: usize);

    /// On the program's end: makes it not writable.
    fn fill(&self) {
        // What does not fit is not needed: the token is full then.
        (0..FILL).for_each(|_| self.send());
    }

    /// On the engine's end: takes out all but the last `kept` bytes of those that are there now.
    fn take_all_but(&self, kept: usize) {
        let mut rest = self.held().saturating_sub(kept);
        while rest > 0 {
            match self.take(rest.min(CHUNK)) {
                0 => return,
                taken => rest -= taken.min(rest),
            }
        }
    }

    /// On the program's end: takes away what was shown, but for one byte.
    fn take_surplus(&self) {
        let surplus = self.held().saturating_sub(1).min(MOST);
        if surplus > 0 {
            self.take(surplus);
        }
    }

    /// On the program's end: makes it not readable.
    fn drain(&self) {
        while self.take(CHUNK) == CHUNK {}
    }

    /// As [`drain`](Self::drain), where an urgent byte may be among what there is to read.
    fn drain_urgent(&self) {
        while self.take(CHUNK) > 0 {}
    }
}
