//! SYN-SENT and SYN-RECEIVED.

mod arrive;
mod fast_open;
mod parts;

use alloc::boxed::Box;
use core::time::Duration;
use sockeye_buffer::{RecvQ, SendQ};
use sockeye_clock::Instant;
use sockeye_wire::{Flags, Options, SeqNum, TcpHeader, Timestamps};

use crate::accounting::Account;
use crate::arrive::ChallengeLimit;
use crate::burst::Burst;
use crate::chrono::Chrono;
use crate::compressed_ack::CompressedAcks;
use crate::counters::Counters;
use crate::discard::Discards;
use crate::ecn::{Agreed, EcnState};
use crate::event::Events;
use crate::keepalive::Probing;
use crate::marks::Marks;
use crate::memory::Memory;
use crate::path_mtu::PathMtu;
use crate::persist::Persist;
use crate::rtt::{Bounds, RttEstimator};
use crate::sack::Sack;
use crate::state::Cause;
use crate::tcb::{Holder, Owed};
use crate::timers::Timers;
use crate::timestamps::{self, Recent};
use crate::tuning::Tuning;
use crate::{Config, Reason, Segment, State, Tcb, Transmit, window};
use fast_open::FastOpening;

pub use fast_open::FastOpenOutcome;

/// The RTO that data begins with when a SYN was lost and no round trip could be measured (RFC 6298, 5.7).
const RTO_AFTER_LOST_SYN: Duration = Duration::from_secs(3);
/// The least text a segment can be asked to carry (as Linux); a peer that announces less is not believed.
const MIN_MSS: u16 = 48;

/// SYN-SENT and SYN-RECEIVED: small, because a flood makes many.
#[derive(Clone, Debug)]
pub struct Handshake {
    config: Config,
    state: State,
    opened: Opened,
    peer: Peer,
    owed: Owing,
    /// Whether the TCB's first act is to acknowledge the SYN-ACK.
    is_ack_owed: bool,
    /// Retransmissions of the SYN or SYN-ACK.
    retransmissions: u32,
    /// When it was first sent.
    sent: Option<Instant>,
    expires: Instant,
    /// The round trip of the SYN, once it is acknowledged.
    rtt: Option<Duration>,
    challenges: ChallengeLimit,
    /// The ACK came, but text is waited for so many retransmissions long.
    deferred: u8,
    /// The peer's SYN came again with its ACK of ours (Figure 8).
    is_syn_doubled: bool,
    fast_open: Option<Box<FastOpening>>,
}

/// MUST-11 (3.10.7.4): SYN-RECEIVED remembers where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    Active,
    Passive,
}

