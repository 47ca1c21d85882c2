//! Networks of hosts in virtual time, for tests: the production stack, a clock that nobody waits for, and a seed.
//!
//! ```
//! use sockeye_sim::{Sim, SimSocket};
//! use sockeye_stack::{Family, Shutdown};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut sim = Sim::loopback(1)?;
//! let server = SimSocket::listen(&mut sim, "localhost", "127.0.0.1:80".parse()?, 5)?;
//! let client = SimSocket::connect(&mut sim, "localhost", "127.0.0.1:80".parse()?)?;
//! let peer = server.accept(&mut sim)?;
//!
//! client.write_all(&mut sim, b"hello")?;
//! client.shutdown(&mut sim, Shutdown::Write)?;
//! assert_eq!(peer.read_to_end(&mut sim)?, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! Hosts that are joined by links, with loss and delay, are described by a [`NetworkConfig`](sockeye_stack::NetworkConfig):
//! see [`Sim::new`]. The same seeds give the same run, to the nanosecond.
#![forbid(unsafe_code)]

mod heap_rings;
pub mod script;
mod sim;
mod socket;

pub use heap_rings::HeapRings;
pub use script::Scene;
pub use sim::{Sim, Status};
pub use socket::SimSocket;
