//! What netstat shows.

use crate::HostId;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A line of netstat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SocketInfo {
    /// Host the socket is on.
    pub host: HostId,
    /// Local address.
    pub local: SocketAddr,
    /// Foreign address; unspecified with port 0 for a listener.
    pub foreign: SocketAddr,
    /// State's name as netstat prints it: ESTABLISHED, FIN_WAIT1, LISTEN, …
    pub state: String,
    /// Recv-Q: bytes, a received FIN counts; for a listener, connections that wait to be accepted.
    pub recv_queue: usize,
    /// Send-Q: bytes, an unacknowledged FIN counts; for a listener, the backlog.
    pub send_queue: usize,
}
