//! What has no safe form: starting a process from within an unknown program, and signals.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

/// A descriptor of ours by its number.
pub(crate) fn borrow(number: i32) -> BorrowedFd<'static> {
    debug_assert!(number >= 0, "only descriptors that are there are borrowed");
    // SAFETY: not -1; if a program has closed it by a way of its own, calls fail and no memory is unsafe.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Takes a descriptor back that was given away as a number.
pub(crate) fn own(number: i32) -> OwnedFd {
    // SAFETY: whoever calls this was given the number, and gives it to nobody else.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Stands for a descriptor that is not there: each call on it fails.
pub(crate) fn no_descriptor() -> BorrowedFd<'static> {
    // SAFETY: the highest number is no open file's, and it is not -1.
    unsafe { BorrowedFd::borrow_raw(i32::MAX) }
}

/// The file that this code was loaded from: the library's, or the program's.
pub(crate) fn own_file() -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    let here = own_file as *const c_void;
    // SAFETY: `info` can be written, and any address may be asked for.
    let found = unsafe { libc::dladdr(here, info.as_mut_ptr()) };
    // SAFETY: all zero is a value of this type.
    let info = unsafe { info.assume_init() };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's name for the file, which lives as long as the file is loaded.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(std::ffi::OsString::from_vec(name.to_bytes().to_vec()).into())
}

/// A program to be run: everything is made before the fork, after which nothing may be allocated.
pub(crate) struct Program {
    pub(crate) path: CString,
    pub(crate) arguments: Vec<CString>,
    pub(crate) environment: Vec<CString>,
}

/// Runs a program with `output` as its standard output and error. Returns its process id, which [`wait_for`] takes.
/// The calling program is not told: no SIGCHLD, nothing for its `wait()`, none of its `atfork` handlers.
pub(crate) fn run(program: &Program, output: BorrowedFd<'_>) -> std::io::Result<i32> {
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(&program.arguments), pointers(&program.environment));
    // SAFETY: as fork, but without a signal to the parent. The child does nothing but system calls and then ends or is replaced.
    let child = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if child < 0 {
        return Err(std::io::Error::last_os_error());
    }
    if child == 0 {
        become_program(program, &arguments, &environment, output.as_raw_fd());
    }
    Ok(i32::try_from(child).unwrap_or(-1))
}

/// In the child.
fn become_program(
    program: &Program,
    arguments: &[*const c_char],
    environment: &[*const c_char],
    output: i32,
) -> ! {
    reset_signals();
    reset_scheduling();
    reset_limits();
    // SAFETY: a session of its own: Ctrl-C at the calling program's terminal is not for the host.
    unsafe { libc::syscall(libc::SYS_setsid) };
    for target in [1, 2] {
        // SAFETY: a system call on numbers. The C library's name for it may be the calling program's own.
        unsafe { libc::syscall(libc::SYS_dup3, output, target, 0) };
    }
    // SAFETY: three pointers to strings and arrays that end with a null, all alive.
    unsafe {
        libc::syscall(libc::SYS_execve, program.path.as_ptr(), arguments.as_ptr(), environment.as_ptr())
    };
    // SAFETY: ends this process.
    unsafe { libc::syscall(libc::SYS_exit_group, 127) };
    unreachable!("exit_group does not return")
}

/// The calling program may block or ignore signals; a program that it starts would inherit that.
fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: sets a signal to its default; for those that cannot be set it fails.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let none = 0u64;
    // SAFETY: the kernel's own form of an empty set, 8 bytes.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, 0, 8) };
}

/// The program that happens to be first may be a nice one, or bound to a processor; the host is for all that come after it.
fn reset_scheduling() {
    const IOPRIO_WHO_PROCESS: i32 = 1;
    const DEFAULT_SLACK: libc::c_ulong = 50_000;
    let everywhere = [u64::MAX; 16];
    let no_priority = 0i32;
    // SAFETY: the kernel reads the number, as long as this call.
    unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_OTHER, &raw const no_priority) };
    // SAFETY: a call on numbers. What is not allowed stays.
    unsafe { libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, 0) };
    let len = size_of_val(&everywhere);
    // SAFETY: the kernel reads so many bytes, as long as this call.
    unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, len, everywhere.as_ptr()) };
    // SAFETY: a call on numbers.
    unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0) };
    // SAFETY: a call on numbers.
    unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_TIMERSLACK, DEFAULT_SLACK) };
    write_zero(c"/proc/self/oom_score_adj");
}

fn write_zero(path: &CStr) {
    // SAFETY: a string that ends with a null.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), libc::O_WRONLY) };
    // SAFETY: one byte is read. A number that is no file's makes the call fail.
    unsafe { libc::syscall(libc::SYS_write, file, c"0".as_ptr(), 1) };
    // SAFETY: it is this function's alone.
    unsafe { libc::syscall(libc::SYS_close, file) };
}

/// Stack that the host has in any case, bytes: as Linux's default.
const STACK: libc::rlim_t = 8 << 20;

/// What the program may use of the machine is not what the host may use for all: it has no bounds where that is allowed, else the widest that
/// are.
fn reset_limits() {
    for resource in
        [libc::RLIMIT_CPU, libc::RLIMIT_FSIZE, libc::RLIMIT_DATA, libc::RLIMIT_RSS, libc::RLIMIT_AS]
    {
        let none = [libc::RLIM_INFINITY; 2];
        if set_limit(resource, &none) {
            continue;
        }
        let [_, most] = limit(resource);
        set_limit(resource, &[most; 2]);
    }
    let [least, most] = limit(libc::RLIMIT_STACK);
    set_limit(libc::RLIMIT_STACK, &[least.max(STACK.min(most)), most]);
}

