//! The network: what the crate does, seen from outside.

use crate::{
    Error, Family, HostId, NetworkConfig, OptionName, RingSource, Shutdown, SocketEvent, SocketId,
    SocketInfo, SocketOption,
};
use sockeye_clock::Instant;
use sockeye_tcb::State;
use std::net::SocketAddr;

/// Hosts and links, driven by the caller: no clock, no I/O, no threads.
pub struct Network {}

#[allow(unused_variables)]
impl Network {
    /// # Errors
    /// A link that names an unknown host, two hosts of one name or address: the text says which and what to do.
    pub fn new(
        now: Instant,
        config: &NetworkConfig,
        rings: Box<dyn RingSource>,
        seed: u64,
    ) -> Result<Self, String> {
        unimplemented!()
    }
    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        unimplemented!()
    }
    /// Names in order of [`HostId`].
    pub fn host_names(&self) -> Vec<&str> {
        unimplemented!()
    }
    /// socket(): unbound. `tag` is the caller's name for it.
    pub fn socket(&mut self, host: HostId, family: Family, tag: u64) -> Result<SocketId, Error> {
        unimplemented!()
    }
    /// bind().
    pub fn bind(&mut self, id: SocketId, address: SocketAddr) -> Result<(), Error> {
        unimplemented!()
    }
    /// listen(); binds to an ephemeral port if unbound.
    pub fn listen(&mut self, id: SocketId, backlog: i32) -> Result<(), Error> {
        unimplemented!()
    }
    /// accept(): the connection that has waited longest; its `tag` is what `open_passive` gave.
    pub fn accept(&mut self, id: SocketId) -> Result<(SocketId, u64, SocketAddr), Error> {
        unimplemented!()
    }
    /// connect(): `Ok` means the open is under way; `Connected` or `Failed` follows.
    pub fn connect(&mut self, now: Instant, id: SocketId, address: SocketAddr) -> Result<(), Error> {
        unimplemented!()
    }
    /// shutdown().
    pub fn shutdown(&mut self, now: Instant, id: SocketId, how: Shutdown) -> Result<(), Error> {
        unimplemented!()
    }
    /// The last holder is gone. FIN after SendQ drains; RST if RecvQ holds unread bytes or linger is 0. The id is invalid afterwards;
    /// `RingSource::close` tells when the slot is free.
    pub fn close(&mut self, now: Instant, id: SocketId) {
        unimplemented!()
    }
    /// The doorbell: the program may have written to SendQ or read from RecvQ.
    pub fn doorbell(&mut self, now: Instant, id: SocketId) {
        unimplemented!()
    }
    /// setsockopt(). Buffer sizes: doubled, cut, floored as Linux (send floor 4608, receive floor 2304).
    pub fn set_option(&mut self, now: Instant, id: SocketId, option: SocketOption) -> Result<(), Error> {
        unimplemented!()
    }
    /// getsockopt().
    pub fn option(&self, id: SocketId, name: OptionName) -> Result<SocketOption, Error> {
        unimplemented!()
    }
    /// getsockname(); unspecified and port 0 if unbound.
    pub fn local_address(&self, id: SocketId) -> Result<SocketAddr, Error> {
        unimplemented!()
    }
    /// getpeername().
    pub fn peer_address(&self, id: SocketId) -> Result<SocketAddr, Error> {
        unimplemented!()
    }
    /// The state, for TCP_INFO's first field.
    pub fn state(&self, id: SocketId) -> Result<State, Error> {
        unimplemented!()
    }
    /// netstat: listeners, handshakes, connections, orphans, TIME-WAIT; of one host or all.
    pub fn sockets(&mut self, host: Option<HostId>) -> Vec<SocketInfo> {
        unimplemented!()
    }
    /// Moves segments and packets until nothing more is owed at `now`. Call after every input; then drain [`poll_event`](Self::poll_event).
    pub fn flush(&mut self, now: Instant) {
        unimplemented!()
    }
    /// The next event, with the socket's tag.
    pub fn poll_event(&mut self) -> Option<(SocketId, u64, SocketEvent)> {
        unimplemented!()
    }
    /// When [`timeout`](Self::timeout) is due: timers of connections and arrivals on links.
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }
    /// Timers and links up to `now`.
    pub fn timeout(&mut self, now: Instant) {
        unimplemented!()
    }
}
