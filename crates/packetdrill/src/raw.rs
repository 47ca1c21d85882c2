//! The C interface: each function is a panic guard, a conversion, and one safe call.
//!
//! | file | what |
//! |---|---|
//! | `interface` | the table of functions, and the host behind it |
//! | `memory` | what the tool points to |
//! | `sockets`, `transfer`, `readiness` | calls of a program |
//! | `outside` | packets and time |
//! | `preload` | calls that the tool makes past its interface |
#![allow(unsafe_code)]

mod interface;
mod memory;
mod outside;
mod preload;
mod readiness;
mod sockets;
mod transfer;

pub use interface::{Interface, packetdrill_interface_init};