/// What `poll_transmit` must emit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owing {
    Nothing,
    /// The SYN or SYN-ACK.
    Syn,
    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
    Ack,
    /// `<SEQ=SEG.ACK><CTL=RST>`.
    Reset(SeqNum),
    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`.
    Abort,
}

/// What the peer's SYN said, and its last ACK.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    irs: SeqNum,
    mss: Option<u16>,
    window_scale: Option<u8>,
    sack_permitted: bool,
    recent: Option<Recent>,
    window: u32,
    wl1: SeqNum,
    wl2: SeqNum,
    ecn: Agreed,
}

/// What became of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Still waiting.
    Waiting,
    /// Established: call [`Handshake::into_tcb`]. `redeliver`: then give the same segment to [`Tcb::redeliver`]
    /// (its text and FIN are still to be processed, and its ACK if it is no SYN).
    Established {
        /// Give the same segment to the new `Tcb`.
        redeliver: bool,
    },
    /// The passive handshake is forgotten (RST): the listener goes on.
    BackToListen,
    /// The active handshake failed.
    Failed(Reason),
}

impl Handshake {
    /// Active OPEN: SYN-SENT, a SYN is owed.
    #[must_use]
    pub fn active(now: Instant, config: Config) -> Self {
        Self::new(now, config, Opened::Active, State::Closed.after(Cause::ActiveOpen))
    }

    /// A SYN arrived for a listener: SYN-RECEIVED, a SYN-ACK is owed.
    #[must_use]
    pub fn passive(now: Instant, config: Config, syn: &Segment<'_>) -> Self {
        let mut this = Self::new(now, config, Opened::Passive, State::Listen.after(Cause::Syn));
        this.process_syn(now, syn);
        this
    }

    /// SYN-SENT or SYN-RECEIVED.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// 3.10.7.3 and 3.10.7.4 for SYN-RECEIVED.
    pub fn segment_arrives(&mut self, now: Instant, segment: &Segment<'_>) -> Progress {
        match self.state {
            State::SynSent => self.arrives_when_syn_sent(now, segment),
            State::SynReceived => self.arrives_when_syn_received(now, segment),
            State::Closed
            | State::Listen
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => Progress::Waiting,
        }
    }

    /// Whether `seq` is of a segment that may be in the network (RFC 5927, section 4.1).
    #[must_use]
    pub fn is_in_flight(&self, seq: SeqNum) -> bool {
        seq.since(self.config.iss) < 1 + self.text_in_syn()
    }

    /// What a segment could carry if the peer's SYN does not say less.
    #[must_use]
    pub fn mss(&self) -> u32 {
        u32::from(self.config.mss_limit())
    }

    /// The path has another MTU: the connection begins with it, and so does a SYN that is sent again. `recv_mss` is the MSS to announce.
    pub fn on_path_mtu(&mut self, mtu: u32, recv_mss: u16) {
        let is_less = mtu < self.config.path_mtu;
        self.config.path_mtu = mtu;
        self.config.recv_mss = recv_mss;
        if is_less {
            self.shrink_syn();
        }
    }

    #[cfg(test)]
    pub(crate) fn peer_agrees_on_ecn(&self) -> bool {
        self.peer.ecn == Agreed::Yes
    }

    /// The only exit for segments.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let owed = core::mem::replace(&mut self.owed, Owing::Nothing);
        let header = match owed {
            Owing::Nothing => return None,
            Owing::Syn => return Some(self.poll_syn(now)),
            Owing::Ack => TcpHeader {
                window: self.window_in_ack(),
                options: Options { timestamps: self.stamps(now), ..Options::default() },
                ..self.header(self.snd_nxt(), Flags::ACK)
            },
            Owing::Reset(seq) => TcpHeader { ack: SeqNum(0), ..self.header(seq, Flags::RST) },
            Owing::Abort => self.header(self.snd_nxt(), Flags::RST | Flags::ACK),
        };
        Some(Transmit::without_text(header))
    }

    /// When [`timeout`](Self::timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let bound = self.user_bound().unwrap_or(Instant::MAX);
        (self.expires != Instant::MAX).then_some(self.expires.min(bound))
    }

    /// MUST-21 (3.8.3), MUST-22: the user's bound for R2, if the user opens; from the first SYN on.
    fn user_bound(&self) -> Option<Instant> {
        let timeout = self.config.user_timeout.filter(|_| self.opened == Opened::Active)?;
        Some(self.sent? + timeout)
    }

    /// TCP_USER_TIMEOUT; `None` for no bound.
    pub const fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        self.config.user_timeout = timeout;
    }

    /// Retransmission; `Failed(TimedOut)` (active) or `BackToListen` (passive) after the last one.
    pub fn timeout(&mut self, now: Instant) -> Progress {
        if self.expires != Instant::MAX && self.user_bound().is_some_and(|bound| bound <= now) {
            self.expires = Instant::MAX;
            return Progress::Failed(Reason::TimedOut);
        }
        if now < self.expires {
            return Progress::Waiting;
        }
        // MUST-22 (3.8.3): R2 for SYNs too.
        let limit = if self.state == State::SynSent {
            self.config.syn_retries.saturating_add(self.config.syn_linear_timeouts)
        } else {
            self.config.synack_retries
        };
        let limit = limit.max(u32::from(self.deferred));
        if self.retransmissions >= limit {
            self.expires = Instant::MAX;
            return match self.opened {
                Opened::Active => Progress::Failed(Reason::TimedOut),
                Opened::Passive => Progress::BackToListen,
            };
        }
        self.retransmissions += 1;
        self.owe_syn(now);
        if self.retransmissions < u32::from(self.deferred) {
            // The peer has it; only its text is missing.
            self.owed = Owing::Nothing;
        }
        Progress::Waiting
    }

    /// TCP_DEFER_ACCEPT: an ACK without text may be forgotten, for as long as `retransmissions` of the SYN-ACK take. Says whether it is.
    pub fn defers(&mut self, segment: &Segment<'_>, retransmissions: u8) -> bool {
        let is_bare =
            segment.len() == 0 && self.acknowledges(segment) && segment.header.seq == self.peer.irs + 1;
        let is_deferred = is_bare && self.retransmissions < u32::from(retransmissions);
        if is_deferred {
            self.deferred = retransmissions;
        }
        is_deferred
    }

    /// TCP_SYNCNT: a count that the program chose is of time-outs that double from the first.
    pub fn set_syn_retries(&mut self, retries: u32) {
        self.config.syn_retries = retries;
        self.config.syn_linear_timeouts = 0;
    }

    /// ABORT, or CLOSE before the connection is established (3.10.4, 3.10.5): SYN-RECEIVED owes a RST. Drain
    /// [`poll_transmit`](Self::poll_transmit), then forget the handshake.
    pub fn abort(&mut self) {
        self.owed = if self.state.is_reset_needed() { Owing::Abort } else { Owing::Nothing };
        self.state = self.state.after(Cause::Delete);
        self.expires = Instant::MAX;
    }

    /// The synchronized connection, over the rings' engine halves.
    #[must_use]
    pub fn into_tcb(self, now: Instant, mut sendq: SendQ, recvq: RecvQ) -> Tcb {
        let recent = self.peer.recent.filter(|_| self.config.timestamps);
        let path = self.path(now);
        // As Linux: who opens begins where probing begins, who accepts with what it was told.
        let mss = if self.opened == Opened::Active { path.eff_snd_mss() } else { path.mss_told() };
        let rcv_nxt = self.peer.irs + 1;
        let fast_open = self.fast_open.as_deref();
        let (sent, acked) = fast_open.map_or((0, 0), |fast_open| (fast_open.text, fast_open.acked));
        sendq.refresh();
        sendq.release(acked as usize);
        let una = self.config.iss + 1 + acked;
        let acks = self.acks(now, mss, sent == acked && !sendq.is_empty());
        let mut tcb = Tcb {
            state: self.state,
            snd: self.snd(now, una, mss),
            rcv: self.rcv(),
            sendq,
            recvq,
            rtt: self.estimator(),
            timestamps: recent,
            path,
            soft_error: None,
            sack: Sack::new(self.has_sack(), self.config.dsack),
            tuning: Tuning::new(now, &self.config, mss, rcv_nxt),
            memory: Memory::default(),
            recovery: self.recovery(now),
            congestion: self.congestion(now, mss),
            ecn: EcnState::new(self.peer.ecn),
            acks,
            compressed_acks: CompressedAcks::default(),
            persist: Persist::default(),
            probing: Probing::new(now),
            timers: Timers::new(),
            owed: Owed::default(),
            events: Events::default(),
            holder: Holder::Program,
            pending: None,
            is_syn_text_taken: sent > 0 && acked == sent,
            is_receive_shut: false,
            challenges: self.challenges,
            discards: Discards::default(),
            marks: Marks::new(una),
            notsent_low: 0,
            burst: Burst::new(una),
            account: Account::new(self.config.send_buffer, una),
            chrono: Chrono::default(),
            counters: Counters { last_data_received: Some(now), ..Counters::default() },
            config: self.config,
        };
        if let Some(rtt) = self.rtt {
            tcb.recovery.on_first_rtt(now, rtt);
        }
        tcb.start_keep_alive(now);
        tcb.send(now);
        tcb.settle_text_of_syn(self.sent.unwrap_or(now), sent, acked);
        tcb.recovery.on_syn_delivered();
        if self.is_syn_doubled {
            tcb.sack.on_duplicate(tcb.rcv.irs, rcv_nxt);
        }
        tcb
    }
}

/// Segments that go out, and what follows from both SYNs.
impl Handshake {
    fn new(now: Instant, config: Config, opened: Opened, state: State) -> Self {
        let mut this = Self {
            config,
            state,
            opened,
            peer: Peer::default(),
            owed: Owing::Nothing,
            is_ack_owed: false,
            retransmissions: 0,
            sent: None,
            expires: Instant::MAX,
            rtt: None,
            challenges: ChallengeLimit::default(),
            deferred: 0,
            is_syn_doubled: false,
            fast_open: None,
        };
        this.owe_syn(now);
        this
    }

    /// The SYN or SYN-ACK is owed, and the timer doubles (SHLD-30's way, RFC 6298 5.5).
    fn owe_syn(&mut self, now: Instant) {
        self.owed = Owing::Syn;
        let bounds = Bounds::of(&self.config);
        let linear = if self.state == State::SynSent { self.config.syn_linear_timeouts } else { 0 };
        let doublings = self.retransmissions.saturating_sub(linear);
        let rto = bounds.clamp(self.config.rto_initial).backed_off(doublings, bounds);
        self.expires = now + rto.get();
    }

    /// RFC 7413, 4.2.1: a SYN that goes again has neither text nor cookie, for they may be what was in the way. A SYN-ACK keeps its cookie.
    fn poll_syn(&mut self, now: Instant) -> Transmit {
        let is_first = self.retransmissions == 0;
        self.sent.get_or_insert(now);
        let mut transmit = Transmit::without_text(self.syn(now));
        if let Some(fast_open) = &self.fast_open {
            let is_answer = self.state == State::SynReceived;
            if is_answer == (self.opened == Opened::Passive) && (is_answer || is_first) {
                transmit.header.options.fast_open.clone_from(&fast_open.option);
            }
            if !is_answer && is_first {
                transmit.text_len = fast_open.text as usize;
            }
        }
        transmit
    }

    fn syn(&self, now: Instant) -> TcpHeader {
        let is_answer = self.state == State::SynReceived;
        let mut flags = if is_answer { Flags::SYN | Flags::ACK } else { Flags::SYN };
        // RFC 3168, 6.1.1.
        if is_answer {
            flags.set(Flags::ECE, self.peer.ecn == Agreed::Yes);
        } else if self.config.ecn.is_asked_for(self.config.congestion.control, self.retransmissions) {
            flags |= Flags::ECE | Flags::CWR;
        }
        let scaling = self.config.window_scaling && (!is_answer || self.peer.window_scale.is_some());
        TcpHeader {
            window: window::of_syn(&self.config).saturating_sub(self.text_taken() as u16),
            options: Options {
                // MUST-14, SHLD-5, MAY-3 (3.7.1): always. MUST-65: in no other segment.
                mss: Some(self.config.recv_mss),
                window_scale: scaling.then(|| window::shift_for(&self.config)),
                // RFC 2018, section 2; in a SYN-ACK only if the SYN had it.
                sack_permitted: self.config.sack && (!is_answer || self.peer.sack_permitted),
                timestamps: self.stamps(now),
                ..Options::default()
            },
            ..self.header(self.config.iss, flags)
        }
    }

    fn header(&self, seq: SeqNum, flags: Flags) -> TcpHeader {
        TcpHeader {
            src_port: self.config.local_port,
            dst_port: self.config.remote_port,
            seq,
            ack: if flags.contains(Flags::ACK) { self.peer.irs + 1 + self.text_taken() } else { SeqNum(0) },
            flags,
            ..TcpHeader::default()
        }
    }

    /// Our timestamps option: offered in a SYN, echoed if the peer offered it too (RFC 7323, 3.2).
    fn stamps(&self, now: Instant) -> Option<Timestamps> {
        if !self.config.timestamps {
            return None;
        }
        match (self.state, self.peer.recent) {
            (State::SynSent, _) => {
                Some(Timestamps { value: timestamps::clock(now, self.config.timestamp_offset), echo: 0 })
            }
            (_, recent) => recent.map(|recent| recent.option(now, self.config.timestamp_offset)),
        }
    }

    fn is_scaled(&self) -> bool {
        self.config.window_scaling && self.peer.window_scale.is_some()
    }

    /// The window field of an ACK: scaled like that of any segment without a SYN.
    fn window_in_ack(&self) -> u16 {
        let shift = if self.is_scaled() { window::shift_for(&self.config) } else { 0 };
        window::of_syn(&self.config) >> shift
    }

    /// The path, and with it the MSS, now that both SYNs are known.
    fn path(&self, now: Instant) -> PathMtu {
        // MUST-15 (3.7.1): the default when the option did not come.
        let send_mss = self.peer.mss.unwrap_or(self.config.default_mss).max(MIN_MSS);
        let options =
            if self.peer.recent.is_some() && self.config.timestamps { timestamps::OPTION_LEN } else { 0 };
        PathMtu::new(now, &self.config, send_mss, options)
    }

    fn estimator(&self) -> RttEstimator {
        let is_lost = self.retransmissions > 0 && self.rtt.is_none();
        let initial = if is_lost { RTO_AFTER_LOST_SYN } else { self.config.rto_initial };
        let mut estimator = RttEstimator::new(&self.config, initial);
        if let Some(rtt) = self.rtt {
            estimator.on_sample(rtt);
        }
        estimator
    }
}

#[cfg(test)]
mod tests;
