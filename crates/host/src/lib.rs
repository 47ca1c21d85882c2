//! The engine in a process of its own or inside the program, and the way to it.
//!
//! ```text
//!   program                                              host process, or a thread of the program
//!   Net, Socket --- Way --- Connection --- control socket, doorbells --- server --- Engine
//!                    |      slots in arenas, tokens                                   ^
//!                    +----- Embedded: the calling thread runs the engine -------------+
//! ```
//!
//! [`Socket`] is one implementation for both modes: it copies into and out of a slot's rings, rings the engine, and
//! sleeps on the slot's futexes. Everything else is a request.
#![deny(unsafe_code)]

mod apart;
mod client;
mod connection;
mod embedded;
mod engine;
mod fork_mutex;
mod group;
mod idle;
mod lock_file;
mod lookout;
mod machine;
mod memory;
mod mirror;
mod net;
pub mod network_file;
mod offers;
mod path;
mod place;
mod proto;
mod quota;
mod raw;
mod rings;
mod rota;
mod server;
mod socket;
mod table;
mod token;
mod tokens;
mod transport;
mod watch;
mod yielding;

/// The bodies of the fuzz targets.
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::engine::fuzzing::{Control, Words, control, words};
}

pub use apart::{Apart, apart_between, is_apart, make_room};
pub use fork_mutex::ForkMutex;
pub use group::Group;
pub use lookout::Lookout;
pub use net::{HostedOptions, Net, SetupError};
pub use proto::HostMemory;
pub use raw::{SignalsBlocked, block_signals};
pub use server::{ServeOptions, serve};
pub use socket::{Accepted, Call, CallError, FileError, PipeEnd, Readiness, Socket};
pub use sockeye_buffer::{Mark, futex};
pub use yielding::let_run;
