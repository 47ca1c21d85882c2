//! TCP options, laid out as Linux does.

use arrayvec::ArrayVec;

use crate::SeqNum;

/// Bytes of options that the longest header holds.
pub const MAX_OPTIONS_LEN: usize = 40;

/// Kinds (IANA, "TCP Option Kind Numbers"). MUST-4 (3.1): the first three at least. MUST-68: all but the first two have a length.
mod kind {
    pub const END: u8 = 0;
    pub const NOP: u8 = 1;
    pub const MSS: u8 = 2;
    pub const WINDOW_SCALE: u8 = 3;
    pub const SACK_PERMITTED: u8 = 4;
    pub const SACK: u8 = 5;
    pub const TIMESTAMPS: u8 = 8;
    pub const FAST_OPEN: u8 = 34;
    pub const EXPERIMENT: u8 = 254;
}

/// The experiment identifier of Fast Open in options of kind 254 (RFC 7413, section 4.1.1).
const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];

/// The options that are understood; others are skipped when parsed (MUST-6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size in bytes.
    pub mss: Option<u16>,
    /// Window scale shift as it stands on the wire (a value above 14 is used as 14, RFC 7323 section 2.3).
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack_permitted: bool,
    /// Timestamps (RFC 7323).
    pub timestamps: Option<Timestamps>,
    /// SACK blocks, newest first.
    pub sack: SackBlocks,
    /// Fast Open (RFC 7413).
    pub fast_open: Option<FastOpen>,
}

/// The Fast Open option (RFC 7413, section 4.1.1): a cookie, or a request for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FastOpen {
    /// 4 to 16 bytes, an even number; empty in a cookie request.
    pub cookie: ArrayVec<u8, 16>,
    /// In the option of kind 254 that experiments share, as before kind 34 was assigned (RFC 6994).
    pub is_experimental: bool,
}

impl FastOpen {
    /// Bytes of the option without padding.
    const fn len(&self) -> usize {
        let header = if self.is_experimental { 4 } else { 2 };
        header + self.cookie.len()
    }
}

/// Values of the timestamps option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's timestamp clock.
    pub value: u32,
    /// TSecr: the echo of the peer's; significant with ACK.
    pub echo: u32,
}

/// One block of received text: from `left`, up to but not including `right`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// First sequence number of the block.
    pub left: SeqNum,
    /// The sequence number after its last.
    pub right: SeqNum,
}

/// At most four blocks, as many as 40 bytes of options hold.
pub type SackBlocks = ArrayVec<SackBlock, 4>;

/// What of the options there is room for.
struct Layout {
    /// SACK blocks that are emitted.
    blocks: usize,
    /// Whether the Fast Open option is emitted.
    fast_open: bool,
    /// Bytes without padding.
    len: usize,
}

impl Options {
    /// Parses the bytes between the fixed header and the text. Options need not be aligned (MUST-64), and of
    /// an option that is repeated the last one counts.
    #[must_use]
    pub fn parse(mut bytes: &[u8]) -> Self {
        let mut options = Self::default();
        while let Some((&kind, rest)) = bytes.split_first() {
            match kind {
                kind::END => break,
                kind::NOP => bytes = rest,
                _ => {
                    // MUST-7 (3.1): a length below 2 or beyond the end ends the list, for there is no telling where the
                    // next option would begin.
                    let len = rest.first().map_or(0, |&len| usize::from(len));
                    let Some(value) = bytes.get(2..len) else { break };
                    options.set(kind, value);
                    bytes = &bytes[len..];
                }
            }
        }
        options
    }

