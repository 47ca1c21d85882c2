//! RFC 9293 as a state machine without I/O and without a clock.
//!
//! | in | out |
//! |---|---|
//! | `segment_arrives(now, &Segment)` | `poll_transmit(now)` |
//! | user calls | `poll_event()` |
//! | `timeout(now)` | `poll_timeout()` |
//!
//! Inputs only mark what is *owed*. After every input the caller drains [`Tcb::poll_transmit`] (until `None`), then
//! [`Tcb::poll_event`], then asks [`Tcb::poll_timeout`] when to come back.
//!
//! A connection is three types, because it has different data in its three ages: [`Handshake`] (SYN-SENT and
//! SYN-RECEIVED), [`Tcb`] (the synchronized states) and [`TimeWait`].
#![forbid(unsafe_code)]
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod accounting;
mod arrive;
mod burst;
mod chrono;
mod compressed_ack;
mod config;
mod congestion;
mod counters;
mod deferral;
mod delayed_ack;
mod discard;
mod ecn;
mod event;
mod handshake;
mod info;
mod keepalive;
mod marks;
mod memory;
mod notsent;
mod path_mtu;
mod pending;
mod persist;
mod recovery;
mod retries;
mod rtt;
mod sack;
mod segment;
mod state;
mod tcb;
mod time_wait;
mod timers;
mod timestamps;
mod transmit;
mod tuning;
mod window;

pub use accounting::SendAccounting;
pub use chrono::Limit;
pub use compressed_ack::AckCompression;
pub use config::{Config, KeepAlive, MtuProbing, ProbeMode};
pub use congestion::{CongestionConfig, CongestionControl, HyStart};
pub use discard::{Discard, Discards};
pub use ecn::{EcnConfig, EcnMode};
pub use event::{Event, Reason};
pub use handshake::{FastOpenOutcome, Handshake, Progress};
pub use info::{Info, Negotiated};
pub use marks::Mark;
pub use memory::{Allowance, MemoryEffects, Strain};
pub use path_mtu::SoftError;
pub use recovery::{Phase, RecoveryConfig};
pub use segment::{Segment, Transmit, reset_for};
pub use state::State;
pub use tcb::{Status, Tcb};
pub use time_wait::{TimeWait, TimeWaitVerdict};

#[cfg(test)]
mod tests;
