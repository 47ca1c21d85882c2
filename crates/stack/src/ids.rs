//! Names of hosts and sockets.

use serde::{Deserialize, Serialize};

/// Names a host of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostId(pub u32);

/// Names a socket of a network, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SocketId {
    /** Slab index. */
    pub index: u32,
    /** Use of that index. */
    pub generation: u32,
}
