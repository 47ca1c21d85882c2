//! A host: interfaces, demultiplexing, listeners, ports, and the sockets rules; and networks of hosts.
//!
//! ```text
//!   calls, doorbell ──┐                                   ┌── events
//!                     ▼                                   │
//!   ┌──────── Network ────────────────────────────────────┴───┐
//!   │  Host: Routes, Ports, Demux, Isn                        │
//!   │     Socket: Listener (SYN queue of Embryo, accept queue)│
//!   │             Handshake ──► Tcb ──► TimeWait              │
//!   │  Wheel of timers        Wire: the directions of links   │
//!   └─────────────────────────────────────────────────────────┘
//! ```
//!
//! Within a host segments are handed over by reference; between hosts they are packets with checksums on links.
#![forbid(unsafe_code)]

mod arrive;
mod calls;
mod challenge;
mod close;
mod config;
mod congestion;
mod connect;
mod counters;
mod demux;
mod error;
mod event;
mod fast_open;
mod host;
mod icmp;
mod icmp_limit;
mod icmp_out;
mod ids;
mod info;
mod invariants;
mod ip_options;
mod isn;
mod keyed;
mod lifecycle;
mod listener;
mod marks;
mod memory;
mod netstat;
mod network;
mod option;
mod options;
mod output;
mod path_mtus;
mod path_settings;
mod ports;
mod recovery_settings;
mod reports;
mod reuse;
mod rings;
mod route;
mod set_option;
mod sharing;
mod socket;
mod spare;
mod syn_cookies;
mod sysctl;
mod tcp_info;
mod validate;
mod wheel;

pub use config::{HostConfig, LinkBetween, NetworkConfig, Settings};
pub use counters::Counters;
pub use error::Error;
pub use event::SocketEvent;
pub use fast_open::KeyError;
pub use ids::{HostId, SocketId};
pub use info::SocketInfo;
pub use memory::{MemoryBounds, MemoryUsage};
pub use netstat::ListPlace;
pub use network::Network;
pub use option::{
    CongestionName, Family, FastOpenKeys, Mark, OptionName, OptionValue, Shutdown, SocketOption,
};
pub use path_mtus::RouteMetrics;
pub use path_settings::PathSettings;
pub use recovery_settings::RecoverySettings;
pub use reports::{Report, Stage, wants_stamps};
pub use rings::{Passed, RingSource, Rings};
pub use sysctl::{SysctlError, sysctl_name, sysctl_names};
pub use tcp_info::{KeptInfo, TcpInfo};
