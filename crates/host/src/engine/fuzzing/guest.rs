//! A program that may do anything: its end of the control socket, and its mailboxes.

use super::ask::recent;
use crate::engine::Engine;
use crate::network_file::LONGEST_NAME;
use crate::offers;
use crate::proto::{self, BYTES_A_LINE, Handle, LOOKS_A_PAGE, Reply, Request};
use crate::server::listener::Arrival;
use crate::server::session::{Session, Surroundings};
use crate::table::{ClientId, generation_of};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use sockeye_buffer::accept_queue::{Claimant, Found};
use sockeye_buffer::mailbox::{BOXES, LONGEST, Outcome};
use sockeye_buffer::{Mailboxes, ReadyList};
use sockeye_clock::Instant;
use sockeye_stack::Family;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

/// Descriptors that it keeps.
const DESCRIPTORS: usize = 32;

/// By which way it asks.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
pub(super) enum Way {
    Datagram,
    Mailbox(u8),
}

#[derive(Debug)]
pub(super) struct Guest {
    pub(super) session: Session,
    socket: OwnedFd,
    pub(super) client: ClientId,
    /// On a host of the network where no others are.
    pub(super) is_apart: bool,
    mailboxes: Option<(Mailboxes, OwnedFd)>,
    list: Option<ReadyList>,
    lent: Vec<u16>,
    pub(super) descriptors: Vec<OwnedFd>,
    pub(super) sockets: Vec<Handle>,
    pub(super) tokens: Vec<u64>,
    pub(super) ports: Vec<u16>,
}

impl Guest {
    /// It has come, and has said nothing.
    pub(super) fn new(id: u64) -> Self {
        let flags = SocketFlags::CLOEXEC;
        let (socket, engine) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
                .expect("descriptors");
        Self {
            session: Session::new(Arrival { socket: engine, process: Some(rustix::process::getpid()) }, id),
            socket,
            client: ClientId(id),
            is_apart: false,
            mailboxes: None,
            list: None,
            lent: Vec::new(),
            descriptors: Vec::new(),
            sockets: Vec::new(),
            tokens: Vec::new(),
            ports: Vec::new(),
        }
    }

    /// Says hello, and takes what it is welcomed with.
    pub(super) fn greet(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        outside: &Surroundings<'_>,
        host: &str,
    ) -> Result<(), Errno> {
        let hello = Request::Hello { version: proto::VERSION, host: Some(host.into()) };
        proto::send(self.socket.as_fd(), &hello, &[], SendFlags::DONTWAIT)?;
        self.session.answer_at(now, engine, outside)?;
        let (reply, descriptors) = proto::receive::<Reply>(self.socket.as_fd(), RecvFlags::DONTWAIT)?;
        assert!(matches!(reply, Reply::Welcome { .. }), "{reply:?}");
        self.is_apart = host != super::HOSTS[0].0;
        let [_doorbell, _page, _life, list, mailboxes] = <[OwnedFd; 5]>::try_from(descriptors).expect("five");
        self.list = Some(ReadyList::map(&list).expect("the list"));
        self.mailboxes = Some((Mailboxes::map(&mailboxes).expect("the mailboxes"), mailboxes));
        Ok(())
    }

