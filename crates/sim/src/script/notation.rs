//! How segments are written.

use sockeye_wire::SeqNum;
use sockeye_wire::{Flags, Options, SackBlock, TcpHeader, Timestamps};
use std::fmt::Write;
use std::str::{FromStr, SplitWhitespace};

const LETTERS: [(char, Flags); 8] = [
    ('S', Flags::SYN),
    ('F', Flags::FIN),
    ('R', Flags::RST),
    ('P', Flags::PSH),
    ('A', Flags::ACK),
    ('U', Flags::URG),
    ('E', Flags::ECE),
    ('C', Flags::CWR),
];
/// The peer's window field where a line says none.
const WINDOW: u16 = 20_000;
/// Flags that are compared only if a line has one of them.
const OPTIONAL: Flags = Flags::PSH.union(Flags::ECE).union(Flags::CWR);

/// The byte at a place of a stream: sequence number 1 is place 0.
#[must_use]
pub const fn byte_at(place: u32) -> u8 {
    (place % 251) as u8
}

/// A segment as a line of a script has it. Numbers count from the sender's SYN; `None` is what the line does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notation {
    /// The control bits.
    pub flags: Flags,
    /// SEG.SEQ.
    pub seq: u32,
    /// Bytes of text.
    pub len: u32,
    /// SEG.ACK.
    pub ack: Option<u32>,
    /// The window field; the peer's is 20,000 if the line says nothing.
    pub window: Option<u16>,
    /// The urgent pointer.
    pub urgent: Option<u16>,
    /// By how much the text's bytes are others than the stream's.
    pub shift: u32,
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// The window scale's shift.
    pub scale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// TSval and TSecr.
    pub timestamps: Option<(u32, u32)>,
    /// Edges of SACK blocks.
    pub sack: Vec<(u32, u32)>,
}

fn flags_of(word: &str) -> Result<Flags, String> {
    if word == "-" {
        return Ok(Flags::empty());
    }
    word.chars().try_fold(Flags::empty(), |flags, letter| {
        let known = LETTERS.iter().find(|(known, _)| *known == letter);
        known.map(|(_, flag)| flags | *flag).ok_or_else(|| format!("{word}: {letter} is no flag"))
    })
}

/// The next word as a number; sequence numbers before the SYN are negative.
fn number<T: TryFrom<i64>>(words: &mut SplitWhitespace<'_>, what: &str) -> Result<T, String> {
    let word = words.next().ok_or_else(|| format!("{what} needs a number"))?;
    let number = i64::from_str(word).map_err(|_| format!("{word} is no number"))?;
    T::try_from(number).map_err(|_| format!("{word} is too large for {what}"))
}

fn place(words: &mut SplitWhitespace<'_>, what: &str) -> Result<u32, String> {
    number::<i64>(words, what).map(|number| number as u32)
}

impl FromStr for Notation {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let flags = flags_of(words.next().ok_or("a segment needs flags")?)?;
        let mut this = Self { flags, seq: place(&mut words, "the sequence number")?, ..Self::default() };
        while let Some(word) = words.next() {
            match word {
                "len" => this.len = number(&mut words, word)?,
                "ack" => this.ack = Some(place(&mut words, word)?),
                "win" => this.window = Some(number(&mut words, word)?),
                "urg" => this.urgent = Some(number(&mut words, word)?),
                "from" => this.shift = number(&mut words, word)?,
                "mss" => this.mss = Some(number(&mut words, word)?),
                "scale" => this.scale = Some(number(&mut words, word)?),
                "sackok" => this.sack_permitted = true,
                "ts" => this.timestamps = Some((place(&mut words, word)?, place(&mut words, word)?)),
                "sack" => this.sack.push(block(words.next().unwrap_or_default())?),
                _ => return Err(format!("{word} is nothing that a segment has")),
            }
        }
        Ok(this)
    }
}

fn block(word: &str) -> Result<(u32, u32), String> {
    let edges =
        word.split_once('-').and_then(|(left, right)| Some((left.parse().ok()?, right.parse().ok()?)));
    edges.ok_or_else(|| format!("{word} is no SACK block: sack 11-21"))
}

