//! Byte rings between a program and the engine, on the heap or in shared memory.
#![cfg_attr(not(feature = "std"), no_std)]
extern crate alloc;

pub mod slot;
pub mod sendq;
pub mod recvq;
pub mod text;

pub use recvq::{RecvQ, RecvQReader};
pub use sendq::{SendQ, SendQWriter};
pub use slot::{Condition, Slot, SlotHeader};
pub use text::Text;
