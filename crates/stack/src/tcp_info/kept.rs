//! The copy of TCP_INFO that is kept for programs that ask often.

use super::TcpInfo;
use crate::socket::Connected;
use sockeye_buffer::{INFO_WORDS, Slot, SlotHeader};
use sockeye_clock::Instant;
use sockeye_tcb::{Info, Limit};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Asking again within this time is asking often.
const OFTEN: Duration = Duration::from_secs(1);
/// Times that a copy is renewed which nobody reads.
const RENEWALS: u32 = 64;
/// Words of [`TcpInfo`].
const FIELDS: usize = TcpInfo::SIZE / 8;

const _: () = assert!(TcpInfo::SIZE.is_multiple_of(8) && INFO_WORDS == FIELDS + 11);

/// Whether programs ask for a connection's TCP_INFO so often that a copy is worth keeping.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// When the engine was last asked.
    last: Option<Instant>,
    /// Times that the copy will be renewed; 0 if none is kept.
    renewals: u32,
    /// One was.
    was_often: bool,
}

impl Asked {
    /// To be called when the engine is asked.
    pub(crate) fn is_often(&mut self, now: Instant) -> bool {
        let is_often = self.last.replace(now).is_some_and(|last| now.since(last) < OFTEN);
        if is_often {
            // One is made at once.
            self.renewals = RENEWALS + 1;
            self.was_often = true;
        }
        is_often
    }

    /// Whether a copy has ever been kept.
    pub(crate) fn was_often(&self) -> bool {
        self.was_often
    }
}

/// How far the queues were: bytes since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Positions {
    /// SendQ's tail, as far as the engine has looked.
    written: u64,
    /// SendQ's head.
    acknowledged: u64,
    /// RecvQ's tail.
    received: u64,
}

impl Positions {
    fn of(header: &SlotHeader) -> Self {
        Self {
            written: header.sender.send_tail.load(Ordering::Relaxed),
            acknowledged: header.engine.send_head.load(Ordering::Acquire),
            received: header.engine.recv_tail.load(Ordering::Acquire),
        }
    }

    fn include(self, seen: Self) -> bool {
        self.written >= seen.written
            && self.acknowledged >= seen.acknowledged
            && self.received >= seen.received
    }
}

/// TCP_INFO of a connection as it was at an instant, and what else must be known to tell it at a later one. Where programs ask for it
/// often, the engine renews it after each change of the connection, and they [find](Self::find) it in the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptInfo {
    /// Without the times.
    info: TcpInfo,
    then: Instant,
    positions: Positions,
    /// When text was sent, text came, and an ACK came.
    last: [Option<Instant>; 3],
    /// Nanoseconds: busy, limited by the window, limited by SendQ.
    spent: [u64; 3],
    /// Which of them goes on.
    limit: Limit,
}

impl KeptInfo {
    /// The copy that is kept in a slot: `None` if there is none, or if it does not count all that the program has written, or that came or
    /// was acknowledged as far as the program can see. Then the engine knows more, or is to look first.
    #[must_use]
    pub fn find(slot: &Slot) -> Option<Self> {
        // First: what happens meanwhile is no reason to ask.
        let seen = Positions::of(slot.header());
        let kept = Self::from_words(&slot.info()?);
        kept.positions.include(seen).then_some(kept)
    }

