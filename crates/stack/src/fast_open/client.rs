//! connect() and the first send in one.

use super::bits;
use crate::host::Host;
use crate::network::Network;
use crate::options::Options;
use crate::route::Path;
use crate::socket::{Connecting, Phase};
use crate::{Error, SocketId};
use sockeye_clock::Instant;
use sockeye_tcb::{Config, Handshake};
use sockeye_wire::FastOpen;
use std::net::SocketAddr;

/// Room that is left in a SYN with text, for options that middleboxes insert, bytes.
const OPTION_SPACE: u16 = 40;

/// How a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    Ordinary,
    /// With TCP_FASTOPEN_CONNECT or MSG_FASTOPEN.
    FastOpen,
}

impl Network {
    /// sendto() with MSG_FASTOPEN, on a socket that is not connected: `Ok` is how many bytes of text the SYN has room for. With
    /// room the SYN waits: write so much to SendQ, then [`launch`](Self::launch). Without (there is no cookie yet: it is asked for)
    /// the SYN is under way. `address` is not looked at if a `connect()` with TCP_FASTOPEN_CONNECT has named one.
    ///
    /// # Errors
    /// `NotSupported` if the host does not use Fast Open (tcp_fastopen); `InvalidArgument` without an address; those of
    /// [`connect`](Self::connect).
    pub fn fast_open(
        &mut self,
        now: Instant,
        id: SocketId,
        address: Option<SocketAddr>,
    ) -> Result<usize, Error> {
        let host = self.find(id)?.host.0 as usize;
        if !self.hosts[host].settings.has_fast_open_clients() {
            return Err(Error::NotSupported);
        }
        if let Some(room) = self.deferred_room(id) {
            return Ok(room);
        }
        let address = match (&self.find(id)?.phase, address) {
            (Phase::Idle, None) => return Err(Error::InvalidArgument),
            (Phase::Idle, Some(address)) => address,
            (Phase::Connecting(_), _) => return Err(Error::AlreadyInProgress),
            (Phase::Listening(_) | Phase::Connected(_) | Phase::Over(_), _) => {
                return Err(Error::IsConnected);
            }
        };
        self.open(now, id, address, Opening::FastOpen)?;
        Ok(self.deferred_room(id).unwrap_or(0))
    }

    /// After `connect()` with TCP_FASTOPEN_CONNECT, or [`fast_open`](Self::fast_open): how many bytes of text the SYN has room for, if it
    /// waits for text. For the program the socket is then connected and writable.
    #[must_use]
    pub fn deferred_room(&self, id: SocketId) -> Option<usize> {
        match &self.find(id).ok()?.phase {
            Phase::Connecting(connecting) if connecting.handshake.is_deferred() => {
                Some(connecting.handshake.room() as usize)
            }
            Phase::Idle
            | Phase::Listening(_)
            | Phase::Connecting(_)
            | Phase::Connected(_)
            | Phase::Over(_) => None,
        }
    }

    /// A SYN that waits for text goes out, with what SendQ holds as far as there is room; the rest follows the handshake.
    /// [`doorbell`](Self::doorbell) does the same once there is text.
    ///
    /// # Errors
    /// `BadDescriptor`.
    pub fn launch(&mut self, now: Instant, id: SocketId) -> Result<(), Error> {
        self.now = self.now.max(now);
        if let Phase::Connecting(connecting) = &mut self.find_mut(id)?.phase {
            connecting.launch(now);
            self.owe_socket(id.index);
        }
        Ok(())
    }

    /// Forgets the cookies of servers, as `ip tcp_metrics flush` does.
    pub fn flush_metrics(&mut self, host: crate::HostId) {
        if let Some(host) = self.hosts.get_mut(host.0 as usize) {
            host.cookies.clear();
        }
    }

    /// Remembers what the SYN-ACK said, before the handshake becomes a connection.
    pub(crate) fn learn_from_answer(&mut self, index: u32) {
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let Phase::Connecting(connecting) = &socket.phase else { return };
        let Some(outcome) = connecting.handshake.fast_open_outcome() else { return };
        let tuple = connecting.path.tuple;
        let host = &mut self.hosts[socket.host.0 as usize];
        host.cookies.learn(tuple.local.ip(), tuple.remote.ip(), &outcome);
        let is_taken = outcome.sent > 0 && outcome.acked == outcome.sent;
        if is_taken {
            host.counters.fast_opens_active += 1;
            host.black_hole.on_success();
        } else if outcome.sent > 0 {
            host.counters.fast_opens_active_failed += 1;
        }
    }

    /// A SYN timed out for the third time, or for the last: if it was one of Fast Open, the path may swallow those.
    pub(crate) fn suspect_black_hole(&mut self, now: Instant, index: u32, has_failed: bool) {
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let Phase::Connecting(connecting) = &socket.phase else { return };
        let Some(outcome) = connecting.handshake.fast_open_outcome() else { return };
        let is_used = outcome.asked.is_some() || outcome.sent > 0;
        let times = outcome.retransmissions;
        if is_used && (times == 2 || (times < 2 && has_failed)) {
            let host = &mut self.hosts[socket.host.0 as usize];
            host.black_hole.on_suspicion(now, host.settings.fast_open_black_hole_pause);
        }
    }
}

impl Connecting {
    /// A SYN that waits goes out.
    pub(crate) fn launch(&mut self, now: Instant) {
        if self.handshake.is_deferred() {
            self.rings.sendq.refresh();
            self.handshake.launch(now, self.rings.sendq.len());
        }
    }

    /// The program may have written the text that a SYN waits for.
    pub(crate) fn launch_with_text(&mut self, now: Instant) {
        if self.handshake.is_deferred() && self.rings.sendq.refresh() > 0 {
            self.handshake.launch(now, self.rings.sendq.len());
        }
    }
}

/// The handshake of a connection with Fast Open.
pub(crate) fn handshake(
    host: &mut Host,
    options: &Options,
    path: &Path,
    now: Instant,
    config: Config,
) -> Handshake {
    let pause = host.settings.fast_open_black_hole_pause;
    if host.black_hole.is_paused(now, pause) {
        return Handshake::active(now, config);
    }
    let (option, mss) = host.cookies.look_up(path.tuple.local.ip(), path.tuple.remote.ip());
    let mss = mss.unwrap_or(u16::MAX).min(config.mss_limit());
    let room = u32::from(mss.saturating_sub(OPTION_SPACE));
    let needs_no_cookie =
        options.tcp.fast_open_no_cookie || host.settings.fast_open & bits::CLIENT_NO_COOKIE != 0;
    if needs_no_cookie {
        return Handshake::fast_open(now, config, None, room);
    }
    if option.cookie.is_empty() {
        return asking(now, config, option);
    }
    Handshake::fast_open(now, config, Some(option), room)
}

/// The SYN asks for a cookie at once.
fn asking(now: Instant, config: Config, request: FastOpen) -> Handshake {
    let mut handshake = Handshake::fast_open(now, config, Some(request), 0);
    handshake.launch(now, 0);
    handshake
}
