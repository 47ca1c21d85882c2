//! `libsockeye`: the POSIX sockets functions over Sockeye.
//!
//! `AF_INET` and `AF_INET6` stream sockets are Sockeye's; every other descriptor goes to the C library's own function
//! ([`real`]), found with `dlsym(RTLD_NEXT)`. What a Sockeye socket's descriptor is in the
//! kernel's eyes stands in [`numbers`]; which descriptors are ours, and of what, is in the [`table`].
//!
//! Each function exists twice: as `sockeye_recv()`, say, documented in the module of its family and declared in
//! `include/sockeye.h`, and as `recv()` ([`exports`]). A function is three steps: is the descriptor foreign? then call
//! the real function in tail position, outside every guard, so that `pthread_cancel()` unwinds through nothing of
//! ours; else convert the arguments (`raw.rs`); then one safe call inside a panic guard ([`errno::guard`]).
//!
//! A program that wants the two stacks side by side opens the library with `dlopen(…, RTLD_LOCAL)`: then only
//! the `sockeye_*` names that it looks up are Sockeye's.
//!
//! What is used before the library is initialised, in a signal handler or in the child of `vfork()` takes no lock and
//! allocates nothing: a look-up in the table is three loads and two atomic additions.

pub mod cancel;
pub mod descriptors;
pub mod engine;
pub mod epoll;
pub mod errno;
pub mod exports;
pub mod fork;
pub mod io;
pub mod lifecycle;
pub mod message;
pub mod names;
pub mod numbers;
pub mod options;
pub mod printf;
pub mod processes;
mod raw;
pub mod ready;
pub mod real;
pub mod select;
pub mod sendfile;
pub mod splice;
pub mod stdio;
pub mod system_call;
pub mod table;