    fn from_words(words: &[u64; INFO_WORDS]) -> Self {
        let mut bytes = [0; TcpInfo::SIZE];
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word.to_ne_bytes();
        }
        let &[then, written, acknowledged, received, sent, came, ack, busy, window, sendq, limit] =
            words.last_chunk().unwrap_or(&[0; INFO_WORDS - FIELDS]);
        let instant = |nanos: u64| (nanos != u64::MAX).then(|| Instant::from_nanos(nanos));
        Self {
            info: TcpInfo::from_bytes(&bytes),
            then: Instant::from_nanos(then),
            positions: Positions { written, acknowledged, received },
            last: [sent, came, ack].map(instant),
            spent: [busy, window, sendq],
            limit: match limit {
                1 => Limit::Busy,
                2 => Limit::Window,
                3 => Limit::SendQ,
                _ => Limit::Idle,
            },
        }
    }

    fn to_words(self) -> [u64; INFO_WORDS] {
        let mut words = [0; INFO_WORDS];
        for (word, bytes) in words.iter_mut().zip(self.info.to_bytes().as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let Positions { written, acknowledged, received } = self.positions;
        let [sent, came, ack] = self.last.map(|last| last.map_or(u64::MAX, Instant::as_nanos));
        let [busy, window, sendq] = self.spent;
        let limit = match self.limit {
            Limit::Idle => 0,
            Limit::Busy => 1,
            Limit::Window => 2,
            Limit::SendQ => 3,
        };
        if let Some(rest) = words.last_chunk_mut() {
            let then = self.then.as_nanos();
            *rest = [then, written, acknowledged, received, sent, came, ack, busy, window, sendq, limit];
        }
        words
    }

    /// TCP_INFO at `now`, if nothing has changed.
    #[must_use]
    pub fn at(&self, now: Instant) -> TcpInfo {
        let millis = |then: Option<Instant>| {
            then.map_or(0, |then| u32::try_from(now.since(then).as_millis()).unwrap_or(u32::MAX))
        };
        let [last_data_sent, last_data_recv, last_ack_recv] = self.last.map(millis);
        let time = u64::try_from(now.since(self.then).as_nanos()).unwrap_or(u64::MAX);
        let [busy, window, sendq] = self.spent;
        let micros = |spent: u64, goes_on: bool| spent.saturating_add(if goes_on { time } else { 0 }) / 1000;
        TcpInfo {
            last_data_sent,
            last_data_recv,
            last_ack_recv,
            busy_time: micros(busy, self.limit != Limit::Idle),
            rwnd_limited: micros(window, self.limit == Limit::Window),
            sndbuf_limited: micros(sendq, self.limit == Limit::SendQ),
            ..self.info
        }
    }
}

impl Connected {
    /// To be called when all that has happened is done with, or there is to be a first copy.
    #[inline]
    pub(crate) fn refresh_info(&mut self, now: Instant, max_pacing_rate: u64) {
        if self.asked.renewals > 0 {
            self.renew_info(now, max_pacing_rate);
        }
    }

    #[cold]
    fn renew_info(&mut self, now: Instant, max_pacing_rate: u64) {
        let slot = self.tcb.rings().0.slot();
        self.asked.renewals -= 1;
        if self.asked.renewals == 0 {
            if !slot.was_info_read() {
                return slot.forget_info();
            }
            self.asked.renewals = RENEWALS;
        }
        let mut kept = self.kept_info(now);
        kept.info.max_pacing_rate = max_pacing_rate;
        slot.tell_info(kept.to_words());
    }

    pub(super) fn kept_info(&self, now: Instant) -> KeptInfo {
        let told = self.tcb.info(now);
        let (sendq, recvq) = self.tcb.rings();
        let Info { last_data_sent, last_data_received, last_ack_received, limit, .. } = told;
        let nanos = |spent: Duration| u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let mut info = TcpInfo::new(&told);
        let stamps = if info.options & 1 != 0 { 12 } else { 0 };
        info.pmtu = info.snd_mss + stamps + if self.path.tuple.remote.is_ipv4() { 40 } else { 60 };
        KeptInfo {
            info,
            then: now,
            positions: Positions {
                written: sendq.head() + sendq.len() as u64,
                acknowledged: sendq.head(),
                received: recvq.tail(),
            },
            last: [last_data_sent, last_data_received, last_ack_received],
            spent: [told.busy, told.rwnd_limited, told.sndbuf_limited].map(nanos),
            limit,
        }
    }
}

#[cfg(test)]
mod tests;