impl Notation {
    /// The header that the peer sends, from port 4000 to port 80.
    #[must_use]
    pub fn header(&self, irs: SeqNum, iss: SeqNum) -> TcpHeader {
        let blocks =
            self.sack.iter().map(|(left, right)| SackBlock { left: iss + *left, right: iss + *right });
        TcpHeader {
            src_port: 4000,
            dst_port: 80,
            seq: irs + self.seq,
            ack: self.ack.map_or(SeqNum(0), |ack| iss + ack),
            flags: self.flags,
            window: self.window.unwrap_or(WINDOW),
            urgent: self.urgent.unwrap_or_default(),
            options: Options {
                mss: self.mss,
                window_scale: self.scale,
                sack_permitted: self.sack_permitted,
                timestamps: self.timestamps.map(|(value, echo)| Timestamps { value, echo }),
                sack: blocks.take(4).collect(),
                fast_open: None,
            },
        }
    }

    /// Its text: bytes of the stream, by their place.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        // The SYN takes up the number before the text.
        let start = if self.flags.contains(Flags::SYN) { self.seq } else { self.seq.wrapping_sub(1) };
        (0..self.len).map(|at| byte_at(start.wrapping_add(at).wrapping_add(self.shift))).collect()
    }

    /// What a segment says that was sent.
    #[must_use]
    pub fn of(header: &TcpHeader, len: usize, iss: SeqNum, irs: SeqNum) -> Self {
        let options = &header.options;
        let blocks = options.sack.iter().map(|block| (block.left.since(irs), block.right.since(irs)));
        Self {
            flags: header.flags,
            seq: header.seq.since(iss),
            len: len as u32,
            ack: header.flags.contains(Flags::ACK).then(|| header.ack.since(irs)),
            window: Some(header.window),
            urgent: header.flags.contains(Flags::URG).then_some(header.urgent),
            shift: 0,
            mss: options.mss,
            scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: options.timestamps.map(|stamps| (stamps.value, stamps.echo)),
            sack: blocks.collect(),
        }
    }

    /// Whether `sent` is what this line expects.
    #[must_use]
    pub fn is_met_by(&self, sent: &Self) -> bool {
        let compared = if self.flags.intersects(OPTIONAL) { Flags::all() } else { Flags::all() - OPTIONAL };
        (sent.flags & compared) == self.flags
            && (sent.seq, sent.len) == (self.seq, self.len)
            && is_met(&self.ack, &sent.ack)
            && is_met(&self.window, &sent.window)
            && is_met(&self.urgent, &sent.urgent)
            && is_met(&self.mss, &sent.mss)
            && is_met(&self.scale, &sent.scale)
            && is_met(&self.timestamps, &sent.timestamps)
            && (!self.sack_permitted || sent.sack_permitted)
            && (self.sack.is_empty() || self.sack == sent.sack)
    }
}

fn is_met<T: PartialEq>(expected: &Option<T>, sent: &Option<T>) -> bool {
    expected.is_none() || expected == sent
}

impl std::fmt::Display for Notation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = LETTERS.iter().filter(|(_, flag)| self.flags.contains(*flag));
        let flags: String = set.map(|(letter, _)| letter).collect();
        formatter.write_str(if flags.is_empty() { "-" } else { &flags })?;
        write!(formatter, " {}", self.seq as i32)?;
        let mut rest = String::new();
        if self.len > 0 {
            write!(rest, " len {}", self.len)?;
        }
        if let Some(ack) = self.ack {
            write!(rest, " ack {}", ack as i32)?;
        }
        for (word, value) in [
            ("win", self.window.map(u32::from)),
            ("urg", self.urgent.map(u32::from)),
            ("mss", self.mss.map(u32::from)),
            ("scale", self.scale.map(u32::from)),
        ] {
            if let Some(value) = value {
                write!(rest, " {word} {value}")?;
            }
        }
        if self.sack_permitted {
            rest.push_str(" sackok");
        }
        if let Some((value, echo)) = self.timestamps {
            write!(rest, " ts {value} {echo}")?;
        }
        for (left, right) in &self.sack {
            write!(rest, " sack {left}-{right}")?;
        }
        formatter.write_str(&rest)
    }
}

#[cfg(test)]
mod tests;
