//! What a client remembers of servers (RFC 7413, section 4.1.3.1).

use crate::keyed::Keyed;
use hashbrown::HashMap;
use sockeye_tcb::FastOpenOutcome;
use sockeye_wire::FastOpen;
use std::net::IpAddr;

/// Servers that are remembered at most; then the one not asked for longest is forgotten.
const MAX_SERVERS: usize = 1024;
/// MSS of a server whose SYN-ACK named none (MUST-15, 3.7.1).
const DEFAULT_MSS: u16 = 536;

/// Which kind of option a server without a cookie is asked in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Trial {
    /// Kind 34.
    #[default]
    Standard,
    /// Kind 34 had no answer: the experimental option, once.
    Experimental,
    /// Neither had one.
    Over,
}

#[derive(Debug, Default)]
struct Entry {
    mss: Option<u16>,
    cookie: Option<FastOpen>,
    trial: Trial,
    /// When it was last used, in uses of the cache.
    used: u64,
}

/// Cookies and MSSs of servers, by our address and theirs.
#[derive(Debug)]
pub(crate) struct CookieCache {
    entries: HashMap<(IpAddr, IpAddr), Entry, Keyed>,
    uses: u64,
}

impl CookieCache {
    pub(crate) const fn new(key: Keyed) -> Self {
        Self { entries: HashMap::with_hasher(key), uses: 0 }
    }

    /// The option to send (an empty one asks for a cookie), and the server's MSS if it is known.
    pub(crate) fn look_up(&mut self, source: IpAddr, server: IpAddr) -> (FastOpen, Option<u16>) {
        self.uses += 1;
        let Some(entry) = self.entries.get_mut(&(source, server)) else { return (FastOpen::default(), None) };
        entry.used = self.uses;
        let request =
            || FastOpen { is_experimental: entry.trial == Trial::Experimental, ..FastOpen::default() };
        (entry.cookie.clone().unwrap_or_else(request), entry.mss)
    }

    /// Learns from a SYN-ACK.
    pub(crate) fn learn(&mut self, source: IpAddr, server: IpAddr, outcome: &FastOpenOutcome) {
        self.uses += 1;
        let uses = self.uses;
        if !self.entries.contains_key(&(source, server)) {
            self.make_room();
        }
        let entry = self.entries.entry((source, server)).or_default();
        entry.used = uses;
        entry.mss = Some(outcome.mss.unwrap_or(DEFAULT_MSS));
        // A cookie that was not asked for is not believed.
        let granted = outcome.granted.as_ref().filter(|_| outcome.asked.is_some());
        match granted {
            Some(cookie) if !cookie.cookie.is_empty() => entry.cookie = Some(cookie.clone()),
            Some(_) => {}
            None => {
                // Only a request that cannot have been lost with its SYN says that the server does not know the option.
                let is_clear = outcome.retransmissions == 0 && outcome.sent == 0;
                if let (Some(asked), true, None) = (&outcome.asked, is_clear, &entry.cookie) {
                    let trial = if asked.is_experimental { Trial::Over } else { Trial::Experimental };
                    entry.trial = entry.trial.max(trial);
                }
            }
        }
    }

    fn make_room(&mut self) {
        if self.entries.len() < MAX_SERVERS {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(ends, _)| *ends);
        if let Some(ends) = oldest {
            self.entries.remove(&ends);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
