//! What a socket's descriptors are to the kernel.
//!
//! ```text
//!   fd 5 ──┐                                    fd 5 ──┐
//!   fd 6 ──┼──▶ the placeholder    share(5)     fd 8 ──┴──▶ the socket's token ◀──▶ engine
//!   fd 8 ──┘    of this process   ─────────▶    fd 6 ─────▶ the placeholder
//! ```
//!
//! A descriptor that only this process has, and that its calls name to this library, needs to be nothing but a number that is in use: a copy
//! of one *placeholder*. Where the kernel has to know the socket (`fork()`, `exec()`, SCM_RIGHTS, a kernel's epoll set, SIGIO), it is
//! *shared*: it gets a token, of which all its numbers become copies.
//!
//! Sharing must not meet a number that is closed, or copied, meanwhile: who does that announces a *change*, and who shares waits until
//! there is none. No lock of the usual kind will do, for signal handlers close descriptors, too, and so do children of `fork()`.
//!
//! ```text
//!            CHANGES   0 ... n changes announced
//!                          |
//!   who shares has its turn: | WANTED    those that come now wait, those announced go on and end
//!                          | SHARING   those that come now announce themselves, and wait
//!                          |
//!                          0 ... n     they go on; who shares next waits for them
//! ```
//!
//! So neither keeps the other waiting, however many there are, and all sleep until it is their turn.

use crate::engine::TABLE;
use crate::errno::{self, Errno};
use crate::raw;
use crate::table::{Found, Guard};
use crate::{fork, real};
use libc::c_int;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sockeye_clock::monotonic;
use sockeye_host::{Apart, SignalsBlocked, Socket, block_signals, futex};
use sockeye_stack::Error;
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

static PLACEHOLDER: OnceLock<Apart> = OnceLock::new();

/// Changes announced; and [`SHARING`] or [`WANTED`].
static CHANGES: AtomicU32 = AtomicU32::new(0);
/// Somebody shares.
const SHARING: u32 = 1 << 31;
/// Somebody waits for the changes announced, to share.
const WANTED: u32 = 1 << 30;
/// How long to wait for them. They are a system call each; one that lasts longer has lost its thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose turn it is to share: [`FREE`], [`TAKEN`] or [`AWAITED`].
static TURN: AtomicU32 = AtomicU32::new(FREE);
const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// It is taken, and others may sleep until it is not.
const AWAITED: u32 = 2;

thread_local! {
    /// Changes of this thread: more than one where a signal handler makes one amid another. They wait for nobody, and nobody of this thread
    /// waits for them.
    static OWN: Cell<u32> = const { Cell::new(0) };
}

/// The lowest free number for a new socket, close-on-exec if `flags` has SOCK_CLOEXEC.
///
/// # Errors
/// `TooManyFiles`.
pub fn reserve(flags: c_int) -> Result<OwnedFd, Error> {
    let placeholder = match PLACEHOLDER.get() {
        Some(placeholder) => placeholder,
        None => {
            let made = Apart::new(new_placeholder()?);
            PLACEHOLDER.get_or_init(|| made)
        }
    };
    let is_kept = flags & libc::SOCK_CLOEXEC == 0;
    let copied =
        if is_kept { rustix::io::dup(placeholder) } else { rustix::io::fcntl_dupfd_cloexec(placeholder, 0) };
    match copied {
        Err(rustix::io::Errno::BADF) => {
            // The program has closed it by a way of its own.
            let descriptor = new_placeholder()?;
            if is_kept {
                let _ = rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::empty());
            }
            Ok(descriptor)
        }
        copied => copied.map_err(|_| Error::TooManyFiles),
    }
}

/// A socket, as far as `fstat()` and netstat can see.
fn new_placeholder() -> Result<OwnedFd, Error> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|_| Error::TooManyFiles)
}

/// While it is there, nobody shares.
#[derive(Debug)]
pub struct Change(());

/// Announces that a number of ours is about to be closed or copied.
pub fn change() -> Change {
    let is_first = OWN.replace(OWN.get() + 1) == 0;
    if is_first {
        announce();
    } else {
        CHANGES.fetch_add(1, Ordering::SeqCst);
    }
    Change(())
}

