//! The variables of the send and receive sequence spaces (3.3.1), and what is owed.

use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

/// Send sequence space.
///
/// ```text
///            una                nxt                  una + wnd
///  -----------|------------------|----------------------|----------
///  acknowledged  unacknowledged        may be sent         not yet
///             |<------------- SendQ --------------------- - - -  then the FIN
/// ```
#[derive(Debug)]
pub(crate) struct Snd {
    /// Oldest unacknowledged sequence number.
    pub(crate) una: SeqNum,
    /// Next to be sent.
    pub(crate) nxt: SeqNum,
    /// The peer's window, in bytes from `una`.
    pub(crate) wnd: u32,
    /// Sequence number of the last window update.
    pub(crate) wl1: SeqNum,
    /// Acknowledgment number of the last window update.
    pub(crate) wl2: SeqNum,
    /// Initial send sequence number.
    pub(crate) iss: SeqNum,
    /// The largest window the peer ever offered.
    pub(crate) max_wnd: u32,
    /// The peer's window scale (RFC 7323).
    pub(crate) shift: u8,
    /// Bytes of text in a full segment, options accounted for (MUST-16).
    pub(crate) mss: u32,
    /// Our FIN.
    pub(crate) fin: Fin,
    /// End of the last segment sent that was not full (Nagle).
    pub(crate) small: SeqNum,
    /// When text was last sent.
    pub(crate) last_sent: Instant,
    /// Retransmissions of the segment at `una`.
    pub(crate) retransmissions: u32,
    /// If there are some: when that segment was sent before the first.
    pub(crate) stalled: Instant,
}

impl Snd {
    /// What is sent and not acknowledged.
    pub(crate) const fn flight(&self) -> u32 {
        self.nxt.since(self.una)
    }

    /// The first sequence number beyond the peer's window.
    pub(crate) fn edge(&self) -> SeqNum {
        self.una + self.wnd
    }

    /// What the peer's window takes beyond SND.NXT, bytes: nothing if it shrank over what was sent (SHLD-15, 3.8.6).
    pub(crate) fn usable(&self) -> u32 {
        let edge = self.edge();
        if edge.after(self.nxt) { edge.since(self.nxt) } else { 0 }
    }
}

/// Where our FIN stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    /// CLOSE was not called.
    None,
    /// It goes out after what SendQ holds.
    Queued,
    /// Sent, not acknowledged: `snd.nxt` counts it.
    Sent,
    /// Acknowledged.
    Acknowledged,
}

/// Receive sequence space.
///
/// ```text
///            nxt                    edge             reach
///  -----------|----------------------|-----------------|----------
///   received        window offered     taken back        not allowed
/// ```
#[derive(Debug)]
pub(crate) struct Rcv {
    /// Next expected.
    pub(crate) nxt: SeqNum,
    /// The right edge of the window that was offered. RCV.WND is `edge - nxt`. It moves left for want of memory only (SHLD-14).
    pub(crate) edge: SeqNum,
    /// The rightmost edge that was ever offered: the peer may have sent up to it before it heard that the edge moved left.
    pub(crate) reach: SeqNum,
    /// Receive urgent pointer.
    pub(crate) up: SeqNum,
    /// Initial receive sequence number.
    pub(crate) irs: SeqNum,
    /// Our window scale (RFC 7323).
    pub(crate) shift: u8,
    /// Whether both SYNs had a scale.
    pub(crate) is_scaled: bool,
    /// The sequence number of the peer's FIN, once one was seen.
    pub(crate) fin: Option<SeqNum>,
    /// RCV.NXT in the last ACK sent (Last.ACK.sent in RFC 7323).
    pub(crate) last_ack: SeqNum,
}

impl Rcv {
    /// RCV.WND.
    pub(crate) const fn wnd(&self) -> u32 {
        self.edge.since(self.nxt)
    }

    /// Offers everything before `edge`.
    pub(crate) fn offer(&mut self, edge: SeqNum) {
        self.edge = edge;
        if self.reach.before(edge) {
            self.reach = edge;
        }
    }

    /// Moves RCV.NXT over `len` sequence numbers that came, whether they were offered or not.
    pub(crate) fn advance(&mut self, len: u32) {
        self.nxt += len;
        if self.edge.before(self.nxt) {
            self.offer(self.nxt);
        }
    }

    /// Takes back what was offered beyond `room` bytes.
    pub(crate) fn withdraw(&mut self, room: u32) {
        self.edge = self.nxt + self.wnd().min(room);
    }

    /// Whether the peer's FIN is in order.
    pub(crate) fn is_closed(&self) -> bool {
        self.fin.is_some_and(|fin| fin.before(self.nxt))
    }
}

/// Whether a program holds the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// It does.
    Program,
    /// It is gone.
    Nobody,
}

/// What `poll_transmit` must emit besides text and ACKs.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// A RST, after which the connection is over.
    pub(crate) reset: bool,
    /// Its sequence number, if it answers a segment as a connection does that is not there (3.10.7.1).
    pub(crate) reset_seq: Option<SeqNum>,
    /// An ACK that tells where we stand (RFC 5961), unless the host has sent too many.
    pub(crate) challenge: bool,
    /// ACKs that the peer counts as duplicates: one for each segment out of order (RFC 5681, 4.2).
    pub(crate) duplicates: u32,
    /// A probe of a zero window or of a silent peer.
    pub(crate) probe: bool,
    /// The next segment goes out although it is silly (override of 3.8.6.2.1).
    pub(crate) silly: bool,
}
