//! Fast Open (RFC 7413): cookies, who may use them, and what is remembered of servers.
//!
//! ```text
//!  client                                             server
//!    SYN, cookie request   ------------------------->
//!        cached            <-------------------------  SYN-ACK, cookie = SipHash(key, addresses)
//!    later: SYN, cookie, text  --------------------->  good cookie: the connection can be accepted, read, written
//!                          <-------------------------  SYN-ACK of SYN and text, and text of the server
//! ```

mod black_hole;
mod cache;
mod client;
mod key;
mod server;

use crate::Settings;
pub(crate) use black_hole::BlackHole;
pub(crate) use cache::CookieCache;
pub(crate) use client::{Opening, handshake};
pub use key::KeyError;
pub(crate) use server::{FastOpenQueue, Verdict};

/// Bits of tcp_fastopen.
pub(crate) mod bits {
    /// Clients may use it.
    pub(crate) const CLIENT: u32 = 0x1;
    /// Listeners may use it.
    pub(crate) const SERVER: u32 = 0x2;
    /// Clients send text without a cookie.
    pub(crate) const CLIENT_NO_COOKIE: u32 = 0x4;
    /// Listeners take text without a cookie.
    pub(crate) const SERVER_NO_COOKIE: u32 = 0x200;
    /// All listeners use it, with their backlog for a limit.
    pub(crate) const ALL_LISTENERS: u32 = 0x400;
}

impl Settings {
    /// Whether clients may use it.
    pub(crate) const fn has_fast_open_clients(&self) -> bool {
        self.fast_open & bits::CLIENT != 0
    }

    /// Whether a listener need not ask for it.
    pub(crate) const fn is_fast_open_for_all(&self) -> bool {
        const NEEDED: u32 = bits::SERVER | bits::ALL_LISTENERS;
        self.fast_open & NEEDED == NEEDED
    }
}

#[cfg(test)]
mod tests;
