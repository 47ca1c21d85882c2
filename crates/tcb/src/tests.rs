//! Tests of whole connections: tables of one segment in each state, and pairs in virtual time.

mod acks;
mod blocked;
mod bursts;
mod calls;
mod chrono;
mod compressed;
mod early;
mod ecn;
pub(crate) mod fixture;
mod hostile;
mod loss;
mod marks;
mod pair;
mod reassembly;
mod recovery;
mod sacks;
mod segment_arrives;
mod sending;
mod sizes;
mod transfer;
mod tuning;
mod walks;
mod windows;
