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

use crate::engine::TABLE;
use crate::errno::{self, Errno};
use crate::raw;
use crate::table::{Found, Guard};
use crate::{fork, real};
use libc::c_int;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sockeye_clock::monotonic;
use sockeye_host::{Apart, SignalsBlocked, Socket, block_signals};
use sockeye_stack::Error;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

static PLACEHOLDER: OnceLock<Apart> = OnceLock::new();

/// Changes under way; and [`SHARING`].
static CHANGES: AtomicU32 = AtomicU32::new(0);
/// Somebody shares.
const SHARING: u32 = 1 << 31;
/// How long to wait for changes. They are a system call each; one that lasts longer is this thread's own, under a signal handler.
const PATIENCE: Duration = Duration::from_millis(100);

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
    while CHANGES.fetch_add(1, Ordering::SeqCst) & SHARING != 0 {
        leave();
        nap();
    }
    Change(())
}

impl Drop for Change {
    fn drop(&mut self) {
        leave();
    }
}

fn leave() {
    let less = |count: u32| (count & !SHARING != 0).then(|| count - 1);
    // In a child that was forked amid a change there is none.
    let _ = CHANGES.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
}

/// While it is there, nothing changes; and no signal handler runs in this thread that would wait for it to end.
struct Sharing {
    _blocked: SignalsBlocked,
}

fn share_alone() -> Sharing {
    let blocked = block_signals();
    let begin = monotonic();
    loop {
        let is_late = monotonic().since(begin) > PATIENCE;
        let changes = CHANGES.load(Ordering::SeqCst);
        let may_begin = changes & SHARING == 0 && (changes == 0 || is_late);
        if may_begin
            && CHANGES
                .compare_exchange(changes, changes | SHARING, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        {
            return Sharing { _blocked: blocked };
        }
        nap();
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        CHANGES.fetch_and(!SHARING, Ordering::SeqCst);
    }
}

fn nap() {
    // A nap cut short is as good.
    let _ = rustix::thread::nanosleep(&rustix::fs::Timespec { tv_sec: 0, tv_nsec: 20_000 });
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
    give_token(&socket)
}

/// Sees to it that all sockets are their tokens: another process is about to inherit them. Which cannot be stays this process's alone.
pub fn share_all() {
    // The child of a vfork() finds that its parent has done it.
    let is_needed = || (0..TABLE.end()).any(|fd| lone_socket(fd).is_some());
    if fork::is_borrowing_memory() || !is_needed() {
        return;
    }
    let _sharing = share_alone();
    for socket in (0..TABLE.end()).filter_map(lone_socket) {
        let _ = give_token(&socket);
    }
}

/// The socket that `fd` names, if this process holds it alone.
fn lone_socket(fd: u32) -> Option<Guard<Socket>> {
    match TABLE.find(fd.cast_signed()) {
        Found::Ours(socket) => Some(socket).filter(|socket| !socket.has_token() && !socket.is_of_parent()),
        Found::Foreign | Found::Inherited => None,
    }
}

/// For a caller that shares.
fn give_token(socket: &Guard<Socket>) -> Result<(), Errno> {
    let Some(token) = socket.give_token().map_err(errno::of)? else { return Ok(()) };
    if socket.is_nonblocking() {
        // It is new, and a socket.
        let _ = rustix::io::ioctl_fionbio(&token, true);
    }
    for fd in (0..TABLE.end()).map(u32::cast_signed) {
        if matches!(TABLE.find(fd), Found::Ours(other) if other.is_same(socket)) {
            real::replace(token.as_fd(), fd);
        }
    }
    Ok(())
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
}