fn announce() {
    let mut changes = CHANGES.load(Ordering::SeqCst);
    loop {
        if changes & WANTED == 0 {
            match CHANGES.compare_exchange(changes, changes + 1, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => break,
                Err(now) => changes = now,
            }
        } else {
            sleep_while(changes, None);
            changes = CHANGES.load(Ordering::SeqCst);
        }
    }
    // Who shares next waits for what is announced.
    while changes & SHARING != 0 {
        changes = CHANGES.load(Ordering::SeqCst);
        if changes & SHARING != 0 {
            sleep_while(changes, None);
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        OWN.set(OWN.get().saturating_sub(1));
        let less = |changes: u32| (changes & !(SHARING | WANTED) != 0).then(|| changes - 1);
        // In a child that was forked amid a change there is none.
        let before = CHANGES.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        if before.is_ok_and(|changes| changes & WANTED != 0) {
            futex::wake_all(&CHANGES);
        }
    }
}

/// While it is there, nothing changes; and no signal handler runs in this thread that would wait for it to end.
struct Sharing {
    _blocked: SignalsBlocked,
}

fn share_alone() -> Sharing {
    let sharing = take_turn();
    CHANGES.fetch_or(WANTED, Ordering::SeqCst);
    let begin = monotonic();
    let own = OWN.get();
    let mut changes = CHANGES.load(Ordering::SeqCst);
    loop {
        let left = PATIENCE.saturating_sub(monotonic().since(begin));
        if changes & !WANTED > own && !left.is_zero() {
            sleep_while(changes, Some(left));
            changes = CHANGES.load(Ordering::SeqCst);
            continue;
        }
        let shared = changes & !WANTED | SHARING;
        match CHANGES.compare_exchange(changes, shared, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => break,
            Err(now) => changes = now,
        }
    }
    // Those that have waited meanwhile can announce themselves.
    futex::wake_all(&CHANGES);
    sharing
}

/// Waits until nobody else shares. Signal handlers may run until then: they may share, too.
fn take_turn() -> Sharing {
    let mut taken = TAKEN;
    loop {
        let blocked = block_signals();
        let before = match TURN.compare_exchange(FREE, taken, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => return Sharing { _blocked: blocked },
            Err(TAKEN) => TURN.compare_exchange(TAKEN, AWAITED, Ordering::SeqCst, Ordering::SeqCst),
            Err(_) => Ok(AWAITED),
        };
        drop(blocked);
        // Others may sleep as well.
        taken = AWAITED;
        if before.is_ok() {
            let _ = futex::wait(&TURN, AWAITED, None);
        }
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        CHANGES.fetch_and(!SHARING, Ordering::SeqCst);
        futex::wake_all(&CHANGES);
        if TURN.swap(FREE, Ordering::SeqCst) == AWAITED {
            futex::wake_one(&TURN);
        }
    }
}

/// Sleeps unless [`CHANGES`] has changed. It may end early.
fn sleep_while(changes: u32, time: Option<Duration>) {
    let _ = futex::wait(&CHANGES, changes, time);
}

/// Sees to it that `fd`, if it is a socket of ours, is its token.
///
/// # Errors
/// EMFILE; ENETDOWN if the engine is gone.
pub fn share(fd: c_int) -> Result<(), Errno> {
    let Found::Ours(socket) = TABLE.find(fd) else { return Ok(()) };
    if socket.has_token() {
        return Ok(());
    }
    let _sharing = share_alone();
    // Another thread may have closed the number meanwhile, or shared the socket.
    let is_only = socket.is_of_one_descriptor() && names(fd, &socket);
    give_token(&socket, if is_only { fd.unsigned_abs() } else { 0 })
}

/// Sees to it that all sockets are their tokens: another process is about to inherit them. Which cannot be stays this process's alone.
pub fn share_all() {
    // The child of a vfork() finds that its parent has done it.
    let is_needed = || (0..TABLE.end()).any(|fd| lone_socket(fd).is_some());
    if fork::is_borrowing_memory() || !is_needed() {
        return;
    }
    let _sharing = share_alone();
    for fd in 0..TABLE.end() {
        if let Some(socket) = lone_socket(fd) {
            let _ = give_token(&socket, fd);
        }
    }
}

/// The socket that `fd` names, if this process holds it alone.
fn lone_socket(fd: u32) -> Option<Guard<Socket>> {
    match TABLE.find(fd.cast_signed()) {
        Found::Ours(socket) => Some(socket).filter(|socket| !socket.has_token() && !socket.is_of_parent()),
        Found::Foreign | Found::Inherited => None,
    }
}

/// For a caller that shares. The socket's numbers are `first` and above.
fn give_token(socket: &Guard<Socket>, first: u32) -> Result<(), Errno> {
    let Some(token) = socket.give_token().map_err(errno::of)? else { return Ok(()) };
    if socket.is_nonblocking() {
        // It is new, and a socket.
        let _ = rustix::io::ioctl_fionbio(&token, true);
    }
    let numbers = (first..TABLE.end()).map(u32::cast_signed).filter(|&fd| names(fd, socket));
    // A walk over all descriptors for each socket would take long where there are many.
    numbers.take(socket.descriptor_count()).for_each(|fd| real::replace(token.as_fd(), fd));
    Ok(())
}

fn names(fd: c_int, socket: &Guard<Socket>) -> bool {
    matches!(TABLE.find(fd), Found::Ours(other) if other.is_same(socket))
}

/// [`Socket::arm`], of a socket that is shared first.
///
/// # Errors
/// As [`share`].
pub fn arm(fd: c_int, socket: &Socket) -> Result<(), Errno> {
    share(fd)?;
    socket.arm(raw::borrow(fd)).map_err(errno::of)
}

/// In a child after `fork()`: it has no other thread.
pub fn after_fork_in_child() {
    CHANGES.store(0, Ordering::SeqCst);
    TURN.store(FREE, Ordering::SeqCst);
}

#[cfg(test)]
mod tests;
