//! RFC 9293 as a state machine without I/O and without a clock.
//!
//! | in | out |
//! |---|---|
//! | `segment_arrives(now, &Segment)` | `poll_transmit(now)` |
//! | user calls | `poll_event()` |
//! | `timeout(now)` | `poll_timeout()` |
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;

use core::time::Duration;
use sockeye_buffer::{RecvQ, SendQ, Text};
use sockeye_clock::Instant;
use sockeye_wire::{SeqNum, TcpHeader};

/// A segment that arrived, checksum verified, addressed to this connection.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// Its header.
    pub header: &'a TcpHeader,
    /// Its text.
    pub text: Text<'a>,
}

/// A segment to send: its header, and which bytes of SendQ are its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The header, ports included.
    pub header: TcpHeader,
    /// Offset of the text from the head of SendQ, in bytes.
    pub text_offset: usize,
    /// Length of the text, in bytes.
    pub text_len: usize,
}

/// The states of RFC 9293, Figure 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum State { Closed, Listen, SynSent, SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait }

/// What happened that the user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Text arrived in order.
    Readable,
    /// SendQ gave bytes back.
    Writable,
    /// The peer's FIN is in order.
    PeerClosed,
    /// Our FIN and everything before it is acknowledged.
    Drained,
    /// The connection entered TIME-WAIT: keep only [`TimeWait`].
    TimeWait,
    /// The connection is over and there is nothing more to send or keep.
    Closed,
    /// The connection ended early.
    Aborted(Reason),
}

/// Why a connection ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// RST in answer to our SYN.
    Refused,
    /// RST in a synchronized state.
    Reset,
    /// R2, user timeout or keep-alive ran out.
    TimedOut,
    /// The user aborted.
    UserAbort,
}

/// What a connection is configured with, before it starts. All of it is plain data.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our port.
    pub local_port: u16,
    /// The peer's.
    pub remote_port: u16,
    /// MMS_R - 20: the MSS to announce (MUST-67), bytes.
    pub recv_mss: u16,
    /// MMS_S - 20: limit by our own link's MTU, bytes.
    pub send_mss_limit: u16,
    /// The MSS to assume when the peer's SYN has no MSS option: 536 or 1220 (MUST-15).
    pub default_mss: u16,
    /// Offer window scaling / timestamps in the SYN.
    pub window_scaling: bool,
    /// Offer timestamps.
    pub timestamps: bool,
    /// SO_RCVBUF in force (decides the window and the scale), bytes.
    pub recv_buffer: usize,
    /// SO_SNDBUF in force, bytes.
    pub send_buffer: usize,
    /// False for TCP_NODELAY.
    pub nagle: bool,
    /// Delayed ACKs: 40 ms minimum as Linux, < 0.5 s (MUST-40).
    pub delayed_ack: Duration,
    /// RTO bounds (200 ms, 120 s).
    pub rto_min: Duration,
    /// Upper bound of the RTO.
    pub rto_max: Duration,
    /// First RTO (1 s).
    pub rto_initial: Duration,
    /// Initial window, segments (10, RFC 6928).
    pub initial_window: u32,
    /// Retransmissions of data until the connection is given up (tcp_retries2 = 15).
    pub retries2: u32,
    /// Retransmissions of a SYN / SYN-ACK (6 / 5).
    pub syn_retries: u32,
    /// Retransmissions of a SYN-ACK.
    pub synack_retries: u32,
    /// Keep-alive, if on.
    pub keep_alive: Option<KeepAlive>,
    /// TCP_USER_TIMEOUT.
    pub user_timeout: Option<Duration>,
    /// 2MSL (60 s).
    pub time_wait: Duration,
    /// FIN-WAIT-2 of an orphan is cut to this (tcp_fin_timeout, 60 s).
    pub fin_timeout: Duration,
    /// The initial send sequence number (RFC 6528), from the stack.
    pub iss: SeqNum,
}

/// Keep-alive settings (MUST-24..29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle time before the first probe (7200 s).
    pub idle: Duration,
    /// Between probes (75 s).
    pub interval: Duration,
    /// Probes unanswered until the connection is given up (9).
    pub count: u32,
}

/// SYN-SENT and SYN-RECEIVED: small, because a flood makes many.
#[derive(Debug)]
pub struct Handshake {}

/// What became of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Still waiting.
    Waiting,
    /// Established: call [`Handshake::into_tcb`]. `redeliver`: then give the same segment to the new `Tcb`
    /// (its ACK, text and FIN are still to be processed).
    Established { /** Give the same segment to the new `Tcb`. */ redeliver: bool },
    /// The passive handshake is forgotten (RST): the listener goes on.
    BackToListen,
    /// The active handshake failed.
    Failed(Reason),
}

