//! Two connections joined by an imperfect network, in virtual time.

use core::time::Duration;
use sockeye_buffer::{RecvQReader, SendQWriter, Slot, Text};
use sockeye_clock::Instant;
use sockeye_wire::{Flags, SeqNum, TcpHeader};
use std::boxed::Box;
use std::vec::Vec;

use super::fixture::byte_at;
use crate::{Config, Event, Handshake, Progress, Segment, State, Tcb, TimeWait, TimeWaitVerdict};

/// xorshift64*.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What the network does to segments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) delay: Duration,
    pub(crate) loss: u64,
    pub(crate) reorder: u64,
    pub(crate) duplicate: u64,
}

pub(crate) const PERFECT: Network =
    Network { delay: Duration::from_millis(5), loss: 0, reorder: 0, duplicate: 0 };

#[derive(Debug)]
enum Age {
    Listen(Box<Config>),
    Handshake(Box<Handshake>),
    Tcb(Box<Tcb>),
    TimeWait(TimeWait),
    Gone,
}

/// One end, with its program.
#[derive(Debug)]
pub(crate) struct End {
    age: Age,
    writer: SendQWriter,
    reader: RecvQReader,
    rings: Option<(sockeye_buffer::SendQ, sockeye_buffer::RecvQ)>,
    pub(crate) events: Vec<Event>,
    pub(crate) written: usize,
    pub(crate) read: usize,
    /// The most bytes RecvQ ever held.
    pub(crate) most_held: usize,
    /// Segments sent: header, length of text.
    pub(crate) sent: Vec<(Instant, TcpHeader, usize)>,
}

#[derive(Debug)]
struct InFlight {
    at: Instant,
    order: u64,
    to: usize,
    header: TcpHeader,
    text: Vec<u8>,
}

/// Both ends, the network, and the time.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) ends: [End; 2],
    pub(crate) network: Network,
    random: Random,
    in_flight: Vec<InFlight>,
    order: u64,
}

/// How the two open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    ActivePassive,
    Simultaneous,
}

impl Pair {
    pub(crate) fn new(configs: [Config; 2], network: Network, seed: u64) -> Self {
        Self::open(configs, network, seed, Open::ActivePassive)
    }

    pub(crate) fn open(configs: [Config; 2], network: Network, seed: u64, open: Open) -> Self {
        let now = Instant::from_millis(10);
        let ends = configs.map(End::new);
        let mut this =
            Self { now, ends, network, random: Random::new(seed), in_flight: Vec::new(), order: 0 };
        this.ends[0].connect(now);
        if open == Open::Simultaneous {
            this.ends[1].connect(now);
        }
        this.flush();
        this
    }

    /// Drains what is owed, both ways. Nothing arrives in no time, so this ends.
    pub(crate) fn flush(&mut self) {
        for from in 0..2 {
            while let Some((header, text)) = self.ends[from].poll_transmit(self.now) {
                self.transmit(1 - from, header, text);
            }
            self.ends[from].drain_events(self.now);
        }
    }

    fn transmit(&mut self, to: usize, header: TcpHeader, text: Vec<u8>) {
        let copies = if self.random.happens(self.network.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            if self.random.happens(self.network.loss) {
                continue;
            }
            let late = if self.random.happens(self.network.reorder) { 4 } else { 1 };
            self.order += 1;
            self.in_flight.push(InFlight {
                at: self.now + self.network.delay * late,
                order: self.order,
                to,
                header: header.clone(),
                text: text.clone(),
            });
        }
    }

    /// The next thing happens. False if nothing ever will.
    pub(crate) fn step(&mut self) -> bool {
        let arrival = self.in_flight.iter().map(|segment| segment.at).min();
        let timers = self.ends.iter().filter_map(End::poll_timeout);
        let Some(next) = timers.chain(arrival).min() else { return false };
        self.now = self.now.max(next);
        while let Some(index) = self.next_arrival() {
            let segment = self.in_flight.swap_remove(index);
            self.ends[segment.to].arrives(self.now, &segment.header, &segment.text);
            self.flush();
        }
        for end in &mut self.ends {
            end.timeout(self.now);
        }
        self.flush();
        true
    }