    /// Sends bytes as a message. A reply is for [`take_reply`](Self::take_reply).
    pub(super) fn say(&mut self, way: Way, bytes: &[u8]) {
        match (way, &self.mailboxes) {
            (Way::Mailbox(index), Some((mailboxes, _))) => {
                let mailbox = mailboxes.mailbox(index.into());
                if mailbox.write(bytes) {
                    mailbox.ask(bytes.len());
                }
            }
            (Way::Datagram | Way::Mailbox(_), _) => {
                // An empty one, and one for which there is no room, are none.
                let _ = rustix::net::send(&self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            }
        }
    }

    /// The reply to what was said last.
    pub(super) fn take_reply(&mut self, way: Way) -> Option<Reply> {
        let by_mailbox = match (way, &self.mailboxes) {
            (Way::Mailbox(index), Some((mailboxes, _))) => {
                let mailbox = mailboxes.mailbox(index.into());
                let outcome = mailbox.outcome();
                let mut bytes = [0; LONGEST];
                mailbox.read(&mut bytes);
                mailbox.put_away();
                Some((outcome, bytes))
            }
            _ => None,
        };
        match by_mailbox {
            Some((Outcome::Answered(len), bytes)) => {
                // What it has scribbled itself need be no reply.
                let reply = postcard::from_bytes(&bytes[..len]).ok()?;
                Some(self.learn(reply, Vec::new()))
            }
            Some((Outcome::Pending | Outcome::Closed, _)) => None,
            Some((Outcome::Elsewhere, _)) | None => {
                let (reply, descriptors) = proto::receive(self.socket.as_fd(), RecvFlags::DONTWAIT).ok()?;
                Some(self.learn(reply, descriptors))
            }
        }
    }

    fn learn(&mut self, reply: Reply, descriptors: Vec<OwnedFd>) -> Reply {
        match &reply {
            Reply::Socket(handle) | Reply::Accepted(handle, _) => self.sockets.push(*handle),
            Reply::Token(token) => self.tokens.push(*token),
            Reply::Watches(watches) => self.lent.extend(watches),
            Reply::Address(address) => self.ports.push(address.port()),
            Reply::Sockets { .. } => {
                let bytes = postcard::to_stdvec(&reply).map_or(usize::MAX, |bytes| bytes.len());
                assert!(bytes <= LOOKS_A_PAGE * (BYTES_A_LINE + LONGEST_NAME), "more than a page");
            }
            _ => {}
        }
        self.descriptors.extend(descriptors);
        if self.descriptors.len() > DESCRIPTORS {
            self.descriptors.remove(0);
        }
        reply
    }

    /// Writes a word anywhere into the mailboxes.
    pub(super) fn scribble(&self, at: u16, word: u64) {
        let Some((_, file)) = &self.mailboxes else { return };
        // Half of the time where the words are.
        let within = if at.is_multiple_of(2) { 64 * (BOXES + 1) } else { usize::from(u16::MAX) };
        let _ = rustix::io::pwrite(file, &word.to_ne_bytes(), (usize::from(at / 2) % within) as u64);
    }

    /// Takes a connection from the accept queue of one of its listeners.
    pub(super) fn take(&mut self, engine: &Engine, back: u8) {
        let Some(listener) = recent(&self.sockets, back) else { return };
        let Some(slot) = engine.slot(listener.tag) else { return };
        let by = Claimant::new(offers::number_of(self.client), self.lent.pop().unwrap_or(0));
        let head = &slot.header().receiver.accept_head;
        let position = head.load(Ordering::Relaxed);
        if let Some(by) = by
            && let Found::Taken(waiting) = slot.accept_queue().take(position, by)
        {
            head.store(position.wrapping_add(1), Ordering::SeqCst);
            let watch = by.watch().into();
            let (tag, arena, index) = (waiting.tag, waiting.arena, waiting.index);
            self.sockets.push(Handle { tag, arena, index, family: Family::V4, watch });
        }
        ring(engine, listener);
    }

    /// Writes to a socket of its own, and reads all that is there.
    pub(super) fn transfer(&self, engine: &Engine, back: u8, len: u16) {
        let Some(handle) = recent(&self.sockets, back) else { return };
        let Some(slot) = engine.slot(handle.tag) else { return };
        slot.writer().write(&vec![7; len.into()]);
        slot.reader().consume(slot.reader().len());
        ring(engine, handle);
    }

    /// Writes as much as fits.
    pub(super) fn fill(&self, engine: &Engine, tag: u64) {
        let handle = self.sockets.iter().find(|handle| handle.tag == tag).copied();
        if let (Some(handle), Some(slot)) = (handle, engine.slot(tag)) {
            let writer = slot.writer();
            writer.write(&vec![7; writer.free()]);
            ring(engine, handle);
        }
    }

    /// Gives up a socket that it holds without a token.
    pub(super) fn release(&self, engine: &Engine, back: u8) {
        let Some(handle) = recent(&self.sockets, back) else { return };
        let Some(slot) = engine.slot(handle.tag) else { return };
        slot.header().readiness.released.store(generation_of(handle.tag), Ordering::SeqCst);
        ring(engine, handle);
    }

    /// A group is told of a socket, and perhaps sleeps.
    pub(super) fn join(&self, back: u8, group: u8) {
        let (Some(list), Some(handle)) = (&self.list, recent(&self.sockets, back)) else { return };
        list.join(handle.watch, u32::from(group) % sockeye_buffer::GROUPS);
        list.fall_asleep(u32::from(group) % sockeye_buffer::GROUPS);
    }
}

/// Rings a doorbell.
pub(super) fn ring(engine: &Engine, handle: Handle) {
    if let Some(arena) = engine.arena_of(handle) {
        arena.ring(handle.index);
    }
}
