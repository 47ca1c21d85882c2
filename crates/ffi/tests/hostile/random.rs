//! Numbers that a seed gives again.

/// Knuth's linear congruential generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1))
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len() as u64) as usize]
    }

    /// A value that is likely to hurt where `old` is.
    pub fn nasty(&mut self, old: u64) -> u64 {
        let near = self.one_of(&[1, 2, 4095, 4096, 65_536, u64::from(u32::MAX), 1 << 32]);
        match self.below(5) {
            0 => self.one_of(&[0, 1, 2, 3, u64::from(u32::MAX), 1 << 31, i64::MAX as u64, u64::MAX]),
            1 => old.wrapping_add(near),
            2 => old.wrapping_sub(near),
            3 => old ^ 1 << self.below(64),
            _ => self.below(1 << 31) << self.below(33),
        }
    }
}