    fn next_arrival(&self) -> Option<usize> {
        let due = self.in_flight.iter().enumerate().filter(|(_, segment)| segment.at <= self.now);
        due.min_by_key(|(_, segment)| (segment.at, segment.order)).map(|(index, _)| index)
    }

    /// Steps until `done`, or for `limit` of virtual time. Returns whether it got done.
    pub(crate) fn run(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            self.flush();
            if self.now > end || !self.step() {
                self.flush();
                return done(self);
            }
        }
    }

    /// Until both are established.
    pub(crate) fn connected(mut self) -> Self {
        let is_done = self.run(Duration::from_secs(120), |pair| {
            pair.ends.iter().all(|end| end.state() == State::Established)
        });
        assert!(is_done, "not connected: {:?}", self.ends.each_ref().map(End::state));
        self
    }

    pub(crate) fn states(&self) -> [State; 2] {
        self.ends.each_ref().map(End::state)
    }
}

impl End {
    fn new(config: Config) -> Self {
        let slot = Slot::on_heap(1 << 20, 1 << 20);
        let rings = Some(slot.open(config.send_buffer, config.recv_buffer));
        let (writer, reader) = (slot.writer(), slot.reader());
        Self {
            age: Age::Listen(Box::new(config)),
            writer,
            reader,
            rings,
            events: Vec::new(),
            written: 0,
            read: 0,
            most_held: 0,
            sent: Vec::new(),
        }
    }

    fn connect(&mut self, now: Instant) {
        let Age::Listen(config) = &self.age else { panic!("already open") };
        self.age = Age::Handshake(Box::new(Handshake::active(now, Config::clone(config))));
    }

    pub(crate) fn state(&self) -> State {
        match &self.age {
            Age::Listen(_) => State::Listen,
            Age::Handshake(handshake) => handshake.state(),
            Age::Tcb(tcb) => tcb.state(),
            Age::TimeWait(_) => State::TimeWait,
            Age::Gone => State::Closed,
        }
    }

