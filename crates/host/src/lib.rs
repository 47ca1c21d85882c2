//! The engine in a process of its own or inside the program, and the way to it.

mod net;
pub mod network_file;
mod socket;

pub use net::{HostedOptions, Net, SetupError};
pub use socket::{Accepted, Call, CallError, Readiness, Socket};
