//! What a connection can tell of itself (TCP_INFO).

use core::time::Duration;
use sockeye_clock::Instant;

use crate::{Limit, Phase, State, Tcb};

/// What a connection can tell of itself. Sizes are bytes unless it says segments. `tcp_info` of Linux is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The state.
    pub state: State,
    /// Where it stands with its losses.
    pub phase: Phase,
    /// Expiries of the retransmission timer since the last progress.
    pub retransmits: u32,
    /// Probes (of a closed window, keep-alive) that are not answered.
    pub probes: u32,
    /// Doublings of the running timer.
    pub backoff: u32,
    /// What was negotiated in the SYNs.
    pub negotiated: Negotiated,
    /// The retransmission time-out, with its backoff.
    pub rto: Duration,
    /// The delay of the next delayed ACK.
    pub ato: Duration,
    /// Text in a full segment that is sent.
    pub snd_mss: u32,
    /// Text in the peer's full segments, as far as seen.
    pub rcv_mss: u32,
    /// The MSS that was announced.
    pub advertised_mss: u32,
    /// Segments outstanding.
    pub unacked: u32,
    /// Segments of them that have arrived out of order.
    pub sacked: u32,
    /// Segments of them that count as lost.
    pub lost: u32,
    /// Segments that were sent again and are not acknowledged.
    pub retrans: u32,
    /// When text was last sent.
    pub last_data_sent: Option<Instant>,
    /// When text last came.
    pub last_data_received: Option<Instant>,
    /// When an ACK last came.
    pub last_ack_received: Option<Instant>,
    /// Smoothed round-trip time, once one was measured.
    pub srtt: Option<Duration>,
    /// Its variation, as `tcpi_rttvar` has it.
    pub rttvar: Duration,
    /// The least round trip of the last minutes.
    pub min_rtt: Option<Duration>,
    /// The slow start threshold; `u32::MAX` before any loss.
    pub ssthresh: u32,
    /// The congestion window.
    pub cwnd: u32,
    /// The pacing rate, kept or not: bytes a second; `u64::MAX` before a round trip was measured.
    pub pacing_rate: u64,
    /// Segments by which the network is known to reorder.
    pub reordering: u32,
    /// Times that reordering was seen.
    pub reorderings_seen: u32,
    /// The round trip as the receiver sees it, once it was measured.
    pub rcv_rtt: Option<Duration>,
    /// Bytes that the program reads in a round trip, as buffers are tuned for it.
    pub rcv_space: u64,
    /// The peer's window.
    pub snd_wnd: u32,
    /// The window offered to the peer.
    pub rcv_wnd: u32,
    /// The most that is offered for now.
    pub rcv_wnd_limit: u32,
    /// Segments that came out of order.
    pub rcv_out_of_order: u32,
    /// Segments sent again in all.
    pub total_retrans: u32,
    /// Bytes of text acknowledged.
    pub bytes_acked: u64,
    /// Bytes of text received in order.
    pub bytes_received: u64,
    /// Bytes of text sent, again or not.
    pub bytes_sent: u64,
    /// Bytes of text sent again.
    pub bytes_retrans: u64,
    /// Segments sent.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Segments with text sent.
    pub data_segs_out: u32,
    /// Segments with text received.
    pub data_segs_in: u32,
    /// Bytes in SendQ that were never sent.
    pub notsent: u32,
    /// Segments delivered.
    pub delivered: u32,
    /// Segments delivered with a CE mark.
    pub delivered_ce: u32,
    /// DSACK blocks received.
    pub dsack_dups: u32,
    /// The newest delivery rate, bytes a second.
    pub delivery_rate: u64,
    /// Whether that rate was limited by the program.
    pub is_rate_app_limited: bool,
    /// Time with something outstanding or unsent.
    pub busy: Duration,
    /// Of it, time limited by the peer's window.
    pub rwnd_limited: Duration,
    /// Of it, time limited by SendQ.
    pub sndbuf_limited: Duration,
    /// Which of these times goes on.
    pub limit: Limit,
}