    /// Takes one option. One of an unknown kind (MUST-6), or of a length that its kind does not have (MUST-7), is
    /// ignored.
    fn set(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (kind::MSS, &[high, low]) => self.mss = Some(u16::from_be_bytes([high, low])),
            (kind::WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift),
            (kind::SACK_PERMITTED, []) => self.sack_permitted = true,
            (kind::SACK, _) => self.set_sack(value),
            (kind::TIMESTAMPS, _) => {
                if let ([value, echo], []) = value.as_chunks::<4>() {
                    let (value, echo) = (u32::from_be_bytes(*value), u32::from_be_bytes(*echo));
                    self.timestamps = Some(Timestamps { value, echo });
                }
            }
            (kind::FAST_OPEN, cookie) => self.set_fast_open(cookie, false),
            (kind::EXPERIMENT, _) => {
                if let Some(cookie) = value.strip_prefix(&FAST_OPEN_EXPERIMENT) {
                    self.set_fast_open(cookie, true);
                }
            }
            _ => {}
        }
    }

    fn set_sack(&mut self, value: &[u8]) {
        let (edges, rest) = value.as_chunks::<4>();
        let (blocks, odd) = edges.as_chunks::<2>();
        if !rest.is_empty() || !odd.is_empty() || blocks.len() > self.sack.capacity() {
            return;
        }
        self.sack.clear();
        self.sack.extend(blocks.iter().map(|&[left, right]| SackBlock {
            left: SeqNum(u32::from_be_bytes(left)),
            right: SeqNum(u32::from_be_bytes(right)),
        }));
    }

    /// RFC 7413, section 4.1.1: a cookie has 4 to 16 bytes, an even number; with any other the option is ignored.
    fn set_fast_open(&mut self, cookie: &[u8], is_experimental: bool) {
        let valid = cookie.is_empty() || (cookie.len() >= 4 && cookie.len().is_multiple_of(2));
        if let (true, Ok(cookie)) = (valid, ArrayVec::try_from(cookie)) {
            self.fast_open = Some(FastOpen { cookie, is_experimental });
        }
    }

    /// Length in bytes with padding: a multiple of 4, at most 40.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout().len.next_multiple_of(4)
    }

    /// Whether there are no options.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// SACK blocks that an emitted header has room for: beside timestamps three, alone four, fewer in a SYN.
    fn layout(&self) -> Layout {
        let mut len = 0;
        if self.mss.is_some() {
            len += 4;
        }
        if self.timestamps.is_some() {
            len += 12;
        } else if self.sack_permitted {
            len += 4;
        }
        if self.window_scale.is_some() {
            len += 4;
        }
        let blocks = self.sack.len().min((MAX_OPTIONS_LEN - len - 4) / 8);
        if blocks > 0 {
            len += 4 + 8 * blocks;
        }
        let cookie = self.fast_open.as_ref().map(|option| option.len().next_multiple_of(4));
        let cookie = cookie.filter(|cookie| len + cookie <= MAX_OPTIONS_LEN);
        Layout { blocks, fast_open: cookie.is_some(), len: len + cookie.unwrap_or(0) }
    }

    /// Writes the options and their padding into the first [`len`](Self::len) bytes of `out`, in the order of Linux:
    /// MSS, SACK permitted, timestamps, window scale, SACK, Fast Open. SACK blocks and a cookie for which there
    /// is no room are left out. Panics if `out` is shorter.
    pub fn emit(&self, out: &mut [u8]) {
        let layout = self.layout();
        let mut out = Writer { rest: &mut out[..layout.len.next_multiple_of(4)] };
        if let Some(mss) = self.mss {
            out.put(&[kind::MSS, 4]);
            out.put(&mss.to_be_bytes());
        }
        // The two bytes that would align the timestamps are just what SACK permitted needs.
        match (self.sack_permitted, self.timestamps.is_some()) {
            (true, true) => out.put(&[kind::SACK_PERMITTED, 2]),
            (true, false) => out.put(&[kind::NOP, kind::NOP, kind::SACK_PERMITTED, 2]),
            (false, true) => out.put(&[kind::NOP, kind::NOP]),
            (false, false) => {}
        }
        if let Some(timestamps) = self.timestamps {
            out.put(&[kind::TIMESTAMPS, 10]);
            out.put(&timestamps.value.to_be_bytes());
            out.put(&timestamps.echo.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            out.put(&[kind::NOP, kind::WINDOW_SCALE, 3, shift]);
        }
        if layout.blocks > 0 {
            out.put(&[kind::NOP, kind::NOP, kind::SACK, (2 + 8 * layout.blocks) as u8]);
        }
        for block in &self.sack[..layout.blocks] {
            out.put(&block.left.0.to_be_bytes());
            out.put(&block.right.0.to_be_bytes());
        }
        if let (Some(option), true) = (&self.fast_open, layout.fast_open) {
            out.put_fast_open(option);
        }
        // MUST-69 (3.1): the padding is zeros, of which the first is the end of the list.
        out.rest.fill(kind::END);
    }
}

/// Bytes yet to be written.
struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let (head, rest) = core::mem::take(&mut self.rest).split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        self.rest = rest;
    }

    /// As Linux, what aligns it are options without effect, not padding: some middleboxes compare with what they have seen.
    fn put_fast_open(&mut self, option: &FastOpen) {
        let len = option.len();
        if option.is_experimental {
            self.put(&[kind::EXPERIMENT, len as u8]);
            self.put(&FAST_OPEN_EXPERIMENT);
        } else {
            self.put(&[kind::FAST_OPEN, len as u8]);
        }
        self.put(&option.cookie);
        self.put(&[kind::NOP; 3][..len.next_multiple_of(4) - len]);
    }
}

#[cfg(test)]
pub(super) mod tests;
