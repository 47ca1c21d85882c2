//! How many ICMP errors a host sends (RFC 1812, section 4.3.2.8; RFC 4443, section 2.4(f)).

use crate::PathSettings;
use crate::keyed::Keyed;
use sockeye_clock::Instant;
use std::net::IpAddr;

/// Places in the table of addresses. Two addresses that share one share a limit.
const PLACES: usize = 256;

/// Two limits: one for all errors together, a bucket of tokens; one for each address, a time between two.
#[derive(Debug)]
pub(crate) struct IcmpLimit {
    key: Keyed,
    /// When the bucket was last looked at, and how many errors, in millionths, it then allowed.
    bucket: Option<(Instant, u64)>,
    /// When the next error to an address may go. Made when there is a first one.
    next: Vec<Instant>,
}

const MILLION: u64 = 1_000_000;

impl IcmpLimit {
    pub(crate) const fn new(key: Keyed) -> Self {
        Self { key, bucket: None, next: Vec::new() }
    }

    /// Whether an error may be sent to `to` now; if so it counts.
    pub(crate) fn allows(&mut self, now: Instant, to: IpAddr, settings: &PathSettings) -> bool {
        if self.next.is_empty() {
            self.next = vec![Instant::ZERO; PLACES];
        }
        let place = self.key.secret_of(&to) as usize % PLACES;
        if self.next[place] > now {
            return false;
        }
        let full = u64::from(settings.icmp_burst).saturating_mul(MILLION);
        let held = self.bucket.map_or(full, |(since, held)| {
            let micros = u64::try_from(now.since(since).as_micros()).unwrap_or(u64::MAX);
            held.saturating_add(micros.saturating_mul(u64::from(settings.icmp_per_second))).min(full)
        });
        let is_allowed = held >= MILLION;
        self.bucket = Some((now, if is_allowed { held - MILLION } else { held }));
        if is_allowed {
            self.next[place] = now + settings.icmp_rate_limit;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests;
