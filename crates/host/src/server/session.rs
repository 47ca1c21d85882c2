//! One client process.

use crate::engine::{Caller, Engine};
use crate::proto::{self, Answer, Reply, Request};
use crate::table::ClientId;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use sockeye_buffer::HostPage;
use sockeye_clock::monotonic;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A control connection and who is at its other end.
#[derive(Debug)]
pub(super) struct Session {
    socket: OwnedFd,
    client: ClientId,
    /// Known once the client has said hello.
    caller: Option<Caller>,
}

/// What a welcome brings.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) page: &'a HostPage,
    pub(super) doorbell: BorrowedFd<'a>,
}

impl Session {
    pub(super) fn new(socket: OwnedFd, id: u64) -> Self {
        Self { socket, client: ClientId(id), caller: None }
    }

    pub(super) fn client(&self) -> ClientId {
        self.client
    }

    /// Answers one request. An error ends the session.
    pub(super) fn answer(&mut self, engine: &mut Engine, outside: &Surroundings<'_>) -> Result<(), Errno> {
        let (request, _) = match proto::receive::<Request>(self.socket.as_fd(), RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => return Ok(()),
            received => received?,
        };
        let answer = match (self.caller, request) {
            (None, Request::Hello { version, host }) => {
                self.welcome(engine, outside, version, host.as_deref())
            }
            (None, _) => return Err(Errno::PROTO),
            (Some(caller), request) => engine.execute(monotonic(), caller, request),
        };
        answer.send(self.socket.as_fd())
    }

    fn welcome(
        &mut self,
        engine: &Engine,
        outside: &Surroundings<'_>,
        version: u32,
        host: Option<&str>,
    ) -> Answer {
        if version != proto::VERSION {
            let ours = proto::VERSION;
            let why = format!(
                "the host process speaks version {ours}, this program {version}; end the host process"
            );
            return Reply::Refused(why).into();
        }
        let host = match engine.host(host) {
            Ok(host) => host,
            Err(why) => return Reply::Refused(why).into(),
        };
        let page = outside.page.fd_read_only();
        let doorbell = rustix::io::fcntl_dupfd_cloexec(outside.doorbell, 0);
        let list = engine.add_client(self.client);
        let (Ok(page), Ok(doorbell), Ok(list)) = (page, doorbell, list) else {
            return Reply::Refused("the host process has too many files open; raise the limit".into()).into();
        };
        self.caller = Some(Caller { client: self.client, host });
        Answer {
            reply: Reply::Welcome { instance: engine.instance() },
            descriptors: vec![doorbell, page, list],
        }
    }
}
