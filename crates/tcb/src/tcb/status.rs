//! STATUS (3.10.6).

use core::time::Duration;
use sockeye_wire::SeqNum;

use crate::{State, Tcb};

/// What STATUS tells (3.10.6). Windows and sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// The oldest unacknowledged sequence number.
    pub snd_una: SeqNum,
    /// The next sequence number to be sent.
    pub snd_nxt: SeqNum,
    /// The window the peer offers.
    pub snd_wnd: u32,
    /// The peer's initial sequence number.
    pub irs: SeqNum,
    /// The next sequence number expected.
    pub rcv_nxt: SeqNum,
    /// The window offered to the peer.
    pub rcv_wnd: u32,
    /// Text in a full segment.
    pub eff_snd_mss: u32,
    /// The congestion window.
    pub cwnd: u32,
    /// The slow start threshold; `u32::MAX` before any loss.
    pub ssthresh: u32,
    /// The smoothed round-trip time, once one was measured.
    pub srtt: Option<Duration>,
    /// The retransmission time-out, with its backoff.
    pub rto: Duration,
    /// Retransmissions of the oldest segment.
    pub retransmissions: u32,
}

impl Tcb {
    /// STATUS (3.10.6): the variables of the connection.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            state: self.state,
            iss: self.snd.iss,
            snd_una: self.snd.una,
            snd_nxt: self.snd.nxt,
            snd_wnd: self.snd.wnd,
            irs: self.rcv.irs,
            rcv_nxt: self.rcv.nxt,
            rcv_wnd: self.rcv.wnd(),
            eff_snd_mss: self.snd.mss,
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            srtt: self.rtt.srtt(),
            rto: self.rtt.rto().get(),
            retransmissions: self.snd.retransmissions,
        }
    }
}
