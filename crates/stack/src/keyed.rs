//! Hash tables whose order no peer can foresee.

use rand::RngCore;
use siphasher::sip::{SipHasher13, SipHasher24};
use std::hash::{BuildHasher, Hash, Hasher};

/// Makes SipHash-1-3 hashers of one secret key: who sends packets cannot choose addresses that collide.
#[derive(Clone, Debug)]
pub(crate) struct Keyed(u64, u64);

impl Keyed {
    pub(crate) fn new(rng: &mut impl RngCore) -> Self {
        Self(rng.next_u64(), rng.next_u64())
    }

    /// A number that nobody without the key can predict: SipHash-2-4 of `value`.
    pub(crate) fn secret_of(&self, value: &impl Hash) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.0, self.1);
        value.hash(&mut hasher);
        hasher.finish()
    }
}

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}
