//! The ACK that most are: it acknowledges what was sent once and arrived in order, while nothing is amiss. Then nothing can be learned
//! but how long it took, and none of the other steps has anything to do (header prediction, as Van Jacobson called it).

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::{SeqNum, TcpHeader};

use super::rate::Sampling;
use super::{Phase, Recovery};
use crate::Tcb;
use crate::congestion::AckSample;

/// What a plain ACK took off the scoreboard.
#[derive(Clone, Copy, Debug, Default)]
struct Arrived {
    /// When the first and the last of it was sent; `None` if it was no whole segment.
    sent: Option<(Instant, Instant)>,
    sampling: Sampling,
}

impl Tcb {
    /// Whether an ACK that may be believed is a plain one.
    pub(crate) fn is_plain(&self, header: &TcpHeader) -> bool {
        header.ack.after(self.snd.una)
            && header.options.sack.is_empty()
            && !self.ecn.is_echo(header)
            && self.recovery.is_untroubled()
    }

    /// SND.UNA has moved by `acked`. `echo` is TSecr.
    pub(crate) fn process_plain(&mut self, now: Instant, acked: u32, echo: Option<u32>) {
        let arrived = self.recovery.take_arrived(now, self.snd.una, acked);
        let rtt = self.measure_plain(now, &arrived, echo);
        self.adapt_reordering_window(arrived.sampling);
        let flight = self.snd.flight();
        let recovery = &mut self.recovery;
        let min_rtt = recovery.min_rtt.get();
        self.congestion.on_ack(&AckSample {
            now,
            delivered: acked,
            is_progress: true,
            flight_before: flight + acked,
            flight,
            lost: 0,
            una: self.snd.una,
            nxt: self.snd.nxt,
            rtt,
            ece: false,
            rate: recovery.rate.sample(now, acked, arrived.sampling, min_rtt),
            loss: recovery.board.take_newly_lost().map(|departure| recovery.rate.loss(&departure)),
            phase: Phase::Open,
        });
        self.restart_timers(now, true);
    }

    /// The round trip of the last segment that arrived.
    fn measure_plain(&mut self, now: Instant, arrived: &Arrived, echo: Option<u32>) -> Option<Duration> {
        let (rtt, path) = match arrived.sent {
            Some((first, last)) => (now.since(first), now.since(last)),
            None => {
                let rtt = self.round_trip_of(now, echo?)?;
                (rtt, rtt)
            }
        };
        self.take_round_trip(now, rtt, path);
        Some(path)
    }
}

impl Recovery {
    /// Whether all that is outstanding was sent once, and nothing is known to be lost or out of order.
    fn is_untroubled(&self) -> bool {
        self.phase == Phase::Open && self.has_sack() && self.board.is_untouched() && self.probe.is_over()
    }

    /// What is acknowledged leaves the scoreboard: `acked` sequence numbers up to SND.UNA.
    fn take_arrived(&mut self, now: Instant, una: SeqNum, acked: u32) -> Arrived {
        let mut arrived = Arrived::default();
        let (mut first, mut last) = (None, None);
        while let Some(record) = self.board.pop_acknowledged(una) {
            first = first.or(Some(record.sent));
            self.counts.delivered = self.counts.delivered.wrapping_add(1);
            last = Some(record);
        }
        self.threshold.reset(&self.board);
        // It may end within a segment.
        self.board.trim(una);
        self.rate.on_delivered_somewhere(acked);
        if let (Some(first), Some(last)) = (first, last) {
            // They were sent in order, so the last one is the newest.
            arrived.sent = Some((first, last.sent));
            self.rate.on_arrived(&last, &mut arrived.sampling);
            self.rack.on_arrived(now, &last, None);
        }
        arrived
    }
}
