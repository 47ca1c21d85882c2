//! What a socket's words say of its readiness, by Linux's rules.

use crate::slot::Condition;
use crate::sync::Ordering;
use crate::{SlotHeader, is_hidden_next};

/// Whether both directions of what was a connection are shut.
#[must_use]
#[inline]
pub fn is_hung_up(condition: u32) -> bool {
    const RECV: u32 = Condition::END_OF_FILE | Condition::RECV_SHUT | Condition::CLOSED;
    condition & RECV != 0 && condition & Condition::SEND_SHUT != 0
}

/// Whether there is something to read or to accept.
#[must_use]
#[inline]
pub fn is_readable(header: &SlotHeader) -> bool {
    let held = held(header);
    let low_water = u64::from(header.readiness.recv_low_water.load(Ordering::Relaxed).max(1));
    let limit = u64::from(header.engine.recv_limit.load(Ordering::Relaxed).max(1));
    held >= low_water.min(limit) || header.waiting() > 0
}

/// Bytes in RecvQ.
#[must_use]
#[inline]
pub fn held(header: &SlotHeader) -> u64 {
    let head = header.receiver.recv_head.load(Ordering::Relaxed);
    let held = header.engine.recv_tail.load(Ordering::Acquire).saturating_sub(head);
    // The urgent byte that is next is passed, not read.
    held.saturating_sub(u64::from(is_hidden_next(header)))
}

/// Linux's rule: at least a third of SO_SNDBUF is free; or writing fails at once.
#[must_use]
#[inline]
pub fn is_writable(header: &SlotHeader, condition: u32) -> bool {
    if condition & (Condition::SEND_SHUT | Condition::CLOSED) != 0 {
        return true;
    }
    if condition & Condition::CONNECTED == 0 {
        return condition & (Condition::CONNECTING | Condition::LISTENING) == 0;
    }
    let head = header.engine.send_head.load(Ordering::Acquire);
    let sent = header.sender.send_tail.load(Ordering::Acquire).saturating_sub(head);
    let limit = u64::from(header.engine.send_limit.load(Ordering::Relaxed));
    limit.saturating_sub(sent).saturating_mul(3) >= limit && header.is_unsent_low()
}
