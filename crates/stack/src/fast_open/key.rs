//! Keys of cookies.

use crate::FastOpenKeys;
use rand::RngCore;
use siphasher::sip::SipHasher24;
use sockeye_wire::FastOpen;
use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;
use std::str::FromStr;
use thiserror::Error;

/// Bytes of one key.
const KEY_LEN: usize = 16;

/// What is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("four hexadecimal words joined by '-', or two such keys joined by ','")]
pub struct KeyError;

/// One key makes cookies; those of the one before it are still good (RFC 7413, section 4.1.2).
impl FastOpenKeys {
    /// One that nobody knows.
    pub(crate) fn random(rng: &mut impl RngCore) -> Self {
        let mut primary = [0; KEY_LEN];
        rng.fill_bytes(&mut primary);
        Self { primary, backup: None }
    }

    fn all(&self) -> impl Iterator<Item = &[u8; KEY_LEN]> {
        std::iter::once(&self.primary).chain(&self.backup)
    }

    /// The cookie for a client.
    pub(crate) fn cookie(&self, client: IpAddr, server: IpAddr) -> FastOpen {
        made_with(&self.primary, client, server)
    }

    /// Whether `cookie` is the client's, by either key. Only one of the primary key needs no renewal.
    pub(crate) fn check(&self, cookie: &FastOpen, client: IpAddr, server: IpAddr) -> Validity {
        let is_of = |key| made_with(key, client, server).cookie == cookie.cookie;
        match (is_of(&self.primary), self.backup.as_ref().is_some_and(is_of)) {
            (true, _) => Validity::Good,
            (false, true) => Validity::Old,
            (false, false) => Validity::Bad,
        }
    }
}

/// What a cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Validity {
    Good,
    /// Good, and to be replaced.
    Old,
    Bad,
}

/// As Linux makes them, so that servers behind one address can share a key: SipHash-2-4 of the two addresses.
fn made_with(key: &[u8; KEY_LEN], client: IpAddr, server: IpAddr) -> FastOpen {
    let mut hasher = SipHasher24::new_with_key(key);
    for address in [client, server] {
        match address {
            IpAddr::V4(v4) => hasher.write(&v4.octets()),
            IpAddr::V6(v6) => hasher.write(&v6.octets()),
        }
    }
    FastOpen { cookie: hasher.finish().to_le_bytes().into_iter().collect(), is_experimental: false }
}

/// As `tcp_fastopen_key`: `a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4`, and a second such key after a comma.
impl FromStr for FastOpenKeys {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut keys = text.trim().split(',').map(parse_key);
        let primary = keys.next().ok_or(KeyError)??;
        let backup = keys.next().transpose()?;
        if keys.next().is_some() { Err(KeyError) } else { Ok(Self { primary, backup }) }
    }
}

fn parse_key(text: &str) -> Result<[u8; KEY_LEN], KeyError> {
    let mut words = text.split('-');
    let mut key = [0; KEY_LEN];
    for place in key.as_chunks_mut::<4>().0 {
        let word = words.next().filter(|word| word.len() <= 8).ok_or(KeyError)?;
        *place = u32::from_str_radix(word, 16).map_err(|_| KeyError)?.to_le_bytes();
    }
    if words.next().is_some() { Err(KeyError) } else { Ok(key) }
}

impl fmt::Display for FastOpenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, key) in self.all().enumerate() {
            let [a, b, c, d] = [0, 4, 8, 12].map(|at| {
                let word = key.get(at..at + 4).and_then(|word| word.first_chunk::<4>());
                u32::from_le_bytes(word.copied().unwrap_or_default())
            });
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{a:08x}-{b:08x}-{c:08x}-{d:08x}")?;
        }
        Ok(())
    }
}
