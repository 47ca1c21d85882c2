//! A host: interfaces, demultiplexing, listeners, ports, and the sockets rules; and networks of hosts.
#![forbid(unsafe_code)]

mod config;
mod error;
mod event;
mod ids;
mod info;
mod network;
mod option;
mod rings;

pub use config::{HostConfig, LinkBetween, NetworkConfig, Settings};
pub use error::Error;
pub use event::SocketEvent;
pub use ids::{HostId, SocketId};
pub use info::SocketInfo;
pub use network::Network;
pub use option::{Family, OptionName, Shutdown, SocketOption};
pub use rings::{RingSource, Rings};
