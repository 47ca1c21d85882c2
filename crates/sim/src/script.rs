//! A small language for conformance tests: one host under test, and a peer that the test plays by hand.
//!
//! ```
//! use sockeye_sim::Scene;
//!
//! Scene::play(
//!     "listen
//!      < S 0 win 20000 mss 1000     # we send, with numbers that count from our own SYN
//!      > SA 0 ack 1                 # the host answers, with numbers that count from its SYN
//!      < A 1 ack 1 win 20000
//!      accept
//!      < PA 1 len 10 ack 1 win 20000
//!      > A 1 ack 11                 # and nothing else is sent
//!      recv 10
//!      state ESTABLISHED",
//! )
//! .unwrap();
//! ```
//!
//! A line is one step, what follows `#` is a remark. The steps:
//!
//! | step | meaning |
//! |---|---|
//! | `< SEGMENT` | the peer sends a segment |
//! | `> SEGMENT` | the host has sent this segment by now, and it is the next one |
//! | `> after 200ms SEGMENT` | it sends this next, not earlier, not later; `after 200ms..1s` gives room; nothing is sent before |
//! | `wait 1s` | time passes and nothing is sent |
//! | `flush` | what was sent is not looked at |
//! | `listen`, `connect`, `accept`, `send 100`, `recv 100`, `shutdown`, `close`, `abort` | what the program does; `send` writes all, `recv` checks each byte |
//! | `end` | the program reads end of file |
//! | `icmp too-big 1400 seq 1` | an ICMP error arrives about our segment that begins there: `unreachable` and `network`, `host`, `protocol`, `port`, `prohibited` or a code; `too-big` and an MTU; `exceeded`; `parameter`; `quench` |
//! | `error ConnectionReset` | SO_ERROR (the name of [`sockeye_stack::Error`]); `error none` |
//! | `state ESTABLISHED` | netstat's word for the connection; `gone` if there is none |
//!
//! After each step everything that the host sent must have been expected: a step that is not `>` fails if something was sent that no `>`
//! took.
//!
//! A segment is its flags, its sequence number, and what matters of the rest: `SA 0 len 10 ack 1 win 1000 urg 5 mss 1460 scale 7
//! sackok ts 100 0 sack 11-21 from 7`. Flags are letters of `SFRPAUEC`, or `-`. Of a segment that is expected only what is written
//! is compared; PSH, ECE and CWR only if the line has one of them; the length always. `from` shifts the bytes of the text, so that
//! they are others than the ones that belong to this place of the stream.

mod hand;
mod icmp;
mod notation;
mod scene;
mod steps;

pub use hand::Hand;
pub use notation::{Notation, byte_at};
pub use scene::{Numbers, Scene, Seen};
