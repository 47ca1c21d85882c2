//! One connection under the eye of a test, which plays the peer. Numbers are relative: 0 is each side's SYN.

use core::time::Duration;
use sockeye_buffer::{RecvQReader, SendQWriter, Slot, Text};
use sockeye_clock::Instant;
use sockeye_wire::{Ecn, Flags, Options, SeqNum, TcpHeader, Timestamps};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::{
    Config, CongestionConfig, CongestionControl, Event, Handshake, Progress, Segment, State, Tcb, Transmit,
};

pub(crate) const ISS: SeqNum = SeqNum(0xffff_fff0);
pub(crate) const IRS: SeqNum = SeqNum(5000);
/// Text of a full segment in these tests.
pub(crate) const MSS: usize = 1000;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Round numbers, and no options but the MSS.
pub(crate) fn config() -> Config {
    Config {
        recv_mss: MSS as u16,
        send_mss_limit: MSS as u16,
        window_scaling: false,
        timestamps: false,
        sack: false,
        recv_buffer: 10_000,
        send_buffer: 100_000,
        // What the tests count is RFC 5681's.
        congestion: CongestionConfig { control: CongestionControl::Reno, ..CongestionConfig::new() },
        ..Config::new(80, 4000, ISS)
    }
}

/// A segment that the test sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Build {
    header: TcpHeader,
    text: Vec<u8>,
    ecn: Ecn,
}

fn build(seq: u32, flags: Flags) -> Build {
    let header = TcpHeader {
        src_port: 4000,
        dst_port: 80,
        seq: IRS + seq,
        flags,
        window: 20_000,
        ..Default::default()
    };
    Build { header, text: Vec::new(), ecn: Ecn::NotEct }
}

/// `<SEQ=seq><ACK=ack><CTL=ACK>`.
pub(crate) fn ack(seq: u32, ack: u32) -> Build {
    build(seq, Flags::ACK).acking(ack)
}

/// `<SEQ=0><CTL=SYN>`.
pub(crate) fn syn() -> Build {
    build(0, Flags::SYN).mss(MSS as u16)
}

/// `<SEQ=seq><CTL=RST>`.
pub(crate) fn rst(seq: u32) -> Build {
    build(seq, Flags::RST)
}

impl Build {
    pub(crate) fn acking(mut self, ack: u32) -> Self {
        self.header.ack = ISS + ack;
        self.flag(Flags::ACK)
    }

    pub(crate) fn flag(mut self, flag: Flags) -> Self {
        self.header.flags |= flag;
        self
    }

    pub(crate) fn no_ack(mut self) -> Self {
        self.header.flags -= Flags::ACK;
        self
    }

    pub(crate) fn fin(self) -> Self {
        self.flag(Flags::FIN)
    }

    pub(crate) fn window(mut self, window: u16) -> Self {
        self.header.window = window;
        self
    }

    pub(crate) fn text(mut self, len: usize) -> Self {
        let seq = self.header.seq.since(IRS) as usize;
        self.text = (seq..seq + len).map(byte_at).collect();
        self
    }

    /// Text of a SYN: it begins after the SYN.
    pub(crate) fn syn_text(mut self, len: usize) -> Self {
        self.text = (1..=len).map(byte_at).collect();
        self
    }

    /// `len` bytes, all the same.
    pub(crate) fn text_of(mut self, byte: u8, len: usize) -> Self {
        self.text = std::vec![byte; len];
        self
    }

    /// Puts the bytes elsewhere.
    pub(crate) fn move_to(&mut self, seq: u32) {
        self.header.seq = IRS + seq;
    }

    pub(crate) fn mss(mut self, mss: u16) -> Self {
        self.header.options.mss = Some(mss);
        self
    }

    pub(crate) fn options(mut self, options: Options) -> Self {
        self.header.options = options;
        self
    }

    pub(crate) fn stamps(mut self, value: u32, echo: u32) -> Self {
        self.header.options.timestamps = Some(Timestamps { value, echo });
        self
    }

    pub(crate) fn urgent(mut self, urgent: u16) -> Self {
        self.header.urgent = urgent;
        self.flag(Flags::URG)
    }

