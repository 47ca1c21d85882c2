//! SO_TIMESTAMPING's flags.

use crate::Errno;
use libc::c_int;

/// Tell when the last byte of a send left the host.
pub const TX_SOFTWARE: u32 = 1 << 1;
/// Tell when text arrived.
pub const RX_SOFTWARE: u32 = 1 << 3;
/// Tell what software noted.
pub const SOFTWARE: u32 = 1 << 4;
/// Number what is told.
pub const OPT_ID: u32 = 1 << 7;
/// Tell when the last byte of a send was handed to the link.
pub const TX_SCHED: u32 = 1 << 8;
/// Tell when the last byte of a send was acknowledged.
pub const TX_ACK: u32 = 1 << 9;
/// Tell with the control messages of the way a packet took.
pub const OPT_CMSG: u32 = 1 << 10;
/// Tell without the bytes that were sent.
pub const OPT_TSONLY: u32 = 1 << 11;
/// Tell the state of the connection, too.
pub const OPT_STATS: u32 = 1 << 12;
/// Number from what the program has written, not from what is acknowledged.
pub const OPT_ID_TCP: u32 = 1 << 16;
/// All that Linux 6.18 knows.
const KNOWN: u32 = (1 << 19) - 1;
/// What needs hardware, or a clock of its own, never comes on a kernel without them either.
const WITHOUT_EFFECT: u32 = 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 14 | 1 << 15 | 1 << 17;
/// What is taken.
const TAKEN: u32 = TX_SOFTWARE
    | RX_SOFTWARE
    | SOFTWARE
    | OPT_ID
    | TX_SCHED
    | TX_ACK
    | OPT_CMSG
    | OPT_TSONLY
    | OPT_ID_TCP
    | WITHOUT_EFFECT;

/// The flags, if all that they ask for is told.
///
/// # Errors
/// EINVAL for flags that Linux does not know, or that contradict each other, or that nobody here tells (statistics).
pub fn check(value: c_int) -> Result<u32, Errno> {
    let flags = value.cast_unsigned();
    let is_known = flags & !KNOWN == 0 && flags & !TAKEN == 0;
    let is_numbered = flags & OPT_ID_TCP == 0 || flags & OPT_ID != 0;
    if is_known && is_numbered { Ok(flags) } else { Err(Errno::INVAL) }
}
