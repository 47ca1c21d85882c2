//! The engine's part: it shows what has changed, and makes room in a token that programs have filled.

use super::{ARMED_FOR_EDGES, EMPTY, EMPTYING, FULL, TokenEnd};
use crate::readiness::{held, is_hung_up, is_readable, is_writable};
use crate::slot::Condition;
use crate::sync::{Ordering, fence};
use crate::{SlotHeader, is_urgent_here};

/// How often the engine tries to empty a token that programs fill at the same time. Then it is FULL until the next look.
const ROUNDS: usize = 8;

/// What the engine has shown on a token.
#[derive(Debug, Default)]
pub struct Mirror {
    /// The peer's FIN is shown.
    fin_shown: bool,
    /// The urgent mark that was last shown.
    urgent_mark: u64,
}

impl Mirror {
    /// Brings a token up to date. `word` is the condition as the engine knows it: programs can write to that in the header. Returns whether
    /// the socket has hung up, which [`show_hang_up`] shows.
    #[must_use]
    pub fn show(&mut self, header: &SlotHeader, word: u32, token: &impl TokenEnd) -> bool {
        fence(Ordering::SeqCst);
        let readiness = &header.readiness;
        if is_readable(header) && readiness.rx_token.swap(1, Ordering::SeqCst) == 0 {
            show_readable(header, token);
        }
        // It was announced before it came, and what was shown then may have been taken away by who found nothing.
        let is_announced = header.urgent.mark.load(Ordering::Relaxed) == self.urgent_mark;
        if is_announced && is_urgent_here(header) && readiness.urgent_token.swap(1, Ordering::SeqCst) == 0 {
            token.send_urgent();
        }
        // Who is filling it rings when it is full.
        if is_writable(header, word) && readiness.tx_token.load(Ordering::SeqCst) == FULL {
            make_room(header, token);
        }
        if word & (Condition::END_OF_FILE | Condition::RECV_SHUT | Condition::CLOSED) != 0 && !self.fin_shown
        {
            token.shut();
            self.fin_shown = true;
        }
        // What ended with an error that nobody has read is shown by a reset.
        is_hung_up(word) && held(header) == 0 && header.engine.error.load(Ordering::SeqCst) == 0
    }

    /// Urgent data were announced: the program's end is readable with an urgent byte, and its owner gets SIGURG.
    pub fn show_urgent(&mut self, header: &SlotHeader, token: Option<&impl TokenEnd>) {
        self.urgent_mark = header.urgent.mark.load(Ordering::Relaxed);
        if let Some(token) = token {
            header.readiness.urgent_token.store(1, Ordering::SeqCst);
            token.send_urgent();
        }
    }
}

/// Both directions are shut and everything is read: shown as a reset is, by closing the engine's end, but without the bytes that make the
/// kernel say so. The caller says so in the condition word, and closes it.
pub fn show_hang_up(token: &impl TokenEnd) {
    token.take_all_but(0);
}

/// What arrives is an edge of its own for who is told of edges, also while the token is readable.
pub fn show_edge(header: &SlotHeader, token: &impl TokenEnd) {
    let readiness = &header.readiness;
    if readiness.armed.load(Ordering::Relaxed) != ARMED_FOR_EDGES {
        return;
    }
    // With the fence of who has found nothing: either the text is seen there, or here that the token does not show it.
    fence(Ordering::SeqCst);
    if readiness.rx_token.load(Ordering::SeqCst) == 1 {
        show_readable(header, token);
    }
}

/// Who polls looks at the words once the token says anything.
pub fn show_report(header: &SlotHeader, token: &impl TokenEnd) {
    let readiness = &header.readiness;
    if readiness.armed.load(Ordering::Relaxed) != 0 && readiness.rx_token.swap(1, Ordering::SeqCst) == 0 {
        show_readable(header, token);
    }
}

/// A process is gone that may have been filling the token, or draining it. [`Mirror::show`] is due.
pub fn mend(header: &SlotHeader, token: &impl TokenEnd) {
    let readiness = &header.readiness;
    // It may have taken what the others wait for.
    readiness.rx_token.swap(0, Ordering::SeqCst);
    readiness.urgent_token.swap(0, Ordering::SeqCst);
    // It may have left some bytes. Who is filling it, too, finds that they are taken, and begins again.
    if readiness.tx_token.load(Ordering::SeqCst) != FULL {
        make_room(header, token);
    }
}

/// One byte more: each counts as an edge, for it takes room until somebody drains the token.
fn show_readable(header: &SlotHeader, token: &impl TokenEnd) {
    token.send();
    header.readiness.shown_edges.fetch_add(1, Ordering::SeqCst);
}

/// Takes out all but the guard: an edge, if there was more. A program that finds no room meanwhile, perhaps because it has seen the edge
/// already, fills the token again and makes it FULL: then all that is taken out, too, with another edge.
fn make_room(header: &SlotHeader, token: &impl TokenEnd) {
    let filled = &header.readiness.tx_token;
    for _ in 0..ROUNDS {
        filled.swap(EMPTYING, Ordering::SeqCst);
        token.take_all_but(1);
        if filled.compare_exchange(EMPTYING, EMPTY, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return;
        }
    }
}
