//! What a network consists of, and how its hosts are set.

use serde::{Deserialize, Serialize};
use sockeye_link::LinkConfig;
use std::net::IpAddr;
use std::time::Duration;

/// A network: hosts, their addresses, and the links between them. What a network file says (TOML is read in `host`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkConfig {
    /// The hosts. The first is the one a program is on when it names none.
    pub hosts: Vec<HostConfig>,
    /// The links between them.
    pub links: Vec<LinkBetween>,
}

impl Default for NetworkConfig {
    /// One host, `localhost`, that owns 127.0.0.0/8 and ::1.
    fn default() -> Self {
        Self { hosts: vec![HostConfig::default()], links: Vec::new() }
    }
}

/// One host. It owns 127.0.0.0/8 and ::1 and `addresses`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostConfig {
    /// Its name.
    pub name: String,
    /// Its addresses beyond loopback.
    pub addresses: Vec<IpAddr>,
    /// Its settings.
    pub settings: Settings,
}

/// A link and the two hosts at its ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkBetween {
    /// Names of the two hosts.
    pub between: (String, String),
    /// What it does, in each direction (the reverse direction uses seed + 1).
    pub config: LinkConfig,
}

/// Settings of a host. Exact buffer sizes, when given, are in force whatever a program asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Default SO_SNDBUF in force, bytes.
    pub send_buffer: usize,
    /// Default SO_RCVBUF in force, bytes.
    pub recv_buffer: usize,
    /// net.core.wmem_max, rmem_max: SO_SNDBUF/SO_RCVBUF requests are cut to this before doubling.
    pub buffer_max: usize,
    /// If given, every socket's SendQ has exactly this size.
    pub exact_send_buffer: Option<usize>,
    /// If given, every socket's RecvQ has exactly this size.
    pub exact_recv_buffer: Option<usize>,
    /// 2MSL.
    pub time_wait: Duration,
    /// tcp_fin_timeout.
    pub fin_timeout: Duration,
    /// Ephemeral ports, first and last (32768, 60999).
    pub ports: (u16, u16),
    /// net.core.somaxconn (4096).
    pub backlog_max: u32,
    /// MTU of loopback (65536).
    pub loopback_mtu: usize,
    /// IPv4's time to live and IPv6's hop limit of what the host sends (64; MUST-49, 3.9.2).
    pub hop_limit: u8,
}

impl Default for HostConfig {
    /// `localhost`, with no address beyond loopback.
    fn default() -> Self {
        Self { name: "localhost".to_owned(), addresses: Vec::new(), settings: Settings::default() }
    }
}

impl Default for Settings {
    /// What a stock Linux has in force, but for the buffers. Linux tunes them while a connection runs; these are what it tends
    /// to, and memory is touched only when used. A program can ask for 2 MiB and have 4 in force.
    fn default() -> Self {
        Self {
            send_buffer: 1_048_576,
            recv_buffer: 1_048_576,
            buffer_max: 2_097_152,
            exact_send_buffer: None,
            exact_recv_buffer: None,
            time_wait: Duration::from_secs(60),
            fin_timeout: Duration::from_secs(60),
            ports: (32_768, 60_999),
            backlog_max: 4096,
            loopback_mtu: 65_536,
            hop_limit: 64,
        }
    }
}
