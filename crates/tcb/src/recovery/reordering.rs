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

    /// Whether the network reorders more than was expected of it. As Linux: cwnd then grows by what arrives, in whatever order, for
    /// else one late segment would hold growth back, and the rest would come at once.
    pub(super) const fn is_raised(&self) -> bool {
        self.degree > self.initial
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
