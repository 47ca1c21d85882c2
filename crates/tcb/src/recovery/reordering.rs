//! How far the network is known to reorder (RFC 4653's degree, as Linux adapts it).

/// The degree of reordering, in segments: the duplicate threshold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reordering {
    degree: u32,
    initial: u32,
    max: u32,
    seen: u32,
}

impl Reordering {
    pub(super) const fn new(initial: u32, max: u32) -> Self {
        Self { degree: initial, initial, max, seen: 0 }
    }

    pub(crate) const fn degree(&self) -> u32 {
        self.degree
    }

    /// Times it was seen.
    pub(crate) const fn seen(&self) -> u32 {
        self.seen
    }

    /// A segment overtook others by `bytes`.
    pub(super) fn on_overtaken(&mut self, bytes: u32, mss: u32) {
        let segments = bytes.div_ceil(mss);
        if segments > self.degree {
            self.degree = segments.min(self.max);
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// More duplicate ACKs came than segments can have been lost.
    pub(super) fn on_duplicates(&mut self, segments: u32) {
        self.degree = segments.min(self.max);
        self.seen = self.seen.saturating_add(1);
    }

    /// A time-out although many segments arrived: the degree was overestimated.
    pub(super) fn on_timeout(&mut self, sacked: u32) {
        if sacked >= self.initial {
            self.degree = self.degree.min(self.initial);
        }
    }
}
