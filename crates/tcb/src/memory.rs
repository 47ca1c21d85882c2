//! What a connection may hold while its host is short of memory (`net.ipv4.tcp_mem`).
//!
//! ```text
//!   in all queues of the host   0 ------- low -------- pressure -------- most ------->
//!   strain                        Relaxed      Growing          Pressed
//!   a connection may hold         its limits   its limits   a share    the least
//!   buffers grow                  yes          no           no         no
//!   windows grow                  yes          yes          no         no
//! ```

use sockeye_clock::Instant;

use crate::timers::Timer;
use crate::{Discard, Event, Tcb};

/// Segments that the window is cut to under pressure, as far as it is not offered yet (as Linux).
const PRESSED_SEGMENTS: u32 = 4;

/// How short of memory a host is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strain {
    /// There is enough.
    #[default]
    Relaxed,
    /// Buffers do not grow by themselves.
    Growing,
    /// Neither do windows, and queues have allowances.
    Pressed,
}

/// What a connection may hold for the time being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// In SendQ, bytes.
    pub send: usize,
    /// In RecvQ, with what is out of order, bytes.
    pub receive: usize,
    /// How short of memory the host is.
    pub strain: Strain,
}

impl Allowance {
    /// As much as the limits of its queues say.
    pub const UNBOUNDED: Self = Self { send: usize::MAX, receive: usize::MAX, strain: Strain::Relaxed };
}

/// What the lack of memory made a connection do with a segment, as Linux counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryEffects {
    /// Room had to be found (`PruneCalled`).
    pub prune_called: bool,
    /// None was found (`RcvPruned`).
    pub recv_pruned: bool,
    /// Text out of order was given up (`OfoPruned`).
    pub out_of_order_pruned: bool,
    /// Text in order was dropped (`TCPRcvQDrop`).
    pub recv_dropped: bool,
    /// Text out of order was dropped (`TCPOFODrop`).
    pub out_of_order_dropped: bool,
}

/// What a connection knows of its host's memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) strain: Strain,
    effects: MemoryEffects,
}

impl Tcb {
    /// Bytes in both queues, out of order too. What the program wrote and read since the last call or segment is not known yet.
    #[must_use]
    #[inline]
    pub fn held(&self) -> usize {
        self.sendq.len() + self.recvq.len() + self.recvq.out_of_order_len()
    }

    /// Says what the connection may hold from now on. What it holds already, and what it has offered, stays.
    pub fn allow(&mut self, allowance: Allowance) {
        let (send, receive) = (self.sendq.allowance(), self.recvq.allowance());
        if allowance == (Allowance { send, receive, strain: self.memory.strain }) {
            return;
        }
        self.memory.strain = allowance.strain;
        let before = (self.sendq.allowed(), self.recvq.allowed());
        self.sendq.allow(allowance.send);
        if self.account.is_held() {
            self.sendq.hold(true);
        }
        self.recvq.allow(allowance.receive);
        if self.sendq.allowed() > before.0 {
            self.events.push(Event::Writable);
        }
        if self.recvq.allowed() < before.1 && !self.recvq.is_empty() {
            // Who waits for more than RecvQ may hold now (SO_RCVLOWAT) waits in vain.
            self.events.push(Event::Readable);
        }
        if allowance.strain == Strain::Pressed {
            let window = PRESSED_SEGMENTS * u32::from(self.config.recv_mss);
            self.tuning.window_limit = self.tuning.window_limit.min(window);
        }
    }

    /// What the lack of memory made the connection do since this was asked last.
    pub fn take_memory_effects(&mut self) -> MemoryEffects {
        core::mem::take(&mut self.memory.effects)
    }

    /// Whether the connection is about to try again what it tried before: a retransmission, or a probe of the window.
    #[must_use]
    pub fn is_retry_due(&self, now: Instant) -> bool {
        [Timer::Retransmit, Timer::Persist].into_iter().any(|timer| self.timers.at(timer) <= now)
    }

    /// How long no text has been sent for the first time.
    #[must_use]
    pub fn silence(&self, now: Instant) -> core::time::Duration {
        now.since(self.snd.last_sent)
    }

    /// Finds room for `len` bytes of text that lie `offset` bytes after RCV.NXT. Text that finds none at all is discarded, not acknowledged,
    /// and comes again.
    ///
    /// As Linux (`tcp_try_rmem_schedule`) it is text beyond it, out of order, that gives way: the peer keeps what was only SACKed (RFC
    /// 2018, section 8). Text in order for a program that has read everything always has room, so that every connection gets on.
    #[cold]
    pub(crate) fn find_room(&mut self, now: Instant, offset: usize, len: usize) -> Result<(), Discard> {
        self.receive(now);
        let held = self.recvq.len() + self.recvq.out_of_order_len();
        let end = offset + len;
        if end <= self.recvq.window() && held + len <= self.recvq.allowed() {
            return Ok(());
        }
        let effects = &mut self.memory.effects;
        effects.prune_called = true;
        if self.recvq.prune(end) > 0 {
            effects.out_of_order_pruned = true;
            self.sack.on_pruned(&self.rcv, &self.recvq);
        }
        if end <= self.recvq.window() {
            return Ok(());
        }
        if offset == 0 && self.recvq.is_empty() {
            // Until the connection learns anew what it may hold, which it does after each segment.
            self.recvq.allow(usize::MAX);
            return Ok(());
        }
        if offset == 0 {
            effects.recv_dropped = true;
            // As Linux since 6.6, and the one exception to SHLD-14 (3.8.6): a sender that went on believing in the window would find it
            // open only when its timer, which doubles, tries again, whenever the program reads.
            self.rcv.withdraw(self.recvq.window() as u32);
        } else {
            effects.out_of_order_dropped = true;
        }
        if offset < self.recvq.window() {
            return Ok(());
        }
        effects.recv_pruned = true;
        self.acks.owe_now();
        // The program shall read.
        self.events.push(Event::Readable);
        Err(Discard::NoMemory)
    }

    /// What RecvQ takes while it is empty, bytes: [`Self::find_room`] finds room for a whole segment at least.
    pub(crate) fn takes_when_empty(&self) -> usize {
        let allowed = self.recvq.allowed();
        match self.memory.strain {
            Strain::Relaxed | Strain::Growing => allowed,
            Strain::Pressed => allowed.max(usize::from(self.config.recv_mss)).min(self.recvq.limit()),
        }
    }

    /// When the program has to ring so that what it has read is known soon, bytes; `mark` is what the window needs.
    pub(crate) fn watch_reading(&self, mark: Option<usize>) -> Option<usize> {
        match (self.memory.strain, self.recvq.len()) {
            (Strain::Relaxed, _) | (_, 0) => mark,
            (Strain::Growing | Strain::Pressed, held) => Some(mark.map_or(held, |mark| mark.min(held))),
        }
    }
}
