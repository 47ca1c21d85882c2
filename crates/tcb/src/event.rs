//! What the user is told.

/// What happened that the user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake of a connection that Fast Open let begin early is complete.
    Established,
    /// The peer has announced urgent data.
    Urgent,
    /// Text arrived in order.
    Readable,
    /// SendQ gave bytes back.
    Writable,
    /// The peer's FIN is in order.
    PeerClosed,
    /// Our FIN and everything before it is acknowledged.
    Drained,
    /// The connection entered TIME-WAIT: keep only [`TimeWait`](crate::TimeWait).
    TimeWait,
    /// The connection is over and there is nothing more to send or keep.
    Closed,
    /// The connection ended early.
    Aborted(Reason),
}

/// Why a connection ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// RST in answer to our SYN.
    Refused,
    /// RST in a synchronized state.
    Reset,
    /// R2, user timeout or keep-alive ran out.
    TimedOut,
    /// The user aborted.
    UserAbort,
}

/// The events that wait to be polled; each kind at most once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Events {
    /// A bit for each kind, in the order they are told.
    waiting: u16,
    reason: Option<Reason>,
}

impl Events {
    /// In order; those of [`Self::ENDS`] come last.
    const KINDS: [Event; 7] = [
        Event::Established,
        Event::Urgent,
        Event::Readable,
        Event::Writable,
        Event::PeerClosed,
        Event::Drained,
        Event::TimeWait,
    ];
    const CLOSED: u16 = 1 << 7;
    const ABORTED: u16 = 1 << 8;
    const ENDS: u16 = Self::CLOSED | Self::ABORTED;

    pub(crate) fn push(&mut self, event: Event) {
        self.waiting |= match event {
            Event::Established => 1,
            Event::Urgent => 1 << 1,
            Event::Readable => 1 << 2,
            Event::Writable => 1 << 3,
            Event::PeerClosed => 1 << 4,
            Event::Drained => 1 << 5,
            Event::TimeWait => 1 << 6,
            Event::Closed => Self::CLOSED,
            Event::Aborted(reason) => {
                self.reason = Some(reason);
                Self::ABORTED
            }
        };
    }

    /// The next one, but not the end of the connection.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let next = (self.waiting & !Self::ENDS).trailing_zeros() as usize;
        let event = Self::KINDS.get(next).copied()?;
        self.waiting &= !(1 << next);
        Some(event)
    }

    /// The end of the connection, if it came and nothing else waits.
    pub(crate) fn pop_end(&mut self) -> Option<Event> {
        let end = self.waiting & Self::ENDS;
        self.waiting &= !end;
        match (end, self.reason.take()) {
            (0, _) => None,
            (_, Some(reason)) => Some(Event::Aborted(reason)),
            (_, None) => Some(Event::Closed),
        }
    }
}
