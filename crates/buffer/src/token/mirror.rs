//! The engine's part: it shows what has changed, and makes room in a token that programs have filled.

use super::{ARMED_FOR_EDGES, EMPTY, FILLING, FULL, TokenEnd};
use crate::readiness::{held, is_hung_up, is_readable, is_writable};
use crate::slot::Condition;
use crate::sync::{Ordering, fence};
use crate::{SlotHeader, is_urgent_here};

/// What the engine has shown on a token.
#[derive(Debug, Default)]
pub struct Mirror {
    /// The peer's FIN is shown.
    fin_shown: bool,
    /// The urgent mark that was last shown.
    urgent_mark: u64,
}

impl Mirror {
    /// Brings a token up to date. Returns whether the socket has hung up, which [`Mirror::show_hang_up`] shows.
    #[must_use]
    pub fn show(&mut self, header: &SlotHeader, token: &impl TokenEnd) -> bool {
        fence(Ordering::SeqCst);
        let readiness = &header.readiness;
        if is_readable(header) && readiness.rx_token.swap(1, Ordering::SeqCst) == 0 {
            token.send();
        }
        // It was announced before it came, and what was shown then may have been taken away by who found nothing.
        let is_announced = header.urgent.mark.load(Ordering::Relaxed) == self.urgent_mark;
        if is_announced && is_urgent_here(header) && readiness.urgent_token.swap(1, Ordering::SeqCst) == 0 {
            token.send_urgent();
        }
        let word = header.engine.condition.load(Ordering::Relaxed);
        // Who is filling it rings when it is full.
        if is_writable(header, word) && readiness.tx_token.load(Ordering::SeqCst) == FULL {
            show_writable(header, token);
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

    /// Both directions are shut and everything is read: shown as a reset is, by closing the engine's end, but without the bytes that
    /// make the kernel say so. The caller closes it.
    pub fn show_hang_up(&self, header: &SlotHeader, token: &impl TokenEnd) {
        token.take_all_but(0);
        header.change_condition(Condition::TOKEN_CLOSED, 0);
    }
}

/// What arrives is an edge of its own for who is told of edges, also while the token is readable.
pub fn show_edge(header: &SlotHeader, token: &impl TokenEnd) {
    let readiness = &header.readiness;
    if readiness.armed.load(Ordering::Relaxed) == ARMED_FOR_EDGES
        && readiness.rx_token.load(Ordering::SeqCst) == 1
    {
        token.send();
        readiness.shown_edges.fetch_add(1, Ordering::SeqCst);
    }
}

/// Who polls looks at the words once the token says anything.
pub fn show_report(header: &SlotHeader, token: &impl TokenEnd) {
    let readiness = &header.readiness;
    if readiness.armed.load(Ordering::Relaxed) != 0 && readiness.rx_token.swap(1, Ordering::SeqCst) == 0 {
        token.send();
    }
}

/// Who was filling the token is gone. [`Mirror::show`] is due.
pub fn mend(header: &SlotHeader, token: &impl TokenEnd) {
    if header.readiness.tx_token.load(Ordering::SeqCst) == FILLING {
        show_writable(header, token);
    }
}

/// Takes out all but the guard.
fn show_writable(header: &SlotHeader, token: &impl TokenEnd) {
    token.take_all_but(1);
    header.readiness.tx_token.store(EMPTY, Ordering::SeqCst);
}