/// The soft and the hard limit.
fn limit(resource: libc::__rlimit_resource_t) -> [libc::rlim_t; 2] {
    let mut limit = [libc::RLIM_INFINITY; 2];
    let no_new = ptr::null::<libc::rlim_t>();
    // SAFETY: the kernel writes two numbers, and reads nothing.
    unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, no_new, limit.as_mut_ptr()) };
    limit
}

/// Sets the soft and the hard limit.
fn set_limit(resource: libc::__rlimit_resource_t, limit: &[libc::rlim_t; 2]) -> bool {
    let no_old = ptr::null_mut::<libc::rlim_t>();
    // SAFETY: the kernel reads two numbers, and writes nothing.
    unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, limit.as_ptr(), no_old) == 0 }
}

/// How a process ended.
pub(crate) enum End {
    /// With this status.
    Exit(i32),
    /// By this signal.
    Killed(i32),
    /// The calling program has its children reaped by the kernel (SA_NOCLDWAIT): there is no telling.
    Unknown,
}

/// Waits for a process that [`run`] started.
pub(crate) fn wait_for(process: i32) -> End {
    let mut status = 0;
    loop {
        // SAFETY: `status` can be written. `__WALL` finds children that send no signal.
        let waited = unsafe { libc::waitpid(process, &raw mut status, libc::__WALL) };
        if waited == process {
            let exited = libc::WIFEXITED(status);
            return if exited {
                End::Exit(libc::WEXITSTATUS(status))
            } else {
                End::Killed(libc::WTERMSIG(status))
            };
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return End::Unknown;
        }
    }
}

/// Has the kernel refuse to pass descriptors to this AF_UNIX socket, and to those that it accepts. What nobody reads is closed by the process
/// that it was sent to, and closing can take for ever: a socket with SO_LINGER does. Before Linux 6.16 there is no such option.
pub(crate) fn take_no_descriptors(socket: BorrowedFd<'_>) {
    const SO_PASSRIGHTS: i32 = 83;
    let off = 0i32;
    let (value, len) = ((&raw const off).cast(), size_of::<i32>() as libc::socklen_t);
    // SAFETY: the value is one number of that length, alive during the call.
    let _ = unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_PASSRIGHTS, value, len) };
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its effective user.
    pub(crate) user: u32,
    /// `None` if it lives in a PID namespace that this process does not see.
    pub(crate) process: Option<rustix::process::Pid>,
}

/// Who is at the other end of this AF_UNIX socket.
pub(crate) fn peer(socket: BorrowedFd<'_>) -> rustix::io::Result<Peer> {
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    let value = (&raw mut peer).cast();
    // SAFETY: the kernel writes at most `len` bytes, of numbers.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, value, &raw mut len)
    };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        return Err(rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::INVAL));
    }
    Ok(Peer { user: peer.uid, process: rustix::process::Pid::from_raw(peer.pid) })
}

/// Gives memory that is allocated to nobody back to the system. For a process of our own: a program may have other plans with its.
pub(crate) fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the allocator looks through what is free, under its own lock.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Closes all descriptors from `first` on that the process inherited.
pub(crate) fn close_from(first: u32) {
    // SAFETY: called before this process has opened any descriptor that it keeps.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}

/// Ignores SIGPIPE, SIGHUP, and the signals of limits that a call can tell of.
pub(crate) fn ignore_signals() {
    for signal in [libc::SIGPIPE, libc::SIGHUP, libc::SIGXFSZ] {
        // SAFETY: sets the disposition of one signal.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// A descriptor that is readable when SIGTERM or SIGINT came. For a process with one thread.
pub(crate) fn signals() -> std::io::Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `set` can be written.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: `set` is a set.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: `set` is a set; the old mask is not wanted.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut()) };
    // SAFETY: `set` is a set.
    let descriptor = unsafe { libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// While it is there, this thread takes no signals.
#[derive(Debug)]
pub struct SignalsBlocked {
    before: Option<libc::sigset_t>,
}

/// Holds back the signals of this thread.
pub fn block_signals() -> SignalsBlocked {
    let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `all` can be written.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `all` is a set, and `before` can be written.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: it was zero, and the call has filled it if it succeeded: both are values.
    let before = unsafe { before.assume_init() };
    SignalsBlocked { before: (result == 0).then_some(before) }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // SAFETY: the mask as it was.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, ptr::null_mut()) };
        }
    }
}

/// Runs a call that may write to a pipe without readers, and takes back the SIGPIPE that EPIPE brings: its handler may call us, or jump out of
/// us. The caller raises the signal once it holds no lock.
pub(crate) fn without_sigpipe<T>(call: impl FnOnce() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `set` can be written.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: `set` is a set.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE) };
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `set` is a set, and `before` can be written.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) };
    // SAFETY: the call has filled it: a set and a signal that exists cannot fail.
    let was_blocked = unsafe { libc::sigismember(before.as_ptr(), libc::SIGPIPE) } == 1;
    let result = call();
    if was_blocked {
        return result;
    }
    if result.as_ref().is_err_and(|error| *error == rustix::io::Errno::PIPE) {
        let no_time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `set` is a set, and nothing is to be told of the signal.
        unsafe { libc::sigtimedwait(set.as_ptr(), ptr::null_mut(), &raw const no_time) };
    }
    // SAFETY: the mask as it was.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result
}
