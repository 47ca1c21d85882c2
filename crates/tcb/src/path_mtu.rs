//! The path MTU as a connection sees it: what it was told (RFC 1191, RFC 8201), and what it finds out (RFC 4821).
//!
//! ```text
//!   0        search.low            search.high      mtu
//!   |------------|---------------------|-------------|
//!     goes through     to be probed       not believed
//! ```
//!
//! All sizes are bytes of an IP packet, unless they are called MSS.

use alloc::boxed::Box;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use crate::config::{MtuProbing, ProbeMode};
use crate::recovery::Phase;
use crate::timers::Timer;
use crate::{Config, Tcb};

/// Bytes of a TCP header without options.
const TCP_HEADER: u32 = 20;

/// Segments that must follow a probe so that its loss is detected (RFC 5681, section 3.2).
const DUP_THRESHOLD: u32 = 3;
/// As Linux: with a smaller congestion window, in segments, there is no probing.
const MIN_CWND: u32 = 11;

/// What probing has to say of the next segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MtuProbe {
    /// It is an ordinary one.
    None,
    /// It is a probe with so many bytes of text.
    Send(u32),
    /// It is to be a probe, as soon as enough of the window is free.
    Wait,
}

/// What a connection knows of the largest packet that gets through.
#[derive(Debug)]
pub(crate) struct PathMtu {
    /// What it was told.
    mtu: u32,
    /// IP and TCP headers without options.
    headers: u32,
    /// Options of every segment.
    options: u32,
    /// The MSS that the peer announced, or TCP_MAXSEG if that is less.
    clamp: u32,
    probing: MtuProbing,
    search: Option<Box<Search>>,
}

/// A search for the largest packet that gets through, between one that did and one that may not.
#[derive(Debug)]
struct Search {
    low: u32,
    high: u32,
    probe: Option<Probe>,
    /// When it began.
    since: Instant,
}

/// A probe in flight.
#[derive(Clone, Copy, Debug)]
struct Probe {
    start: SeqNum,
    end: SeqNum,
    size: u32,
}

/// What became of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeOutcome {
    /// No probe was concerned.
    None,
    /// It arrived.
    Arrived,
    /// It was lost, and nothing else.
    Lost,
}

impl PathMtu {
    pub(crate) fn new(now: Instant, config: &Config, peer_mss: u16, options: u32) -> Self {
        let mut this = Self {
            mtu: config.path_mtu,
            headers: u32::from(config.ip_header) + TCP_HEADER,
            options,
            clamp: u32::from(peer_mss.min(config.send_mss_limit)),
            probing: config.mtu_probing,
            search: None,
        };
        if config.mtu_probing.mode == ProbeMode::Always {
            this.begin_search(now);
        }
        this
    }

    fn begin_search(&mut self, now: Instant) {
        let low = self.headers + u32::from(self.probing.base_mss);
        let high = self.headers + self.clamp;
        self.search = Some(Box::new(Search { low: low.min(high), high, probe: None, since: now }));
    }

    /// Bytes of text in a segment whose packet has `mtu` bytes.
    fn mss_of(&self, mtu: u32) -> u32 {
        let least = u32::from(self.probing.min_snd_mss).max(self.options + 1);
        mtu.saturating_sub(self.headers).min(self.clamp).max(least) - self.options
    }

    /// MUST-16 (3.7.1): `Eff.snd.MSS`.
    pub(crate) fn eff_snd_mss(&self) -> u32 {
        let told = self.mss_told();
        // RFC 4821, section 7.2: while it searches, nothing but a probe is larger than what went through.
        self.search.as_ref().map_or(told, |search| told.min(self.mss_of(search.low)))
    }

    /// The same while nothing is found out yet.
    pub(crate) fn mss_told(&self) -> u32 {
        self.mss_of(self.mtu)
    }

    pub(crate) const fn mtu(&self) -> u32 {
        self.mtu
    }

    fn set_mtu(&mut self, mtu: u32) {
        let is_more = mtu > self.mtu;
        self.mtu = mtu;
        if let Some(search) = &mut self.search {
            // RFC 4821, section 7.7: what a message says bounds the search; a path that has grown is searched anew.
            let most = if is_more { self.headers + self.clamp } else { search.high };
            search.high = most.min(mtu);
            search.low = search.low.min(search.high);
        }
    }