    pub(crate) fn tcb(&mut self) -> &mut Tcb {
        let Age::Tcb(tcb) = &mut self.age else { panic!("no TCB") };
        tcb
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.age {
            Age::Handshake(handshake) => handshake.poll_timeout(),
            Age::Tcb(tcb) => tcb.poll_timeout(),
            Age::TimeWait(time_wait) => Some(time_wait.expires()),
            Age::Listen(_) | Age::Gone => None,
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<(TcpHeader, Vec<u8>)> {
        let (transmit, text) = match &mut self.age {
            Age::Handshake(handshake) => (handshake.poll_transmit(now)?, Vec::new()),
            Age::Tcb(tcb) => {
                let transmit = tcb.poll_transmit(now);
                tcb.assert_invariants();
                let transmit = transmit?;
                let mut text = std::vec![0; transmit.text_len];
                assert_eq!(tcb.text(&transmit).copy_to(&mut text), transmit.text_len);
                (transmit, text)
            }
            Age::Listen(_) | Age::TimeWait(_) | Age::Gone => return None,
        };
        self.sent.push((now, transmit.header.clone(), text.len()));
        Some((transmit.header, text))
    }

    fn drain_events(&mut self, now: Instant) {
        while let Age::Tcb(tcb) = &mut self.age {
            let Some(event) = tcb.poll_event() else { break };
            self.events.push(event);
            match event {
                Event::TimeWait => {
                    let Age::Tcb(tcb) = core::mem::replace(&mut self.age, Age::Gone) else { unreachable!() };
                    self.age = Age::TimeWait(tcb.into_time_wait(now));
                }
                Event::Closed | Event::Aborted(_) => self.age = Age::Gone,
                Event::Established
                | Event::Readable
                | Event::Writable
                | Event::PeerClosed
                | Event::Urgent
                | Event::Drained => {}
            }
        }
    }

    fn arrives(&mut self, now: Instant, header: &TcpHeader, text: &[u8]) {
        let segment = Segment::new(header, Text::from(text));
        match &mut self.age {
            Age::Listen(config) => {
                if header.flags == Flags::SYN {
                    self.age =
                        Age::Handshake(Box::new(Handshake::passive(now, Config::clone(config), &segment)));
                }
            }
            Age::Handshake(handshake) => {
                let progress = handshake.segment_arrives(now, &segment);
                self.progress(now, progress, &segment);
            }
            Age::Tcb(tcb) => {
                tcb.segment_arrives(now, &segment);
                tcb.assert_invariants();
                self.most_held = self.most_held.max(self.reader.len());
            }
            Age::TimeWait(time_wait) => {
                let verdict = time_wait.segment_arrives(now, &segment);
                if let TimeWaitVerdict::Reply(header) = verdict {
                    self.sent.push((now, header, 0));
                }
            }
            Age::Gone => {}
        }
    }

    fn progress(&mut self, now: Instant, progress: Progress, segment: &Segment<'_>) {
        match progress {
            Progress::Waiting => {}
            Progress::Established { redeliver } => {
                let Age::Handshake(handshake) = core::mem::replace(&mut self.age, Age::Gone) else {
                    unreachable!()
                };
                let (sendq, recvq) = self.rings.take().expect("one connection a slot");
                let mut tcb = handshake.into_tcb(now, sendq, recvq);
                if redeliver {
                    tcb.segment_arrives(now, segment);
                }
                self.age = Age::Tcb(Box::new(tcb));
            }
            Progress::BackToListen | Progress::Failed(_) => self.age = Age::Gone,
        }
    }

    fn timeout(&mut self, now: Instant) {
        match &mut self.age {
            Age::Handshake(handshake) => {
                if matches!(handshake.timeout(now), Progress::Failed(_) | Progress::BackToListen) {
                    self.age = Age::Gone;
                }
            }
            Age::Tcb(tcb) => {
                tcb.timeout(now);
                tcb.assert_invariants();
            }
            Age::TimeWait(time_wait) if time_wait.expires() <= now => self.age = Age::Gone,
            Age::TimeWait(_) | Age::Listen(_) | Age::Gone => {}
        }
    }

    /// The program writes as much of its stream, up to `total` in all, as fits. Returns whether all is written.
    pub(crate) fn write_up_to(&mut self, now: Instant, total: usize) -> bool {
        let bytes: Vec<u8> = (self.written..total).take(self.writer.free()).map(byte_at).collect();
        let written = self.writer.write(&bytes);
        self.written += written;
        if let Age::Tcb(tcb) = &mut self.age
            && written > 0
        {
            tcb.send(now);
        }
        self.written == total
    }

    /// The program reads up to `limit` bytes, checks them, and rings if asked to.
    pub(crate) fn read_up_to(&mut self, now: Instant, limit: usize) -> usize {
        let mut bytes = std::vec![0; limit];
        let len = self.reader.peek(0, &mut bytes);
        for (index, byte) in bytes[..len].iter().enumerate() {
            assert_eq!(*byte, byte_at(self.read + index), "byte {} of the stream", self.read + index);
        }
        self.read += len;
        if self.reader.consume(len)
            && let Age::Tcb(tcb) = &mut self.age
        {
            tcb.receive(now);
        }
        len
    }

    pub(crate) fn recv_queue(&self) -> usize {
        self.reader.len()
    }

    pub(crate) fn close(&mut self, now: Instant) {
        if let Age::Tcb(tcb) = &mut self.age {
            tcb.close(now);
        }
    }

    /// Segments with text that were sent more than once.
    pub(crate) fn retransmissions(&self) -> usize {
        let mut seen: Vec<SeqNum> = Vec::new();
        let mut count = 0;
        for (_, header, len) in &self.sent {
            if *len == 0 {
                continue;
            }
            if seen.contains(&header.seq) {
                count += 1;
            }
            seen.push(header.seq);
        }
        count
    }
}
