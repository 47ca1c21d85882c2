//! Whether a reduction of cwnd was a mistake (RFC 3522 and RFC 4015, Eifel; RFC 3708, DSACK).

use sockeye_wire::SeqNum;

use super::Recovery;
use crate::timestamps;

/// What is needed to take the last reduction back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Undo {
    /// SND.UNA when the reduction began; `None` if there is nothing to take back.
    marker: Option<SeqNum>,
    /// Retransmissions since then of which no DSACK told; `None` before the first one.
    resent: Option<u32>,
    /// Whether cwnd and ssthresh may be restored: not if the peer echoed congestion.
    can_restore: bool,
    /// The timestamp of the first retransmission of the episode.
    pub(super) first_resent: Option<FirstResent>,
}

/// The first retransmission of an episode.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstResent {
    /// Its TSval, if timestamps are in use.
    pub(super) value: Option<u32>,
}

impl Undo {
    /// A reduction begins at `una`, with `in_flight` retransmissions in the network.
    pub(super) const fn begin(&mut self, una: SeqNum, in_flight: u32) {
        self.marker = Some(una);
        self.resent = if in_flight > 0 { Some(in_flight) } else { None };
    }

    pub(super) const fn set_restorable(&mut self, can_restore: bool) {
        self.can_restore = can_restore;
    }

    pub(super) const fn can_restore(&self) -> bool {
        self.can_restore
    }

    /// Nothing can be taken back.
    pub(super) const fn forget(&mut self) {
        self.marker = None;
    }

    pub(super) const fn marker(&self) -> Option<SeqNum> {
        self.marker
    }

    /// A segment was sent again, with this TSval.
    pub(super) fn on_resent(&mut self, value: Option<u32>) {
        self.resent = Some(self.resent.unwrap_or(0).saturating_add(1));
        self.first_resent.get_or_insert(FirstResent { value });
    }

    /// The peer had `segments` of what ends at `end` already.
    pub(super) fn on_dsack(&mut self, end: SeqNum, segments: u32) {
        if let (Some(marker), Some(resent)) = (self.marker, self.resent)
            && end.after(marker)
        {
            self.resent = Some(resent.saturating_sub(segments));
        }
    }

    /// Whether all that was sent again was sent in vain.
    pub(super) fn is_all_in_vain(&self) -> bool {
        self.marker.is_some() && self.resent == Some(0)
    }

    /// Whether what arrived is an original: its echo is from before the first retransmission (RFC 3522, 3.2 step 5), or nothing was
    /// sent again.
    pub(super) fn is_original(&self, echo: Option<u32>) -> bool {
        match self.first_resent {
            None => true,
            Some(FirstResent { value: Some(value) }) => {
                echo.is_some_and(|echo| echo != 0 && timestamps::is_older(echo, value))
            }
            Some(FirstResent { value: None }) => false,
        }
    }

    pub(super) fn may_undo(&self, echo: Option<u32>) -> bool {
        self.marker.is_some() && (self.resent == Some(0) || self.is_original(echo))
    }
}

impl Recovery {
    /// Nothing was lost after all; what is missing can be found to be lost again.
    pub(super) fn unmark_lost(&mut self) {
        self.board.unmark_lost();
        self.threshold.reset(&self.board);
    }
}