    /// RFC 4821, section 7.7: what was sent again and again and never acknowledged may be too large. The first suspicion falls back
    /// to a size that should do, each later one halves it.
    fn on_black_hole(&mut self, now: Instant) {
        if self.probing.mode == ProbeMode::Off {
            return;
        }
        let Some(search) = &self.search else { return self.begin_search(now) };
        let half = self.mss_of(search.low) / 2;
        let mss = half
            .min(u32::from(self.probing.base_mss))
            .max(u32::from(self.probing.floor))
            .max(u32::from(self.probing.min_snd_mss));
        let low = self.headers + self.options + mss;
        if let Some(search) = &mut self.search {
            search.low = low.min(search.low);
            search.probe = None;
        }
    }

    /// The text of the next probe, if one is worth sending: the middle of what is not known, as long as that is wide enough.
    pub(crate) fn next_probe(&mut self, now: Instant) -> Option<u32> {
        let search = self.search.as_ref().filter(|search| search.probe.is_none())?;
        let size = self.mss_of(u32::midpoint(search.low, search.high).min(self.mtu));
        let is_narrow = search.high - search.low < u32::from(self.probing.threshold);
        if !is_narrow && size <= self.mss_of(search.high) {
            return Some(size);
        }
        // RFC 4821, section 7.3: after a while paths change, and it begins anew from what is known to go through.
        if now.since(search.since) >= self.probing.interval {
            let low = self.headers + self.options + self.eff_snd_mss();
            let high = (self.headers + self.clamp).min(self.mtu);
            self.search = Some(Box::new(Search { low: low.min(high), high, probe: None, since: now }));
        }
        None
    }

    /// A probe was sent.
    pub(crate) fn on_probe_sent(&mut self, start: SeqNum, end: SeqNum) {
        let size = end.since(start) + self.headers + self.options;
        if let Some(search) = &mut self.search {
            search.probe = Some(Probe { start, end, size });
        }
    }

    /// Everything up to `una` is acknowledged: RFC 4821, section 7.6.1.
    pub(crate) fn on_ack(&mut self, una: SeqNum) -> ProbeOutcome {
        let Some(search) = &mut self.search else { return ProbeOutcome::None };
        match search.probe {
            Some(probe) if !probe.end.after(una) => {
                search.low = probe.size.min(search.high);
                search.probe = None;
                ProbeOutcome::Arrived
            }
            Some(_) | None => ProbeOutcome::None,
        }
    }

    /// A loss was found, and the first segment missing begins at `una`: RFC 4821, section 7.6.2.
    pub(crate) fn on_loss(&mut self, una: SeqNum) -> ProbeOutcome {
        let Some(search) = &mut self.search else { return ProbeOutcome::None };
        match search.probe {
            Some(probe) if probe.start == una => {
                search.high = (probe.size - 1).max(search.low);
                search.probe = None;
                ProbeOutcome::Lost
            }
            Some(_) | None => ProbeOutcome::None,
        }
    }
}

/// An error that came back for a segment, in the caller's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftError(pub u32);

/// What the layer below tells.
impl Tcb {
    /// Whether `seq` is of a segment that may be in the network. An error about any other may be forged (RFC 5927, section 4.1).
    #[must_use]
    pub fn is_in_flight(&self, seq: SeqNum) -> bool {
        // Until our SYN is acknowledged it is in the network, too.
        let first = if self.is_pending() { self.snd.iss } else { self.snd.una };
        // SND.UNA =< SEG.SEQ < SND.NXT. A bare ACK has SND.NXT: an error about one tells of nothing that is outstanding.
        !seq.before(first) && seq.before(self.snd.nxt)
    }

    /// The path MTU in force, bytes (IP_MTU).
    #[must_use]
    pub const fn path_mtu(&self) -> u32 {
        self.path.mtu()
    }

    /// SHLD-6 (3.7.2): the path to the peer has another MTU. What is cut follows a smaller one at once, and a larger one when
    /// something was acknowledged.
    pub fn set_path_mtu(&mut self, mtu: u32) {
        self.path.set_mtu(mtu);
        if self.path.mss_told() < self.snd.mss {
            self.sync_mss();
        }
    }

    /// A router says that a segment of ours was too big for `mtu` bytes: what is in flight and as big is lost, and is sent again at
    /// once. That is no sign of congestion (RFC 1191, section 6.4; RFC 8201, section 5.4).
    pub fn on_packet_too_big(&mut self, mtu: u32) {
        if mtu >= self.path.mtu() {
            return;
        }
        let before = self.snd.mss;
        self.set_path_mtu(mtu);
        if self.snd.mss < before {
            self.retransmit_too_big();
        }
    }