impl Handshake {
    /// Active OPEN: SYN-SENT, a SYN is owed.
    #[must_use]
    pub fn active(now: Instant, config: Config) -> Self { let _ = (now, config); unimplemented!() }
    /// A SYN arrived for a listener: SYN-RECEIVED, a SYN-ACK is owed.
    #[must_use]
    pub fn passive(now: Instant, config: Config, syn: &Segment<'_>) -> Self { let _ = (now, config, syn); unimplemented!() }
    /// SYN-SENT or SYN-RECEIVED.
    #[must_use]
    pub fn state(&self) -> State { unimplemented!() }
    /// 3.10.7.3 and 3.10.7.4 for SYN-RECEIVED.
    pub fn segment_arrives(&mut self, now: Instant, segment: &Segment<'_>) -> Progress { let _ = (now, segment); unimplemented!() }
    /// The only exit for segments.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> { let _ = now; unimplemented!() }
    /// When [`timeout`](Self::timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> { unimplemented!() }
    /// Retransmission; `Failed(TimedOut)` (active) or `BackToListen` (passive) after the last one.
    pub fn timeout(&mut self, now: Instant) -> Progress { let _ = now; unimplemented!() }
    /// The synchronized connection, over the rings' engine halves.
    #[must_use]
    pub fn into_tcb(self, now: Instant, sendq: SendQ, recvq: RecvQ) -> Tcb { let _ = (now, sendq, recvq); unimplemented!() }
}

/// A synchronized connection.
#[derive(Debug)]
pub struct Tcb {}

impl Tcb {
    /// SEGMENT ARRIVES (3.10.7.4).
    pub fn segment_arrives(&mut self, now: Instant, segment: &Segment<'_>) { let _ = (now, segment); unimplemented!() }
    /// The next segment that is owed; `None` when nothing is owed now. The only exit for segments.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> { let _ = now; unimplemented!() }
    /// The text of a transmit just polled.
    #[must_use]
    pub fn text(&self, transmit: &Transmit) -> Text<'_> { let _ = transmit; unimplemented!() }
    /// The next thing the user should know.
    pub fn poll_event(&mut self) -> Option<Event> { unimplemented!() }
    /// When [`timeout`](Self::timeout) is due: the minimum of one timer table.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> { unimplemented!() }
    /// Timers; early or late is harmless.
    pub fn timeout(&mut self, now: Instant) { let _ = now; unimplemented!() }
    /// SEND: the program may have published bytes in SendQ.
    pub fn send(&mut self, now: Instant) { let _ = now; unimplemented!() }
    /// RECEIVE: the program may have read from RecvQ.
    pub fn receive(&mut self, now: Instant) { let _ = now; unimplemented!() }
    /// CLOSE: a FIN after what SendQ holds (`shutdown(SHUT_WR)`).
    pub fn close(&mut self, now: Instant) { let _ = now; unimplemented!() }
    /// No program holds the connection any more: FIN-WAIT-2 is bounded, text that arrives is answered with RST.
    pub fn orphan(&mut self, now: Instant) { let _ = now; unimplemented!() }
    /// ABORT: a RST is owed if the state asks for one, then `Closed`.
    pub fn abort(&mut self, now: Instant) { let _ = now; unimplemented!() }
    /// The state.
    #[must_use]
    pub fn state(&self) -> State { unimplemented!() }
    /// Send-Q as Linux counts: bytes not acknowledged, an unacknowledged FIN too.
    #[must_use]
    pub fn send_queue(&self) -> usize { unimplemented!() }
    /// Recv-Q as Linux counts: bytes not read, a received FIN too.
    #[must_use]
    pub fn recv_queue(&self) -> usize { unimplemented!() }
    /// The rings, for resizing.
    pub fn rings_mut(&mut self) -> (&mut SendQ, &mut RecvQ) { unimplemented!() }
    /// TCP_NODELAY and its opposite.
    pub fn set_nagle(&mut self, now: Instant, on: bool) { let _ = (now, on); unimplemented!() }
    /// SO_KEEPALIVE and its times.
    pub fn set_keep_alive(&mut self, now: Instant, keep_alive: Option<KeepAlive>) { let _ = (now, keep_alive); unimplemented!() }
    /// TCP_USER_TIMEOUT.
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) { let _ = timeout; unimplemented!() }
    /// What is left of a connection in TIME-WAIT.
    #[must_use]
    pub fn into_time_wait(self, now: Instant) -> TimeWait { let _ = now; unimplemented!() }
}

/// TIME-WAIT: a few words.
#[derive(Clone, Debug)]
pub struct TimeWait {}

/// What TIME-WAIT says to a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeWaitVerdict {
    /// Discard.
    Discard,
    /// Send this ACK (2MSL was restarted if the segment was a retransmitted FIN).
    Reply(TcpHeader),
    /// A new SYN that may be accepted (MAY-2): forget this and give the SYN to the listener; the new ISS must be after this.
    Reopen(SeqNum),
    /// A RST ended it (RFC 1337 permitting).
    Gone,
}

impl TimeWait {
    /// 3.10.7.4 for TIME-WAIT.
    pub fn segment_arrives(&mut self, now: Instant, segment: &Segment<'_>) -> TimeWaitVerdict { let _ = (now, segment); unimplemented!() }
    /// When 2MSL is over.
    #[must_use]
    pub fn expires(&self) -> Instant { unimplemented!() }
}

/// The reset for a segment that belongs to no connection (3.10.7.1): `None` if it was itself a RST.
#[must_use]
pub fn reset_for(segment: &Segment<'_>) -> Option<TcpHeader> { let _ = segment; unimplemented!() }
