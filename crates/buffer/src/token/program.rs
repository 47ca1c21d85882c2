//! The program's part: after each call the token says what the socket does, or the engine is rung.

use super::{EMPTY, FILLING, FULL, MANY_EDGES, SEND_BUFFER, TokenEnd};
use crate::readiness::{held, is_hung_up, is_readable};
use crate::slot::Condition;
use crate::sync::{Ordering, fence};
use crate::{SlotHeader, is_urgent_here};

/// By each process, before the engine mirrors anything onto the token.
pub fn prepare(header: &SlotHeader, token: &impl TokenEnd) {
    // Also if another has been here: it may have been killed between the two.
    token.set_send_buffer(SEND_BUFFER);
    if header.readiness.prepared.swap(1, Ordering::SeqCst) == 0 {
        token.send();
    }
}

/// Makes the token not writable, unless it is so. Who finds that another is at it, or the engine, does the same: the other may be killed
/// before it has sent anything, and an edge comes from what is sent only.
pub fn fill(header: &SlotHeader, token: &impl TokenEnd) {
    let filled = &header.readiness.tx_token;
    loop {
        let found = filled.compare_exchange(EMPTY, FILLING, Ordering::SeqCst, Ordering::SeqCst);
        if found == Err(FULL) {
            return;
        }
        token.fill();
        let full = |word| (word != EMPTY).then_some(FULL);
        let left = filled.fetch_update(Ordering::SeqCst, Ordering::SeqCst, full);
        if left.is_ok() {
            return;
        }
        // The engine has emptied it since, for another who was done or killed: it may have taken what was sent here, and may not.
    }
}

/// Bytes were read, or there were none. For a caller that holds the receive lock, unless there were none. Returns whether to ring.
#[must_use]
pub fn after_read(header: &SlotHeader, token: &impl TokenEnd) -> bool {
    let readiness = &header.readiness;
    let word = header.engine.condition.load(Ordering::SeqCst);
    if word & (Condition::END_OF_FILE | Condition::RECV_SHUT) != 0 {
        // Readable for ever; and if it is shut for writing, too, the token has hung up once all is read.
        return is_hung_up(word) && held(header) == 0;
    }
    if readiness.rx_token.swap(0, Ordering::SeqCst) == 0 && is_readable(header) {
        return false;
    }
    fence(Ordering::SeqCst);
    if is_readable(header) || is_urgent_here(header) {
        // The byte stays, and what arrives next is an edge of its own, for which there must be room.
        if readiness.shown_edges.load(Ordering::Relaxed) > MANY_EDGES {
            readiness.shown_edges.store(0, Ordering::SeqCst);
            token.take_surplus();
            // Who found nothing may have drained it meanwhile: then this was what shows the text.
            readiness.rx_token.swap(0, Ordering::SeqCst);
            return true;
        }
        return false;
    }
    match readiness.urgent_token.swap(0, Ordering::SeqCst) {
        0 => token.drain(),
        _ => token.drain_urgent(),
    }
    // What the engine has shown since may be among what was just taken, also if somebody has read what it was about. Each change of the
    // words is an exchange: of two, one sees the other's.
    readiness.rx_token.swap(0, Ordering::SeqCst);
    readiness.urgent_token.swap(0, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    is_readable(header) || is_urgent_here(header)
}

/// Whether the token shows an urgent byte that was taken or passed.
#[must_use]
pub fn is_urgent_over(header: &SlotHeader) -> bool {
    header.readiness.urgent_token.load(Ordering::Relaxed) != 0 && !is_urgent_here(header)
}

/// The urgent byte was taken or passed. For a caller that holds the receive lock. Returns whether to ring; [`after_read`] is due if there
/// is nothing else to read.
#[must_use]
pub fn after_urgent(header: &SlotHeader, token: &impl TokenEnd) -> bool {
    header.readiness.urgent_token.store(0, Ordering::SeqCst);
    token.take_urgent();
    fence(Ordering::SeqCst);
    // It came meanwhile, and its byte may be the one just taken.
    is_urgent_here(header)
}

/// Bytes were written, or a connection begun: if the socket is not writable, neither is the token. For a caller that holds the send lock,
/// or that nobody else can write beside. Returns whether to ring.
#[must_use]
pub fn after_write(header: &SlotHeader, token: &impl TokenEnd) -> bool {
    if is_writable(header) {
        return header.readiness.tx_token.load(Ordering::SeqCst) != EMPTY;
    }
    fill(header, token);
    fence(Ordering::SeqCst);
    // There was room before the token was full: the engine has not emptied it.
    is_writable(header)
}

/// Not all that was to be written was: as on Linux the next room is told, also if there is some by now. Returns whether to ring.
#[must_use]
pub fn after_short_write(header: &SlotHeader, token: Option<&impl TokenEnd>) -> bool {
    if let Some(token) = token {
        fill(header, token);
    }
    wants_room(header)
}

/// Asks to be told of room in SendQ. Whether there is some already.
#[must_use]
pub fn wants_room(header: &SlotHeader) -> bool {
    header.readiness.no_space.store(1, Ordering::SeqCst);
    // With the engine's fence before it looks whether anybody asks.
    fence(Ordering::SeqCst);
    is_writable(header)
}

fn is_writable(header: &SlotHeader) -> bool {
    crate::readiness::is_writable(header, header.engine.condition.load(Ordering::SeqCst))
}
