//! A way to an engine.

use crate::Socket;
use sockeye_stack::{Error, Family, NetworkConfig, SocketInfo};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// A way to an engine: a host process, or an engine inside this process. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Net {}

/// Why there is no engine: one line that names the thing and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);

/// Which host process, and which host of its network.
#[derive(Clone, Debug, Default)]
pub struct HostedOptions {
    /// Socket of the host process; `None`: that of `network`, or the user's default one. (`SOCKEYE_SOCKET`)
    pub socket: Option<PathBuf>,
    /// Network file for a host process that must be started; its path also names the default socket. (`SOCKEYE_NETWORK`)
    pub network: Option<PathBuf>,
    /// Host of the network to be on; `None`: the first. (`SOCKEYE_AS`)
    pub host: Option<String>,
}

#[allow(unused_variables)]
impl Net {
    /// An engine inside this process, with one background thread for timers and links.
    ///
    /// # Errors
    /// A faulty configuration.
    pub fn embedded(config: &NetworkConfig, host: Option<&str>) -> Result<Self, SetupError> { unimplemented!() }
    /// The host process, started if it does not run.
    ///
    /// # Errors
    /// It cannot be started or reached, or it is another user's.
    pub fn hosted(options: &HostedOptions) -> Result<Self, SetupError> { unimplemented!() }
    /// As `SOCKEYE_MODE` (`host` by default, or `embedded`), `SOCKEYE_SOCKET`, `SOCKEYE_NETWORK` and `SOCKEYE_AS` say.
    ///
    /// # Errors
    /// As the two above; an unknown mode.
    pub fn from_env() -> Result<Self, SetupError> { unimplemented!() }
    /// A new socket and, if `token`, its token descriptor (close-on-exec), which the caller owns: the socket is closed when all copies of it are.
    /// Without a token the socket is closed when the last handle of it is dropped (embedded mode only).
    ///
    /// # Errors
    /// `HostGone`, `TooManyFiles`, `NoBufferSpace`.
    pub fn socket(&self, family: Family, token: bool) -> Result<(Socket, Option<OwnedFd>), Error> { unimplemented!() }
    /// The socket behind a token that was inherited or received.
    ///
    /// # Errors
    /// `BadDescriptor` if it is not a token of this host process.
    pub fn adopt(&self, token: BorrowedFd<'_>) -> Result<Socket, Error> { unimplemented!() }
    /// Whether a descriptor is a token of any Sockeye host process (by its peer's abstract name).
    pub fn is_token(descriptor: BorrowedFd<'_>) -> bool { unimplemented!() }
    /// netstat's lines: of the host named in the options, or of all.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn sockets(&self, all_hosts: bool) -> Result<Vec<(String, SocketInfo)>, Error> { unimplemented!() }
    /// To be called in a child after fork(), before anything else: opens a control connection of its own on next use.
    pub fn after_fork_in_child(&self) { unimplemented!() }
}
