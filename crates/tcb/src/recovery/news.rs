//! What one ACK says.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::rate::Sampling;
use super::record::Record;

/// What one ACK says: gathered step by step while it is processed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    pub(crate) now: Instant,
    /// SND.UNA before it.
    pub(crate) una_before: SeqNum,
    /// Bytes by which SND.UNA moved.
    pub(crate) acked: u32,
    /// A duplicate ACK (RFC 5681, section 2).
    pub(crate) is_duplicate: bool,
    /// It carries text or a window update, and so is no duplicate.
    pub(crate) is_update: bool,
    /// The echo of congestion (RFC 3168).
    pub(crate) ece: bool,
    /// TSecr, if timestamps are in use.
    pub(crate) echo: Option<u32>,
    /// Bytes in the network before it.
    pub(crate) pipe_before: u32,
    /// Bytes delivered and lost before it.
    pub(super) delivered_before: u64,
    pub(super) lost_before: u64,
    /// The end of the highest SACKed segment before it.
    pub(super) fack_before: SeqNum,
    /// Something was newly SACKed.
    pub(super) has_sacked: bool,
    /// Something that was sent once, before the phase began, arrived.
    pub(super) has_original: bool,
    /// Something that was sent more than once is acknowledged.
    pub(super) has_resent: bool,
    /// A segment arrived twice.
    pub(super) has_dsack: bool,
    /// The tail loss probe and its original both arrived.
    pub(super) is_probe_dsack: bool,
    /// Something that was sent again is lost again.
    pub(super) is_lost_again: bool,
    /// The peer has not what it SACKed.
    pub(super) is_reneging: bool,
    /// The retransmission timer starts anew.
    pub(super) restarts_timer: bool,
    /// The first of the originals that arrived late: they were overtaken.
    pub(super) overtaken: Option<SeqNum>,
    /// When the first and the last of the newly acknowledged originals was sent.
    pub(super) acked_sent: Option<(Instant, Instant)>,
    /// The same for those newly SACKed.
    pub(super) sacked_sent: Option<(Instant, Instant)>,
    /// The round trip of the last one.
    pub(super) rtt: Option<Duration>,
    pub(super) sampling: Sampling,
}

impl News {
    pub(super) const fn has_advanced(&self) -> bool {
        self.acked > 0
    }

    /// Whether the retransmission timer starts anew.
    pub(crate) const fn restarts_timer(&self) -> bool {
        self.restarts_timer
    }

    /// Whether it can have changed more than SND.UNA.
    pub(super) const fn is_dubious(&self) -> bool {
        let is_not_dup = self.is_update || self.has_advanced();
        !is_not_dup || self.has_sacked || self.ece || self.has_dsack
    }

    /// `record`, an original, arrived: remembers where reordering begins.
    pub(super) fn note_overtaken(&mut self, record: &Record) {
        if self.overtaken.is_none_or(|first| record.start.before(first)) {
            self.overtaken = Some(record.start);
        }
    }
}

/// Widens `span` by the time of sending of one more segment.
pub(super) fn extend(span: &mut Option<(Instant, Instant)>, sent: Instant) {
    *span = Some(span.map_or((sent, sent), |(first, _)| (first, sent)));
}
