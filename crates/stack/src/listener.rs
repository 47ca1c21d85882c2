//! A listener's two queues.

use crate::fast_open::FastOpenQueue;
use hashbrown::HashSet;
use std::collections::VecDeque;

/// ```text
/// SYN -> syn_queue (handshakes) -> ACK -> accept_queue (connections) -> accept()
/// ```
#[derive(Debug, Default)]
pub(crate) struct Listener {
    /// What `listen()` was called with, cut to net.core.somaxconn.
    pub(crate) backlog: u32,
    /// Indices of embryos.
    pub(crate) syn_queue: HashSet<u32>,
    /// Indices of sockets, the oldest first.
    pub(crate) accept_queue: VecDeque<u32>,
    pub(crate) fast_open: FastOpenQueue,
}

impl Listener {
    pub(crate) fn new(backlog: i32, max: u32) -> Self {
        let mut listener = Self::default();
        listener.set_backlog(backlog, max);
        listener
    }

    /// As on Linux a negative backlog is the largest.
    pub(crate) fn set_backlog(&mut self, backlog: i32, max: u32) {
        self.backlog = u32::try_from(backlog).unwrap_or(u32::MAX).min(max);
    }

    /// Linux's `sk_acceptq_is_full`: one more than the backlog can wait.
    pub(crate) fn is_accept_queue_full(&self) -> bool {
        self.accept_queue.len() > self.backlog as usize
    }

    /// Linux's `inet_csk_reqsk_queue_is_full`.
    pub(crate) fn is_syn_queue_full(&self) -> bool {
        self.syn_queue.len() > self.backlog as usize
    }
}