    pub(crate) fn codepoint(mut self, ecn: Ecn) -> Self {
        self.ecn = ecn;
        self
    }

    pub(crate) fn segment(&self) -> Segment<'_> {
        Segment { ecn: self.ecn, ..Segment::new(&self.header, Text::from(self.text.as_slice())) }
    }
}

/// The byte at a place of every test's stream.
pub(crate) fn byte_at(place: usize) -> u8 {
    (place % 251) as u8
}

/// A segment sent, as packetdrill writes it: flags, first:last(length), ack, win.
pub(crate) fn show(transmit: &Transmit) -> String {
    show_header(&transmit.header, transmit.text_len)
}

pub(crate) fn show_header(header: &TcpHeader, len: usize) -> String {
    let mut flags = String::new();
    for (flag, letter) in
        [(Flags::SYN, 'S'), (Flags::FIN, 'F'), (Flags::RST, 'R'), (Flags::PSH, 'P'), (Flags::ACK, '.')]
    {
        if header.flags.contains(flag) {
            flags.push(letter);
        }
    }
    let seq = header.seq.since(ISS) as i32;
    let mut shown = format!("{flags} {seq}:{}({len})", seq + len as i32);
    if header.flags.contains(Flags::ACK) {
        shown += &format!(" ack {}", header.ack.since(IRS));
    }
    if !header.flags.contains(Flags::RST) {
        shown += &format!(" win {}", header.window);
    }
    shown
}

/// A connection, its program, and the clock.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) tcb: Tcb,
    pub(crate) writer: SendQWriter,
    pub(crate) reader: RecvQReader,
    pub(crate) now: Instant,
    written: usize,
    read: usize,
}

impl Fixture {
    /// Established by a passive OPEN; the peer's window is 20,000 and its MSS 1000.
    pub(crate) fn established() -> Self {
        Self::with(config(), &syn(), &ack(1, 1))
    }

    /// Established by a passive OPEN with this configuration, SYN and ACK.
    pub(crate) fn with(config: Config, syn: &Build, ack: &Build) -> Self {
        Self::on(&Slot::on_heap(1 << 20, 1 << 20), config, syn, ack)
    }

    /// As [`with`](Self::with), with room for a RecvQ of a gibibyte.
    pub(crate) fn with_room(config: Config, syn: &Build, ack: &Build) -> Self {
        Self::on(&Slot::on_heap(1 << 20, 1 << 30), config, syn, ack)
    }

    pub(super) fn on(slot: &Slot, config: Config, syn: &Build, ack: &Build) -> Self {
        let now = Instant::from_millis(1_000);
        let (sendq, recvq) = slot.open(config.send_buffer, config.recv_buffer);
        let mut handshake = Handshake::passive(now, config, &syn.segment());
        assert!(handshake.poll_transmit(now).is_some());
        let progress = handshake.segment_arrives(now, &ack.segment());
        assert_eq!(progress, Progress::Established { redeliver: true });
        let mut tcb = handshake.into_tcb(now, sendq, recvq);
        tcb.segment_arrives(now, &ack.segment());
        let (writer, reader) = (slot.writer(), slot.reader());
        let mut this = Self { tcb, writer, reader, now, written: 0, read: 0 };
        assert_eq!(this.sent(), [""; 0]);
        this
    }

    /// Moved to `state` by calls and segments. Our FIN, if sent, is 1; so is the peer's.
    pub(crate) fn in_state(state: State) -> Self {
        let mut this = Self::established();
        let closes: &[Build] = match state {
            State::Established => return this,
            State::FinWait1 => &[],
            State::FinWait2 => &[ack(1, 2)],
            State::Closing => &[ack(1, 1).fin()],
            State::TimeWait => &[ack(1, 2).fin()],
            State::CloseWait | State::LastAck => {
                this.arrives(&ack(1, 1).fin());
                if state == State::LastAck {
                    this.tcb.close(this.now);
                }
                this.settle(state);
                return this;
            }
            State::Closed | State::Listen | State::SynSent | State::SynReceived => {
                panic!("not a state of a TCB")
            }
        };
        this.tcb.close(this.now);
        this.sent();
        for segment in closes {
            this.arrives(segment);
        }
        this.settle(state);
        this
    }