    /// MUST-54 (3.9.2.2), RFC 6069: an error came back for the segment that is being sent again, so the path, and not congestion,
    /// loses it. One doubling of the time-out is taken back.
    pub fn on_unreachable(&mut self, now: Instant, seq: SeqNum) {
        let is_timed_out = self.snd.retransmissions > 0 && self.timers.is_set(Timer::Retransmit);
        if seq != self.snd.una || !is_timed_out {
            return;
        }
        let before = self.rtt.rto().get();
        if !self.rtt.revert_backoff() {
            return;
        }
        let saved = before.saturating_sub(self.rtt.rto().get());
        let due = self.timers.at(Timer::Retransmit);
        // RFC 6069, section 4: what has passed since the retransmission counts.
        self.timers.set(Timer::Retransmit, (due - saved).max(now));
    }

    /// SHLD-25 (3.9.2.2): an error that came back is remembered, as `error` of the caller's, until something is acknowledged.
    pub const fn note_soft_error(&mut self, error: SoftError) {
        self.soft_error = Some(error);
    }

    /// The error that came back last, if nothing was acknowledged since. It may be why a connection timed out.
    #[must_use]
    pub const fn soft_error(&self) -> Option<SoftError> {
        self.soft_error
    }

    /// As [`soft_error`](Self::soft_error), and forgets it: the program was told.
    pub const fn take_soft_error(&mut self) -> Option<SoftError> {
        self.soft_error.take()
    }

    /// The peer acknowledged something: the path works.
    pub(crate) fn on_path_works(&mut self) {
        self.soft_error = None;
        let arrived = self.path.on_ack(self.snd.una);
        if arrived == ProbeOutcome::Arrived || self.path.eff_snd_mss() != self.snd.mss {
            self.sync_mss();
        }
    }

    /// The MSS follows the path, and the windows follow the MSS.
    pub(crate) fn sync_mss(&mut self) {
        self.snd.mss = self.path.eff_snd_mss();
        self.congestion.set_mss(self.snd.mss);
    }

    /// A retransmission timed out. After R1 of them (MUST-20, 3.8.3) the path is one that drops packets for their size and does not say so.
    pub(crate) fn suspect_black_hole(&mut self, now: Instant) {
        if self.snd.retransmissions >= self.config.retries1 {
            self.path.on_black_hole(now);
            self.sync_mss();
        }
    }

    /// Whether the next segment should be a probe (RFC 4821, section 7.4): only if its loss would be seen by what follows it, and be
    /// taken for nothing else.
    pub(crate) fn next_mtu_probe(&mut self, now: Instant) -> MtuProbe {
        let Some(size) = self.path.next_probe(now) else { return MtuProbe::None };
        let (mss, cwnd) = (self.snd.mss, self.congestion.cwnd());
        // As Linux: three duplicate ACKs, and one segment to spare.
        let needed = size + (DUP_THRESHOLD + 1) * mss;
        let is_sacking = self.recvq.out_of_order().next().is_some();
        let is_calm = self.recovery.phase() == Phase::Open && !is_sacking && cwnd >= MIN_CWND * mss;
        let is_enough = self.unsent() >= needed as usize && self.snd.wnd >= needed;
        if !is_calm || !is_enough || self.marks.cut(self.snd.nxt, size) != size {
            return MtuProbe::None;
        }
        let flight = self.snd.flight();
        if needed > self.snd.usable() || flight + 2 * mss.max(size) > cwnd {
            return if flight > 0 { MtuProbe::Wait } else { MtuProbe::None };
        }
        MtuProbe::Send(size)
    }

    /// A loss was found at SND.UNA. Whether it is that of a probe, which says something of the path's MTU and nothing of congestion
    /// (RFC 4821, section 7.5).
    pub(crate) fn takes_loss_for_probe(&mut self) -> bool {
        let is_probe = self.path.on_loss(self.snd.una) == ProbeOutcome::Lost;
        if is_probe {
            self.sync_mss();
            self.retransmit_too_big();
        }
        // A walk that is not paid finds nothing: then it is a loss like others.
        is_probe && self.recovery.phase() == Phase::Loss
    }

    /// Text in flight in segments longer than the MSS is lost.
    fn retransmit_too_big(&mut self) {
        if self.snd.flight() > 0 {
            self.recovery.on_too_big(self.snd.nxt, self.snd.mss);
        }
    }
}
