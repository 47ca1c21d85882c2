//! Loss detection: what is lost and must be sent again. How much may be in flight is [`congestion`](crate::congestion)'s.
//!
//! | file | what |
//! |---|---|
//! | `scoreboard`, `record` | a record for each segment that is outstanding |
//! | `plain` | what an ACK says while nothing is amiss |
//! | `arrivals`, `dsack`, `news` | what any ACK says of them |
//! | `rack`, `threshold`, `newreno` | which are lost: by time (RFC 8985), by number (RFC 6675), without SACK (RFC 6582) |
//! | `alert` | the phases: Open, Disorder, CWR, Recovery, Loss |
//! | `timeout` | the retransmission time-out, F-RTO (RFC 5682) |
//! | `probe` | tail loss probes (RFC 8985, section 7) |
//! | `reduce`, `prr`, `undo` | cwnd comes down, and up again if it was a mistake |
//! | `rate`, `min_rtt`, `reordering` | what is measured on the way |

mod alert;
mod arrivals;
mod config;
mod dsack;
mod measure;
mod min_rtt;
mod newreno;
mod news;
mod phase;
mod plain;
mod probe;
mod prr;
mod rack;
mod rate;
mod record;
mod reduce;
mod reordering;
mod scoreboard;
mod threshold;
mod timeout;
mod undo;

use core::ops::Range;
use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

pub use config::RecoveryConfig;
pub(crate) use news::News;
pub use phase::Phase;
pub(crate) use record::{Marks, Record};
pub(crate) use scoreboard::Tally;

use min_rtt::MinRtt;
use newreno::DupAcks;
use probe::TailProbe;
use prr::Prr;
use rack::Rack;
use rate::DeliveryRate;
use reordering::Reordering;
use scoreboard::Scoreboard;
use threshold::Threshold;
use timeout::Frto;
use undo::Undo;

/// Whether the peer tells what it has out of order (RFC 2018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerSacks {
    /// It does.
    Yes,
    /// It has no SACK.
    No,
}

/// What is outstanding, and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    config: RecoveryConfig,
    peer_sacks: PeerSacks,
    phase: Phase,
    /// SND.NXT when the phase began (`recover`, `RecoveryPoint`).
    recovery_point: SeqNum,
    board: Scoreboard,
    rack: Rack,
    threshold: Threshold,
    dup_acks: DupAcks,
    reordering: Reordering,
    probe: TailProbe,
    prr: Prr,
    undo: Undo,
    frto: Frto,
    rate: DeliveryRate,
    min_rtt: MinRtt,
    counts: Counts,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Segments delivered.
    pub(crate) delivered: u32,
    /// Segments delivered whose ACK echoed congestion.
    pub(crate) delivered_ce: u32,
    /// Segments that the peer had twice.
    pub(crate) dsack_dups: u32,
    /// SACK blocks that made no sense.
    pub(crate) bad_blocks: u32,
    /// Tail loss probes sent.
    pub(crate) probes: u32,
    /// Reductions taken back.
    pub(crate) undone: u32,
    /// Time-outs that were spurious (RFC 5682).
    pub(crate) spurious_timeouts: u32,
    /// Times the peer took back what it had SACKed.
    pub(crate) renegings: u32,
}

