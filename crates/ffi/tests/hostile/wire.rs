//! The protocol between programs and the host process, spoken without a library.

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketType, sockopt,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Versions of the protocol that are tried.
const VERSIONS: u8 = 64;
/// "Welcome", the first kind of answer.
const WELCOME: u8 = 0;
/// Bytes of the words and of the text of a mailbox; how many there are.
pub const MAILBOX_WORDS: u64 = 64;
pub const MAILBOX_TEXT: u64 = 4096;
pub const MAILBOXES: u64 = 8;

/// Kinds of requests, as the wire numbers them.
pub mod kind {
    pub const SOCKET: u64 = 1;
    pub const TOKEN: u64 = 2;
    pub const GIVE: u64 = 3;
    pub const BELL: u64 = 6;
    pub const BIND: u64 = 7;
    pub const LISTEN: u64 = 8;
    pub const ACCEPT: u64 = 9;
    pub const CONNECT: u64 = 10;
    pub const SET_SYSCTL: u64 = 17;
    pub const LOCAL_ADDRESS: u64 = 22;
    pub const ARM: u64 = 24;
    pub const ARENA: u64 = 29;
    pub const SOCKETS: u64 = 30;
    pub const WAKE: u64 = 31;
    /// So many there are, and some that there are not.
    pub const KINDS: u64 = 36;
}

/// Numbers as postcard writes them.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A request of that kind about these numbers.
pub fn request(kind: u64, numbers: &[u64]) -> Vec<u8> {
    [kind].iter().chain(numbers).flat_map(|&number| varint(number)).collect()
}

/// The same, with an address of 127.0.0.1 at its end.
pub fn request_to(kind: u64, tag: u64, port: u16) -> Vec<u8> {
    let mut bytes = request(kind, &[tag]);
    bytes.extend([0, 127, 0, 0, 1]);
    bytes.extend(varint(port.into()));
    bytes
}

/// The numbers of an answer, the first of which is its kind.
pub fn numbers(bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    let (mut value, mut shift) = (0, 0);
    for &byte in bytes {
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(value);
            (value, shift) = (0, 0);
        }
    }
    numbers
}

/// A control connection.
pub fn dial(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}

/// Sends a message, if there is room for it.
pub fn send(socket: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
}

/// Sends a message with a descriptor.
pub fn send_with(socket: impl AsFd, bytes: &[u8], descriptor: BorrowedFd<'_>) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights = [descriptor];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&rights)), "there is room");
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut ancillary, flags)
}

/// The next message and its descriptors; no bytes are the end.
pub fn receive(socket: impl AsFd, flags: RecvFlags) -> Result<(Vec<u8>, Vec<OwnedFd>), Errno> {
    let mut bytes = vec![0; 65_536];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let parts = &mut [IoSliceMut::new(&mut bytes)];
    let received = rustix::net::recvmsg(socket, parts, &mut ancillary, flags | RecvFlags::CMSG_CLOEXEC)?;
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => Some(rights),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    bytes.truncate(received.bytes);
    Ok((bytes, descriptors))
}

/// A client that has said hello, and what the welcome brought.
pub struct Client {
    pub socket: OwnedFd,
    pub doorbell: OwnedFd,
    pub list: OwnedFd,
    pub mailboxes: OwnedFd,
}

/// A socket of the host process, as an answer names it.
#[derive(Clone, Copy, Debug)]
pub struct Socket {
    pub tag: u64,
    pub arena: u64,
    pub index: u64,
}

impl Client {
    /// One that the host process at `path` lets in.
    pub fn greet(path: &Path) -> Result<Self, Errno> {
        static VERSION: AtomicU8 = AtomicU8::new(0);
        let known = VERSION.load(Ordering::Relaxed);
        for version in [known].into_iter().chain(0..VERSIONS) {
            let socket = dial(path)?;
            send(&socket, &[0, version, 0])?;
            let (answer, mut descriptors) = receive(&socket, RecvFlags::empty())?;
            if answer.first() == Some(&WELCOME) {
                VERSION.store(version, Ordering::Relaxed);
                let mailboxes = descriptors.pop().expect("mailboxes come last");
                let list = descriptors.pop().expect("the ready list comes before the mailboxes");
                let doorbell = descriptors.swap_remove(0);
                return Ok(Self { socket, doorbell, list, mailboxes });
            }
            // Refused, in words: another version is spoken, or there is no room for one more.
            if version == known && known != 0 {
                return Err(Errno::MFILE);
            }
        }
        panic!("no version of the protocol is spoken");
    }

    /// Asks, and waits for the answer.
    pub fn ask(&self, bytes: &[u8]) -> Result<(Vec<u64>, Vec<OwnedFd>), Errno> {
        send(&self.socket, bytes)?;
        let (answer, descriptors) = receive(&self.socket, RecvFlags::empty())?;
        if answer.is_empty() {
            return Err(Errno::CONNRESET);
        }
        Ok((numbers(&answer), descriptors))
    }

    /// A new socket.
    pub fn socket(&self) -> Result<Socket, Errno> {
        match self.ask(&request(kind::SOCKET, &[0]))?.0[..] {
            [_, tag, arena, index, ..] => Ok(Socket { tag, arena, index }),
            // "Failed", for want of memory or descriptors.
            _ => Err(Errno::NOBUFS),
        }
    }

    /// A listener, and its port.
    pub fn listener(&self) -> Result<(Socket, u16), Errno> {
        let socket = self.socket()?;
        self.ask(&request(kind::LISTEN, &[socket.tag, 64]))?;
        let (answer, _) = self.ask(&request(kind::LOCAL_ADDRESS, &[socket.tag]))?;
        let port = answer.last().and_then(|&port| port.try_into().ok()).ok_or(Errno::NOBUFS)?;
        Ok((socket, port))
    }

    /// The memory of slots.
    pub fn arena(&self, socket: Socket) -> Result<OwnedFd, Errno> {
        let (_, descriptors) = self.ask(&request(kind::ARENA, &[socket.arena]))?;
        descriptors.into_iter().next().ok_or(Errno::NOBUFS)
    }

    /// Wakes the host process.
    pub fn ring(&self) {
        // If it is full, it was rung.
        let _ = rustix::io::write(&self.doorbell, &1u64.to_ne_bytes());
    }

    /// Throws away what came. Whether the session goes on.
    pub fn drain(&self) -> bool {
        loop {
            match receive(&self.socket, RecvFlags::DONTWAIT) {
                Ok((bytes, _)) if !bytes.is_empty() => {}
                Err(Errno::AGAIN) => return true,
                Ok(_) | Err(_) => return false,
            }
        }
    }
}