/// What was negotiated in the SYNs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// Timestamps (RFC 7323).
    pub timestamps: bool,
    /// SACK (RFC 2018).
    pub sack: bool,
    /// Window scales, the peer's and ours (RFC 7323).
    pub scales: Option<(u8, u8)>,
    /// Text of a SYN was taken: of the peer's, or all that ours carried (RFC 7413).
    pub syn_text: bool,
    /// Explicit congestion notification (RFC 3168).
    pub ecn: bool,
    /// Text of the peer's had an ECN codepoint.
    pub ecn_seen: bool,
}

impl Tcb {
    /// What the connection can tell of itself (TCP_INFO).
    #[must_use]
    pub fn info(&self, now: Instant) -> Info {
        let (counters, recovery) = (&self.counters, &self.recovery);
        let counts = recovery.counts();
        let (delivery_rate, is_rate_app_limited) = recovery.rate().latest();
        let (busy, rwnd_limited, sndbuf_limited) = self.chrono.spent(now);
        Info {
            state: self.state,
            phase: self.recovery.phase(),
            retransmits: self.snd.retransmissions,
            probes: self.persist.unanswered(),
            backoff: self.rtt.backoff(),
            negotiated: self.negotiated(),
            rto: self.rtt.rto().get(),
            ato: self.acks.delay(self.rtt.srtt()),
            snd_mss: self.snd.mss,
            rcv_mss: self.acks.rcv_mss(),
            advertised_mss: u32::from(self.config.recv_mss),
            unacked: recovery.segments(),
            sacked: recovery.sacked(),
            lost: recovery.lost().segments,
            retrans: recovery.resent().segments,
            last_data_sent: Some(self.snd.last_sent),
            last_data_received: counters.last_data_received,
            last_ack_received: Some(self.probing.heard()),
            srtt: self.rtt.srtt(),
            rttvar: self.rtt.variation() / 4,
            min_rtt: recovery.min_rtt(),
            ssthresh: self.congestion.ssthresh(),
            cwnd: self.congestion.cwnd(),
            pacing_rate: self.congestion.pacing_rate(),
            reordering: recovery.reordering().degree(),
            reorderings_seen: recovery.reordering().seen(),
            rcv_rtt: self.tuning.rtt(),
            rcv_space: self.tuning.space(),
            snd_wnd: self.snd.wnd,
            rcv_wnd: self.rcv.wnd(),
            rcv_wnd_limit: self.tuning.window_limit,
            rcv_out_of_order: counters.out_of_order,
            total_retrans: counters.total_retrans,
            bytes_acked: counters.bytes_acked,
            bytes_received: counters.bytes_received,
            bytes_sent: counters.bytes_sent,
            bytes_retrans: counters.bytes_retrans,
            segs_out: counters.segs_out,
            segs_in: counters.segs_in,
            data_segs_out: counters.data_segs_out,
            data_segs_in: counters.data_segs_in,
            notsent: u32::try_from(self.unsent()).unwrap_or(u32::MAX),
            delivered: counts.delivered,
            delivered_ce: counts.delivered_ce,
            dsack_dups: counts.dsack_dups,
            delivery_rate,
            is_rate_app_limited,
            busy,
            rwnd_limited,
            sndbuf_limited,
            limit: self.chrono.limit(),
        }
    }

    /// What was negotiated in the SYNs.
    fn negotiated(&self) -> Negotiated {
        Negotiated {
            syn_text: self.is_syn_text_taken,
            ecn: self.ecn.is_on(),
            ecn_seen: self.ecn.has_seen(),
            timestamps: self.timestamps.is_some(),
            sack: self.sack.is_permitted(),
            scales: self.rcv.is_scaled.then_some((self.snd.shift, self.rcv.shift)),
        }
    }
}
