//! Sockeye behind the interface that packetdrill loads with `--so_filename`: one host, in virtual time, with one link to the outside.
//!
//! ```text
//!  packetdrill                 this library
//!    socket calls  ──────────►  calls, transfer, poll, epoll, options ──► Network
//!    netdev_send   ──────────►  Outside (a link)                     ──►    │
//!    netdev_receive ◄─────────  Outside                              ◄──    ▼
//!    usleep, gettimeofday ───►  drive: the clock, timers at their exact times
//! ```
//!
//! Time passes only when the tool asks what time it is (a microsecond each), sleeps, or waits for a packet. A call that blocks does so
//! in a thread of the tool's own; whoever moves time lets that thread look again after everything that happens, and does not go on
//! before the thread has taken note of the time.
//!
//! A socket has the number of a descriptor of the kernel's, because the tool closes it with the kernel in the end. The calls that the tool
//! makes past its interface (sendfile, getsockopt for TCP_INFO) come here if the library is also preloaded.
#![deny(unsafe_code)]

mod calls;
mod drive;
mod epoll;
mod fast_open;
mod flags;
mod options;
mod parameters;
mod poll;
mod raw;
mod report;
mod settings;
mod socket;
mod table;
mod transfer;
mod world;

pub use raw::{Interface, packetdrill_interface_init};

#[cfg(test)]
mod tests;
