//! What the user is told.

/// What happened that the user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
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
    readable: bool,
    writable: bool,
    peer_closed: bool,
    drained: bool,
    time_wait: bool,
    closed: bool,
    aborted: Option<Reason>,
}

impl Events {
    pub(crate) fn push(&mut self, event: Event) {
        match event {
            Event::Readable => self.readable = true,
            Event::Writable => self.writable = true,
            Event::PeerClosed => self.peer_closed = true,
            Event::Drained => self.drained = true,
            Event::TimeWait => self.time_wait = true,
            Event::Closed => self.closed = true,
            Event::Aborted(reason) => self.aborted = Some(reason),
        }
    }

    /// The next one; the end of the connection comes last.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        for (flag, event) in [
            (&mut self.readable, Event::Readable),
            (&mut self.writable, Event::Writable),
            (&mut self.peer_closed, Event::PeerClosed),
            (&mut self.drained, Event::Drained),
            (&mut self.time_wait, Event::TimeWait),
        ] {
            if core::mem::take(flag) {
                return Some(event);
            }
        }
        None
    }

    /// The end of the connection, if it came.
    pub(crate) fn pop_end(&mut self) -> Option<Event> {
        if let Some(reason) = self.aborted.take() {
            return Some(Event::Aborted(reason));
        }
        core::mem::take(&mut self.closed).then_some(Event::Closed)
    }
}
