//! Byte rings between a program and the engine, on the heap or in shared memory.
//!
//! A [`Slot`] is the memory of one socket: a [`SlotHeader`] of atomic words and two rings. The program writes into SendQ
//! ([`SendQWriter`]) and reads from RecvQ ([`RecvQReader`]); the engine has the other halves ([`SendQ`], [`RecvQ`]).
//! The halves share no lock: each publishes its position with one atomic store after the copy, and the engine believes
//! nothing that it reads from the program's words.
//!
//! ```text
//!  Region:  | arena header | slot 0 | slot 1 | ...
//!  Slot:    | header page | SendQ area: 2 * max_send | RecvQ area: 2 * max_recv |
//!  Area:    | ring of 4 KiB at 4 KiB | ring of 8 KiB at 8 KiB | ring of 16 KiB at 16 KiB | ...
//! ```
//!
//! Each size of ring has its own place, so that a ring grows by copying what it holds and then telling its new size;
//! the memory is reserved address space, of which only what is used is touched.
//!
//! All pointers are in files called `raw.rs`. Without the feature `std` slots live on the heap and have no locks;
//! `std` adds the shared memory ([`Arena`]), the locks between programs, futexes and the [`HostPage`].
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(unsafe_code)]
extern crate alloc;

pub mod accept_queue;
mod addresses;
#[cfg(any(test, feature = "fuzzing"))]
mod af_unix;
#[cfg(all(feature = "std", not(loom)))]
pub mod arena;
mod arrivals;
mod assembler;
mod bits;
#[cfg(all(test, feature = "std", not(any(miri, loom))))]
#[path = "child/raw.rs"]
mod child;
#[cfg(all(feature = "std", not(loom)))]
pub mod futex;
#[cfg(all(any(test, feature = "fuzzing"), feature = "std", not(any(miri, loom))))]
#[doc(hidden)]
pub mod fuzzing;
pub mod handover;
#[cfg(all(feature = "std", not(any(miri, loom))))]
pub mod host_page;
mod info;
pub mod lock;
#[cfg(all(test, loom))]
#[path = "model/tests.rs"]
mod loom_model;
pub mod mailbox;
#[cfg(all(test, not(loom)))]
#[path = "oracle/tests.rs"]
mod oracle;
#[cfg(all(feature = "std", not(any(miri, loom))))]
mod pipe;
#[cfg(not(loom))]
mod raw;
#[cfg(loom)]
#[path = "model/raw.rs"]
mod raw;
mod readiness;
pub mod ready_list;
pub mod recvq;
mod ring;
pub mod sendq;
mod sequence;
#[cfg(all(feature = "std", not(loom)))]
mod shared;
pub mod slot;
mod sync;
pub mod text;
pub mod token;
mod urgent;

pub use accept_queue::AcceptQueue;
pub use addresses::AddressLine;
#[cfg(all(feature = "std", not(loom)))]
pub use arena::Arena;
pub use arrivals::{ArrivalLine, arrival_of, note_arrival};
pub use handover::Handover;
#[cfg(all(feature = "std", not(any(miri, loom))))]
pub use host_page::HostPage;
pub use info::{INFO_TIMES, INFO_WORDS};
#[cfg(all(feature = "std", not(any(miri, loom))))]
pub use lock::LockGuard;
#[cfg(all(feature = "std", not(any(miri, loom))))]
pub use mailbox::{Mailbox, Mailboxes};
pub use readiness::{held, is_hung_up, is_readable, is_writable};
#[cfg(not(loom))]
pub use ready_list::ReadyList;
pub use ready_list::{GROUPS, Mark, WATCHES};
pub use recvq::{RecvQ, RecvQReader};
pub use sendq::{SendQ, SendQWriter};
pub use slot::{Condition, Flag, Slot, SlotHeader};
pub use text::Text;
pub use urgent::{UrgentByte, distance_to_mark, is_hidden_next, is_urgent_here};