    fn settle(&mut self, state: State) {
        self.sent();
        self.events();
        assert_eq!(self.tcb.state(), state);
    }

    /// The first segments of a flow are acknowledged at once; lets that pass. Returns the peer's next sequence number.
    pub(crate) fn spend_quick_acks(&mut self) -> u32 {
        self.spend_quick_acks_from(1)
    }

    /// The same when our text up to `ack_number` has been acknowledged.
    pub(crate) fn spend_quick_acks_from(&mut self, ack_number: u32) -> u32 {
        for seq in 1..=16 {
            self.arrives(&ack(seq, ack_number).text(1));
            self.sent();
        }
        self.tcb.acks.owe_now();
        assert_eq!(self.sent().len(), 1);
        self.read(16);
        self.sent();
        self.events();
        17
    }

    /// Full segments come and are read until no more can be offered. Returns the window field, and moves `seq` to what comes next.
    pub(crate) fn widen(&mut self, seq: &mut u32) -> u16 {
        let mut window = 0;
        for _ in 0..600 {
            self.arrives(&ack(*seq, 1).text(1000));
            *seq += 1000;
            self.read(1000);
            window = self.transmits().last().map_or(window, |sent| sent.header.window);
        }
        window
    }

    pub(crate) fn arrives(&mut self, segment: &Build) {
        self.tcb.segment_arrives(self.now, &segment.segment());
        self.tcb.assert_invariants();
    }

    /// All that is owed now.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        self.transmits().iter().map(show).collect()
    }

    pub(crate) fn transmits(&mut self) -> Vec<Transmit> {
        let mut transmits = Vec::new();
        while let Some(transmit) = self.tcb.poll_transmit(self.now) {
            self.tcb.assert_invariants();
            transmits.push(transmit);
            assert!(transmits.len() < 10_000, "the flush ends");
        }
        transmits
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.tcb.poll_event()).collect()
    }

    /// The program writes `len` bytes and rings.
    pub(crate) fn write(&mut self, len: usize) {
        let bytes: Vec<u8> = (self.written..self.written + len).map(byte_at).collect();
        assert_eq!(self.writer.write(&bytes), len);
        self.written += len;
        self.tcb.send(self.now);
        self.tcb.assert_invariants();
    }

    /// The program reads `len` bytes, which must be right, and rings if asked to. Returns whether it rang.
    pub(crate) fn read(&mut self, len: usize) -> bool {
        let mut bytes = std::vec![0; len];
        assert_eq!(self.reader.peek(0, &mut bytes), len);
        let expected: Vec<u8> = (self.read + 1..self.read + 1 + len).map(byte_at).collect();
        assert_eq!(bytes, expected);
        self.read += len;
        let rings = self.reader.consume(len);
        if rings {
            self.tcb.receive(self.now);
        }
        rings
    }

    /// Time passes up to the next timer, which expires. Returns how long it was.
    pub(crate) fn next_timer(&mut self) -> Duration {
        let at = self.tcb.poll_timeout().expect("a timer runs");
        let waited = at.since(self.now);
        self.now = at.max(self.now);
        self.tcb.timeout(self.now);
        self.tcb.assert_invariants();
        waited
    }

    /// Time passes, and what expires expires in order.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<String> {
        let end = self.now + time;
        let mut sent = Vec::new();
        while let Some(at) = self.tcb.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.tcb.timeout(self.now);
            sent.extend(self.sent());
        }
        self.now = end;
        sent
    }

    /// What is in the text of a transmit.
    pub(crate) fn text(&self, transmit: &Transmit) -> Vec<u8> {
        let mut bytes = std::vec![0; transmit.text_len];
        assert_eq!(self.tcb.text(transmit).copy_to(&mut bytes), transmit.text_len);
        bytes
    }
}

/// So that tables can be compared with literals.
pub(crate) fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}
