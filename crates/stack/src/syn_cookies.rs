//! SYN cookies (RFC 4987, section 3.6): when a listener's SYN queue is full, what it would hold goes into the ISN, and into the timestamp
//! that the peer will echo.
//!
//! ```text
//!   ISN        | count of minutes: 5 | MSS: 3 |          secret of the rest: 24          |
//!   TSval      |       our clock: 26          | ECN: 1 | SACK: 1 | window scale, 15 for none: 4 |
//! ```
//!
//! Without timestamps a connection has no window scale, SACK or ECN: there is nowhere to keep them.

use crate::arrive::Opening;
use crate::connect::config;
use crate::demux::{Owner, Tuple};
use crate::keyed::Keyed;
use crate::lifecycle::{Completion, Reply};
use crate::network::Network;
use crate::route::Path;
use crate::socket::{Embryo, Phase, Schedule};
use crate::{HostId, Settings};
use rand::RngCore;
use sockeye_buffer::Text;
use sockeye_clock::Instant;
use sockeye_tcb::{Handshake, Progress, Segment};
use sockeye_wire::{Flags, Options, SeqNum, TcpHeader};
use std::time::Duration;

/// A cookie counts in the minute that it was made in, and in the next.
const MINUTE_NANOS: u64 = 60_000_000_000;
const MAX_AGE: Duration = Duration::from_secs(120);
/// The MSSs that a cookie can tell; a peer's is rounded down.
const MSS: [u16; 8] = [216, 536, 960, 1220, 1300, 1440, 1460, 8960];
const SECRET_BITS: u32 = 24;
const SCALE_BITS: u32 = 0xf;
const NO_SCALE: u8 = 15;
const SACK_BIT: u32 = 1 << 4;
const ECN_BIT: u32 = 1 << 5;
const STAMP_BITS: u32 = 0x3f;

/// Makes and reads cookies.
#[derive(Debug)]
pub(crate) struct SynCookies {
    secret: Keyed,
    /// When one was sent last: ACKs to listeners are looked at for so long.
    sent: Option<Instant>,
}

impl SynCookies {
    pub(crate) fn new(rng: &mut impl RngCore) -> Self {
        Self { secret: Keyed::new(rng), sent: None }
    }

    fn make(&self, minute: u64, mss: usize, tuple: &Tuple, irs: SeqNum) -> SeqNum {
        let secret = self.secret.secret_of(&(tuple, irs.0, minute, mss)) as u32 & ((1 << SECRET_BITS) - 1);
        SeqNum((minute as u32) << 27 | (mss as u32) << SECRET_BITS | secret)
    }

    /// The MSS that a cookie tells, if it is one.
    fn read(&self, now: Instant, iss: SeqNum, tuple: &Tuple, irs: SeqNum) -> Option<u16> {
        if self.sent.is_none_or(|sent| now.since(sent) > MAX_AGE) {
            return None;
        }
        let mss = (iss.0 >> SECRET_BITS) as usize % MSS.len();
        let minute = now.as_nanos() / MINUTE_NANOS;
        let is_made = |minute| self.make(minute, mss, tuple, irs) == iss;
        (is_made(minute) || is_made(minute.saturating_sub(1))).then(|| MSS[mss])
    }
}

impl Settings {
    /// Whether a SYN is answered with a cookie, or else whether it is discarded, if so many wait.
    pub(crate) fn answer_to_syn(&self, waiting: usize, is_full: bool) -> Answer {
        match self.syn_cookies {
            2 => Answer::Cookie,
            1 if is_full => Answer::Cookie,
            // As Linux: a quarter is kept for peers that are known; we know none.
            0 if is_full || waiting >= self.max_syn_backlog as usize * 3 / 4 => Answer::Nothing,
            _ => Answer::Embryo,
        }
    }
}

/// What a listener does with a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Embryo,
    Cookie,
    Nothing,
}

impl Network {
    /// Answers a SYN, and keeps nothing of it.
    pub(crate) fn send_syn_cookie(&mut self, now: Instant, listener: u32, path: Path, syn: &Segment<'_>) {
        let Some(socket) = self.sockets.get(listener as usize) else { return };
        let (host, options) = (socket.host, &socket.options);
        let here = &mut self.hosts[host.0 as usize];
        let mss = syn.header.options.mss.unwrap_or(MSS[1]);
        let index = MSS.iter().rposition(|known| *known <= mss).unwrap_or(0);
        let minute = now.as_nanos() / MINUTE_NANOS;
        let iss = here.syn_cookies.make(minute, index, &path.tuple, syn.header.seq);
        here.syn_cookies.sent = Some(now);
        here.counters.syn_cookies_sent += 1;
        here.paths.forget_expired(now);
        let config = config(here, &self.wires, options, &path, iss);
        let header = without_memory(syn.header);
        let mut handshake =
            Handshake::passive(now, config, &Segment { header: &header, text: Text::empty(), ecn: syn.ecn });
        let Some(mut transmit) = handshake.poll_transmit(now) else { return };
        let has_ecn = transmit.header.flags.contains(Flags::ECE);
        let answer = &mut transmit.header.options;
        let scale = header.options.window_scale.filter(|_| answer.window_scale.is_some());
        let bits = u32::from(scale.map_or(NO_SCALE, |scale| scale.min(14)))
            | if answer.sack_permitted { SACK_BIT } else { 0 }
            | if has_ecn { ECN_BIT } else { 0 };
        if let Some(stamps) = &mut answer.timestamps {
            stamps.value = stamp_with(stamps.value, bits);
        }
        self.replies.push_back(Reply { host, tuple: path.tuple, header: transmit.header });
    }

