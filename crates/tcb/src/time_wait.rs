//! TIME-WAIT: what is left of a connection that both ends have closed.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::{Flags, Options, SeqNum, TcpHeader};

use crate::arrive::ChallengeLimit;
use crate::timestamps::{self, Recent};
use crate::{Event, Segment, Tcb};

/// A new incarnation's ISS is this far beyond the old SND.NXT (as Linux): beyond any window without scale.
const ISS_GAP: u32 = 65_535 + 2;

/// TIME-WAIT: a few words.
#[derive(Clone, Debug)]
pub struct TimeWait {
    local_port: u16,
    remote_port: u16,
    snd_nxt: SeqNum,
    rcv_nxt: SeqNum,
    rcv_wnd: u32,
    shift: u8,
    timestamps: Option<Recent>,
    timestamp_offset: u32,
    expires: Instant,
    length: Duration,
    is_immune: bool,
    challenges: ChallengeLimit,
    challenge_interval: Duration,
}

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

impl Tcb {
    /// The timers of a live connection stop; 2MSL runs in [`TimeWait`].
    pub(crate) fn enter_time_wait(&mut self) {
        self.timers.stop_all();
        self.events.push(Event::TimeWait);
    }
}

impl TimeWait {
    pub(crate) fn new(now: Instant, tcb: &Tcb) -> Self {
        Self {
            local_port: tcb.config.local_port,
            remote_port: tcb.config.remote_port,
            snd_nxt: tcb.snd.nxt,
            rcv_nxt: tcb.rcv.nxt,
            rcv_wnd: tcb.rcv.wnd(),
            shift: tcb.rcv.shift,
            timestamps: tcb.timestamps,
            timestamp_offset: tcb.config.timestamp_offset,
            // MUST-13 (3.6.1): 2MSL from now on.
            expires: now + tcb.config.time_wait,
            length: tcb.config.time_wait,
            is_immune: tcb.config.rfc1337,
            challenges: ChallengeLimit::default(),
            challenge_interval: tcb.config.invalid_rate_limit,
        }
    }

    /// 3.10.7.4 for TIME-WAIT.
    pub fn segment_arrives(&mut self, now: Instant, segment: &Segment<'_>) -> TimeWaitVerdict {
        if segment.has(Flags::RST) {
            // RFC 1337: an old RST must not end the wait.
            let is_believed = !self.is_immune && segment.header.seq == self.rcv_nxt;
            return if is_believed { TimeWaitVerdict::Gone } else { TimeWaitVerdict::Discard };
        }
        if self.is_new_incarnation(segment) {
            return TimeWaitVerdict::Reopen(self.next_iss());
        }
        if segment.len() == 0 {
            let seq = segment.header.seq;
            let is_acceptable = !seq.before(self.rcv_nxt) && !seq.after(self.rcv_nxt + self.rcv_wnd);
            // An ACK that fits needs no answer, and answering it could go on for ever.
            // Two ends that are out of step must not answer each other for ever (RFC 5961, section 7).
            return if is_acceptable || !self.challenges.allows(now, self.challenge_interval) {
                TimeWaitVerdict::Discard
            } else {
                TimeWaitVerdict::Reply(self.ack(now))
            };
        }
        let is_fin_again = segment.has(Flags::FIN) && segment.end() == self.rcv_nxt;
        if is_fin_again {
            // 3.10.7.4, eighth step: "Restart the 2 MSL time-wait timeout."
            self.expires = now + self.length;
        }
        TimeWaitVerdict::Reply(self.ack(now))
    }

    /// Whether a new connection may take its place: timestamps tell their segments apart once the clock has moved on, for `delay` at
    /// least (RFC 6191, section 2).
    #[must_use]
    pub fn is_reusable(&self, now: Instant, delay: Duration) -> bool {
        self.timestamps.is_some() && now + self.length >= self.expires + delay
    }

    /// The ISS of a new connection must be after this.
    #[must_use]
    pub fn next_iss(&self) -> SeqNum {
        self.snd_nxt + ISS_GAP
    }

    /// When 2MSL is over.
    #[must_use]
    pub fn expires(&self) -> Instant {
        self.expires
    }

    /// MAY-2 (3.6.1), and RFC 6191 for timestamps (SHLD-4).
    fn is_new_incarnation(&self, segment: &Segment<'_>) -> bool {
        if !segment.has(Flags::SYN) || segment.has(Flags::ACK) {
            return false;
        }
        let is_later = segment.header.seq.after(self.rcv_nxt);
        match (self.timestamps, segment.header.options.timestamps) {
            (Some(recent), Some(stamps)) => {
                timestamps::is_older(recent.value(), stamps.value)
                    || (recent.value() == stamps.value && is_later)
            }
            (Some(_) | None, _) => is_later,
        }
    }

    fn ack(&self, now: Instant) -> TcpHeader {
        TcpHeader {
            src_port: self.local_port,
            dst_port: self.remote_port,
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: Flags::ACK,
            window: u16::try_from(self.rcv_wnd >> self.shift).unwrap_or(u16::MAX),
            urgent: 0,
            options: Options {
                timestamps: self.timestamps.map(|recent| recent.option(now, self.timestamp_offset)),
                ..Options::default()
            },
        }
    }
}

#[cfg(test)]
mod tests;