impl Recovery {
    pub(crate) fn new(now: Instant, iss: SeqNum, peer_sacks: PeerSacks, config: RecoveryConfig) -> Self {
        Self {
            config,
            peer_sacks,
            phase: Phase::Open,
            recovery_point: iss,
            board: Scoreboard::new(),
            rack: Rack::new(),
            threshold: Threshold::default(),
            dup_acks: DupAcks::default(),
            reordering: Reordering::new(config.reordering, config.max_reordering),
            probe: TailProbe::default(),
            prr: Prr::default(),
            undo: Undo::default(),
            frto: Frto::Off,
            rate: DeliveryRate::new(now),
            min_rtt: MinRtt::new(config.min_rtt_window),
            counts: Counts::default(),
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn has_sack(&self) -> bool {
        self.peer_sacks == PeerSacks::Yes
    }

    /// Whether losses are found by time. As Linux, also without SACK, where it makes no difference.
    const fn is_rack(&self) -> bool {
        self.config.rack
    }

    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) const fn reordering(&self) -> &Reordering {
        &self.reordering
    }

    pub(crate) const fn rate(&self) -> &DeliveryRate {
        &self.rate
    }

    pub(crate) fn min_rtt(&self) -> Option<Duration> {
        self.min_rtt.get()
    }

    /// A round trip was measured when the connection was opened.
    pub(crate) fn on_first_rtt(&mut self, now: Instant, rtt: Duration) {
        self.min_rtt.on_sample(now, rtt);
    }

    /// Segments outstanding.
    pub(crate) fn segments(&self) -> u32 {
        self.board.segments()
    }

    /// Segments that have left the network: SACKed, or counted by duplicate ACKs.
    pub(crate) const fn sacked(&self) -> u32 {
        self.board.sacked().segments + self.dup_acks.count()
    }

    pub(crate) const fn lost(&self) -> Tally {
        self.board.lost()
    }

    pub(crate) const fn resent(&self) -> Tally {
        self.board.resent()
    }

    /// Whether something that is lost was not sent again.
    pub(crate) const fn has_lost(&self) -> bool {
        self.board.lost().segments > self.board.resent().segments
    }

    /// Whether a segment may go out again: because it is lost, or as a probe.
    pub(crate) const fn has_old_text(&self) -> bool {
        self.probe.is_due || self.has_lost()
    }

    /// Whether what is lost goes out before text that was never sent.
    pub(crate) fn is_old_text_first(&self) -> bool {
        self.has_lost() && self.frto != Frto::SendNew
    }

    /// `pipe` (RFC 6675): the estimate of what is in the network.
    pub(crate) fn pipe(&self, flight: u32, mss: u32) -> u32 {
        let gone = self.board.sacked().bytes + self.dup_acks.count().saturating_mul(mss);
        let missing = self.board.lost().bytes - self.board.resent().bytes;
        flight.saturating_sub(gone).saturating_sub(missing)
    }

    /// The first segment that is lost and not in the network again, if it is time to send it. Text goes up to `text_end`; there may be
    /// more than `mss` of it if the path has become narrower again and again.
    pub(crate) fn next_to_send(&mut self, mss: u32, text_end: SeqNum) -> Option<Record> {
        if !self.is_old_text_first() {
            return None;
        }
        let index = self.board.next_to_send()?;
        let record = self.board.get(index).copied()?;
        if record.text_len(text_end) <= mss || !self.board.may_cut_to(mss) {
            return Some(record);
        }
        // The path takes no segments of this length any more.
        self.board.cut_to(mss);
        self.threshold.reset(&self.board);
        let index = self.board.next_to_send()?;
        self.board.get(index).copied()
    }

    /// The segment after that one, if the peer does not have it.
    pub(crate) fn after_next_to_send(&mut self) -> Option<&Record> {
        let index = self.board.next_to_send()?;
        self.board.get(index + 1).filter(|next| !next.is(Marks::SACKED))
    }

    /// Text that was never sent goes out, while `pipe` bytes are in the network.
    pub(crate) fn on_sent(&mut self, now: Instant, text: Range<SeqNum>, pipe: u32, marks: Marks) {
        let len = text.end.since(text.start);
        let stamp = self.rate.on_sent(now, pipe, len);
        self.board.push(now, text, stamp, marks);
        self.prr.on_sent(len);
    }

    /// The first `len` sequence numbers of what [`Self::next_to_send`] told go out again, with this TSval.
    pub(crate) fn on_resent(&mut self, now: Instant, len: u32, pipe: u32, value: Option<u32>) {
        let Some(index) = self.board.next_to_send() else { return };
        let Some(record) = self.board.get(index) else { return };
        let marks = if len < record.len() { Marks::PARTIAL } else { Marks::default() };
        let stamp = self.rate.on_sent(now, pipe, len);
        self.board.on_resent(now, index, stamp, marks);
        self.undo.on_resent(value);
        self.prr.on_sent(len);
    }

    /// When the first segment was last sent.
    pub(crate) fn first_sent(&self) -> Option<Instant> {
        self.board.first().map(|first| first.sent)
    }

    /// Whether a retransmission is in the network, or the first segment was sent again.
    fn is_any_resent(&self) -> bool {
        self.board.resent().segments > 0
            || self.board.first().is_some_and(|first| first.is(Marks::EVER_RESENT))
    }

    /// Our SYN is acknowledged.
    pub(crate) const fn on_syn_delivered(&mut self) {
        self.counts.delivered = self.counts.delivered.wrapping_add(1);
    }

    /// A connection begins before our SYN is acknowledged.
    pub(crate) const fn forget_syn(&mut self) {
        self.counts.delivered = 0;
    }

    /// Somebody says that the path takes no segments longer than `mss`. Who says it often pays for nothing: then what is lost is found
    /// as any other loss is (RFC 5927, section 7.2).
    pub(crate) fn on_too_big(&mut self, nxt: SeqNum, mss: u32) {
        if self.board.take_walk() {
            self.on_path_mss(nxt, mss);
        }
    }

    /// The path takes no segments longer than `mss`: those are lost, which is no sign of congestion (RFC 1191, section 6.4).
    pub(crate) fn on_path_mss(&mut self, nxt: SeqNum, mss: u32) {
        for index in 0..self.board.segments() as usize {
            if self.board.get(index).is_some_and(|record| record.len() > mss) {
                let lost = self.board.mark_lost(index);
                self.rate.on_lost(lost);
            }
        }
        let _ = self.board.take_newly_lost();
        if self.board.lost().segments > 0 && self.phase != Phase::Loss {
            self.phase = Phase::Loss;
            self.recovery_point = nxt;
            self.undo.forget();
            self.frto = Frto::Off;
        }
    }

    pub(crate) fn assert_invariants(&self, una: SeqNum, nxt: SeqNum) {
        self.board.assert_invariants(una, nxt);
        if self.has_lost() {
            assert_ne!(self.phase, Phase::Open, "a loss is being repaired");
        }
    }
}
