//! The way to the engine, made for the first socket of the process and not before.

use crate::errno::{self, Errno};
use crate::fork;
use crate::raw::{self, Lasting};
use crate::table::{Found, Guard, Table};
use rustix::fs::Timespec;
use sockeye_host::{Net, Socket};
use sockeye_stack::{Error, Family};
use std::os::fd::BorrowedFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The sockets of this process.
pub static TABLE: Table<Socket> = Table::new();

/// The way to the engine, once it is made. One to a host process stays for good: it finds the next host when one is gone. One to an engine in this
/// process ends with `fork()` and is followed by another; it is never freed, for a thread may be just using it.
static NET: Lasting<Net> = Lasting::new();

/// Held while a way is made, and across `fork()`, so that no child finds it half made.
pub static MAKING: Lock = Lock::new();

/// A new socket.
///
/// # Errors
/// ENETDOWN if there is no engine and none can be started; ENOBUFS.
pub fn socket(family: Family) -> Result<Socket, Errno> {
    let net = net()?;
    let made = match net.socket(family) {
        // A child of fork() has an engine of its own, and has lost nothing by that.
        Err(Error::HostGone) if net.is_embedded() => make_net(Some(net))?.socket(family),
        Err(Error::HostGone) => {
            tell_host_gone();
            net.socket(family)
        }
        made => made,
    };
    made.map_err(errno::of)
}

/// The socket of a descriptor; a token that was inherited or received becomes a socket here.
///
/// # Errors
/// EBADF if the descriptor is not ours (any more), or is the token of another host process; ENETDOWN if that is gone.
pub fn find(fd: i32) -> Result<Guard<Socket>, Errno> {
    loop {
        match TABLE.find(fd) {
            Found::Ours(guard) => return Ok(guard),
            Found::Foreign => return Err(Errno::BADF),
            Found::Inherited => {
                let socket = net()?.adopt(raw::borrow(fd)).map_err(errno::of)?;
                TABLE.adopt(fd, socket).map_err(|_| Errno::MFILE)?;
            }
        }
    }
}

/// Marks a descriptor for [`find`] if it is a token.
pub fn note_if_token(fd: i32) {
    if fd >= 0 && Net::is_token(raw::borrow(fd)) {
        // A descriptor too high for the table stays the kernel's.
        let _ = TABLE.mark_inherited(fd);
    }
}

/// The live copy of a socket's token that a call is made with.
#[must_use]
pub fn token(fd: i32) -> Option<BorrowedFd<'static>> {
    Some(raw::borrow(fd))
}

/// Before `fork()`.
pub fn before_fork() {
    if let Some(net) = NET.get() {
        net.before_fork();
    }
}

/// In the parent after `fork()`.
pub fn after_fork_in_parent() {
    if let Some(net) = NET.get() {
        net.after_fork_in_parent();
    }
}

/// In a child after `fork()`.
pub fn after_fork_in_child() {
    if let Some(net) = NET.get() {
        net.after_fork_in_child();
    }
}

fn net() -> Result<&'static Net, Errno> {
    match NET.get() {
        Some(net) => Ok(net),
        None => make_net(None),
    }
}

/// A way, unless another thread has made one since `last`.
fn make_net(last: Option<&'static Net>) -> Result<&'static Net, Errno> {
    fork::prepare_process();
    let _making = MAKING.lock();
    if let Some(net) = NET.get().filter(|net| last.is_none_or(|last| !ptr::eq(*net, last))) {
        return Ok(net);
    }
    match Net::from_env() {
        Ok(net) => Ok(NET.put(net)),
        Err(error) => {
            static TOLD: AtomicBool = AtomicBool::new(false);
            tell_once(&TOLD, &error.to_string());
            Err(Errno::NETDOWN)
        }
    }
}

/// The line on stderr about a lost engine, once.
pub fn tell_host_gone() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    const GONE: &str = "the host process is gone and its connections are lost; a new socket starts a new one";
    const FORKED: &str =
        "connections of the parent end with it, for they are inside of it (SOCKEYE_MODE=embedded)";
    if !TOLD.load(Ordering::Relaxed) {
        let net = NET.get();
        let refusal = net.and_then(Net::refusal);
        let why = if net.is_some_and(Net::is_embedded) { FORKED } else { GONE };
        tell_once(&TOLD, refusal.as_deref().unwrap_or(why));
    }
}

/// One line on stderr. Not by `eprintln!`, whose lock the program may hold.
fn tell_once(told: &AtomicBool, text: &str) {
    if !told.swap(true, Ordering::Relaxed) {
        // Nobody can be told that telling failed.
        let _ = rustix::io::write(raw::borrow(2), format!("sockeye: {text}\n").as_bytes());
    }
}

/// A lock that knows its owner, so that `fork()` by the owner itself, who starts a host process, does not wait for
/// itself, and that a child can take over.
#[derive(Debug)]
pub struct Lock {
    owner: AtomicU32,
}

/// Holds a [`Lock`].
#[derive(Debug)]
pub struct Locked<'a>(&'a Lock);

impl Lock {
    /// A free lock.
    #[must_use]
    pub const fn new() -> Self {
        Self { owner: AtomicU32::new(0) }
    }

    /// Waits for the lock. It is held for the time it takes to start a host process at most, so a waiter naps.
    pub fn lock(&self) -> Locked<'_> {
        while self.owner.compare_exchange(0, this_thread(), Ordering::Acquire, Ordering::Relaxed).is_err() {
            let nap = Timespec { tv_sec: 0, tv_nsec: 200_000 };
            // A nap cut short by a signal is as good.
            let _ = rustix::thread::nanosleep(&nap);
        }
        Locked(self)
    }

    /// Whether this thread holds the lock.
    pub fn is_mine(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == this_thread()
    }

    /// Frees the lock, whoever holds it: for a child, whose only thread is a copy of the holder, with another name.
    pub fn free(&self) {
        self.owner.store(0, Ordering::Release);
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.free();
    }
}

fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}
