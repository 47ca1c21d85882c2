//! What an ACK measures: the round trip (MUST-18, RFC 6298, RFC 7323 section 4) and, with it, what the congestion control learns.

use core::time::Duration;
use sockeye_clock::Instant;

use super::News;
use super::rate::Sampling;
use crate::congestion::AckSample;
use crate::timers::Timer;
use crate::{Phase, Tcb, timestamps};

impl Tcb {
    /// Bytes in the network.
    pub(crate) fn pipe(&self) -> u32 {
        self.recovery.pipe(self.snd.flight(), self.snd.mss)
    }

    /// Nothing is known yet.
    pub(crate) fn no_news(&self, now: Instant) -> News {
        News {
            now,
            una_before: self.snd.una,
            acked: 0,
            is_duplicate: false,
            is_update: false,
            ece: false,
            echo: None,
            pipe_before: self.pipe(),
            delivered_before: self.recovery.rate.delivered(),
            lost_before: self.recovery.rate.lost(),
            fack_before: self.recovery.board.fack(self.snd.una),
            has_sacked: false,
            has_original: false,
            has_resent: false,
            has_dsack: false,
            is_probe_dsack: false,
            is_lost_again: false,
            is_reneging: false,
            restarts_timer: false,
            overtaken: None,
            acked_sent: None,
            sacked_sent: None,
            rtt: None,
            sampling: Sampling::default(),
        }
    }

    /// Takes the round trip of what arrived. Karn: only what was sent once is measured, unless a timestamp tells which transmission
    /// was acknowledged.
    pub(crate) fn measure(&mut self, news: &mut News) {
        let since = |sent: Instant| news.now.since(sent);
        let acked = news.acked_sent.filter(|_| !news.has_resent);
        // The first tells the time-out what to expect, the last tells the congestion control what the path is like.
        let spans = acked.or(news.sacked_sent);
        let (first, mut last) = match spans {
            Some((first, last)) => (Some(since(first)), Some(since(last))),
            None => (None, None),
        };
        if let Some((_, sacked)) = news.sacked_sent {
            last = Some(since(sacked));
        }
        let echo = news.echo.filter(|_| news.has_advanced());
        let measured = first.or_else(|| echo.and_then(|echo| self.round_trip_of(news.now, echo)));
        let Some(rtt) = measured else { return };
        let path = last.unwrap_or(rtt);
        news.rtt = Some(path);
        self.take_round_trip(news.now, rtt, path);
        // A SACK of what was sent before the first segment was sent (again) does not put off its time-out.
        if let (Some((sacked, _)), Some(head)) = (news.sacked_sent, self.recovery.first_sent()) {
            news.restarts_timer |= since(sacked) > since(head);
        }
    }

    /// The round trip that an echo of our timestamp tells.
    pub(super) fn round_trip_of(&self, now: Instant, echo: u32) -> Option<Duration> {
        timestamps::round_trip(now, self.config.timestamp_offset, echo)
    }

    /// `rtt` is that of the first segment that arrived, `path` that of the last.
    pub(super) fn take_round_trip(&mut self, now: Instant, rtt: Duration, path: Duration) {
        self.recovery.min_rtt.on_sample(now, path);
        self.rtt.on_sample_in(rtt, self.snd.una, self.snd.nxt);
    }

    /// RACK's window follows DSACKs (RFC 8985, 6.2 step 4).
    pub(super) fn adapt_reordering_window(&mut self, sampling: Sampling) {
        let recovery = &mut self.recovery;
        if let Some(prior) = sampling.prior_delivered()
            && !recovery.config.static_reordering_window
        {
            recovery.rack.adapt(prior, recovery.rate.delivered());
        }
    }

    /// The same for an ACK of any kind.
    pub(crate) fn adapt_to(&mut self, news: &News) {
        self.adapt_reordering_window(news.sampling);
    }

    /// Tells the congestion control, and lets proportional rate reduction set cwnd while it runs.
    pub(crate) fn tell_congestion(&mut self, news: &News) {
        let rate = &self.recovery.rate;
        let delivered = clamp(rate.delivered() - news.delivered_before);
        let lost = clamp(rate.lost() - news.lost_before);
        let min_rtt = self.recovery.min_rtt();
        let sample = self.recovery.rate.sample(news.now, delivered, news.sampling, min_rtt);
        let newly_lost = self.recovery.board.take_newly_lost();
        self.congestion.on_ack(&AckSample {
            now: news.now,
            delivered,
            is_progress: news.acked > 0 || (news.has_sacked && self.recovery.reordering.is_raised()),
            flight_before: news.pipe_before,
            flight: self.pipe(),
            lost,
            una: self.snd.una,
            nxt: self.snd.nxt,
            rtt: news.rtt,
            ece: news.ece,
            rate: sample,
            loss: newly_lost.map(|departure| self.recovery.rate.loss(&departure)),
            phase: self.recovery.phase,
        });
        if self.recovery.phase.is_reducing() {
            self.reduce_by(news, delivered, lost);
        }
    }

    /// The program has too little to fill the network, and nothing waits for a retransmission: what is delivered from here on tells
    /// nothing of the path's rate (draft-cheng-iccrg-delivery-rate-estimation, 3.4).
    pub(crate) fn note_app_limited(&mut self) {
        let pipe = self.pipe();
        let is_starved = self.unsent() < self.snd.mss as usize && !self.recovery.has_lost();
        if is_starved && pipe < self.congestion.cwnd() {
            self.recovery.rate.on_app_limited(pipe);
        }
    }

    /// RFC 6298, 5.2 and 5.3, and the timers that come before it.
    pub(crate) fn restart_timers(&mut self, now: Instant, restarts: bool) {
        if self.snd.flight() == 0 {
            for timer in [Timer::Retransmit, Timer::Probe, Timer::Reorder] {
                self.timers.stop(timer);
            }
            return;
        }
        if restarts {
            self.timers.set(Timer::Retransmit, now + self.rtt.rto().get());
            self.schedule_probe(now);
        }
        if matches!(self.recovery.phase, Phase::Recovery | Phase::Loss) {
            // What is being repaired needs no probe.
            self.timers.stop(Timer::Probe);
        }
    }
}

fn clamp(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