    /// An ACK at a listener: if it acknowledges a cookie, the handshake is as if it had been kept. Says whether that was all; else it is
    /// to be reset.
    pub(crate) fn take_syn_cookie(
        &mut self,
        now: Instant,
        listener: u32,
        tuple: Tuple,
        ack: &Segment<'_>,
    ) -> bool {
        let Some(socket) = self.sockets.get(listener as usize) else { return false };
        let here = &mut self.hosts[socket.host.0 as usize];
        let (irs, iss) = (ack.header.seq - 1, ack.header.ack - 1);
        let is_off = here.settings.syn_cookies == 0 || ack.header.flags.contains(Flags::SYN);
        let mss = here.syn_cookies.read(now, iss, &tuple, irs).filter(|_| !is_off);
        let (Some(mss), Some(via)) = (mss, here.routes.via(tuple.remote.ip())) else { return false };
        let Phase::Listening(queues) = &socket.phase else { return false };
        if queues.is_accept_queue_full() {
            here.counters.accept_overflows += 1;
            return !here.settings.abort_on_overflow;
        }
        let path = Path { tuple, via };
        here.paths.forget_expired(now);
        let config = config(here, &self.wires, &socket.options, &path, iss);
        let header = remembered(ack.header, irs, mss);
        let syn = Segment { header: &header, text: Text::empty(), ecn: ack.ecn };
        let mut handshake = Handshake::passive(now, config, &syn);
        let progress = handshake.segment_arrives(now, ack);
        let Progress::Established { redeliver } = progress else { return false };
        here.counters.syn_cookies_taken += 1;
        let schedule = Schedule::default();
        let embryo = Embryo { host: socket.host, listener, path, handshake, schedule };
        let index = self.embryos.insert(embryo) as u32;
        self.hosts[socket.host.0 as usize].demux.insert(tuple, Owner::Embryo(index));
        self.complete_passive(now, index, ack, Completion::Acknowledged { redeliver });
        true
    }

    /// Answers a SYN as the listener can. Says whether that was all.
    pub(crate) fn is_syn_settled(
        &mut self,
        now: Instant,
        host: HostId,
        (listener, path): (u32, Path),
        opening: &Opening<'_>,
    ) -> bool {
        let Some(socket) = self.sockets.get(listener as usize) else { return true };
        let Phase::Listening(queues) = &socket.phase else { return true };
        let here = &mut self.hosts[host.0 as usize];
        let waiting = queues.syn_queue.len();
        match here.settings.answer_to_syn(waiting, queues.is_syn_queue_full()) {
            Answer::Embryo => false,
            Answer::Nothing => {
                here.counters.syns_discarded += 1;
                true
            }
            // A number that must be after another is no cookie.
            Answer::Cookie if opening.last.is_some() => queues.is_syn_queue_full(),
            Answer::Cookie => {
                self.send_syn_cookie(now, listener, path, opening.segment);
                true
            }
        }
    }
}

/// The SYN, without the options that need a timestamp to be kept in.
fn without_memory(syn: &TcpHeader) -> TcpHeader {
    let mut header = syn.clone();
    header.options.fast_open = None;
    if header.options.timestamps.is_none() {
        header.options.window_scale = None;
        header.options.sack_permitted = false;
        header.flags -= Flags::ECE | Flags::CWR;
    }
    header
}

/// The SYN as the ACK lets it be remembered.
fn remembered(ack: &TcpHeader, irs: SeqNum, mss: u16) -> TcpHeader {
    let echo = ack.options.timestamps.map(|stamps| stamps.echo);
    let scale = echo.map_or(NO_SCALE, |echo| (echo & SCALE_BITS) as u8);
    let has = |bit| echo.is_some_and(|echo| echo & bit != 0);
    let flags = if has(ECN_BIT) { Flags::SYN | Flags::ECE | Flags::CWR } else { Flags::SYN };
    TcpHeader {
        src_port: ack.src_port,
        dst_port: ack.dst_port,
        seq: irs,
        flags,
        window: ack.window,
        options: Options {
            mss: Some(mss),
            window_scale: (scale != NO_SCALE).then_some(scale),
            sack_permitted: has(SACK_BIT),
            timestamps: ack.options.timestamps,
            ..Options::default()
        },
        ..TcpHeader::default()
    }
}

/// A timestamp that is not later than `value`, and ends in `bits`.
const fn stamp_with(value: u32, bits: u32) -> u32 {
    let stamp = (value & !STAMP_BITS) | bits;
    if stamp & STAMP_BITS > value & STAMP_BITS { stamp.wrapping_sub(STAMP_BITS + 1) } else { stamp }
}

#[cfg(test)]
mod tests;
