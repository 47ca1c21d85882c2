//! The matrix: each row is a call, each column who dies, or stops, at a step of it.

/// A call, and what is around it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub call: &'static str,
    /// Bytes that the call sends.
    pub sends: u64,
    /// Bytes that the call takes out of the stream at most.
    pub takes: u64,
    /// The call's result if nobody dies; `None`: any but an error.
    pub gives: Option<i64>,
    /// Who is at the other end.
    pub other: Other,
    /// Words that the peer sends before the call, and while it sleeps.
    pub words: (u32, u32),
    /// What makes a call go on that sleeps.
    pub wake: Wake,
    /// What a forked process does that shares the socket.
    pub sibling: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// One process that is connected, or listens.
    Peer,
    /// Three connections of one process that wait to be accepted.
    Clients,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    Nothing,
    /// The peer reads.
    Drain,
    /// The peer sends.
    Words,
    /// The clients come.
    Clients,
}

/// Who is killed, or stopped, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Death {
    /// The process that makes the call.
    Caller,
    /// The same, of two that share the socket and use it.
    Sharer,
    /// The process at the other end.
    Peer,
    Both,
    /// The host process, at a step of the caller's.
    Host,
    /// The host process, at a step of its own.
    HostItself,
    /// Nobody: the caller stops for a while.
    Nobody,
    /// Nobody of two that share the socket: one is held while the other changes its buffers and uses it.
    NobodyOfTwo,
}

impl Death {
    pub const ALL: [Self; 8] = [
        Self::Caller,
        Self::Sharer,
        Self::Peer,
        Self::Both,
        Self::Host,
        Self::HostItself,
        Self::Nobody,
        Self::NobodyOfTwo,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Sharer => "sharer",
            Self::Peer => "peer",
            Self::Both => "both",
            Self::Host => "host",
            Self::HostItself => "host-itself",
            Self::Nobody => "stop",
            Self::NobodyOfTwo => "beside",
        }
    }

    pub fn kills_host(self) -> bool {
        matches!(self, Self::Host | Self::HostItself)
    }
}

impl Row {
    /// What a forked process beside the caller does.
    pub fn sibling_for(&self, death: Death) -> &'static str {
        match death {
            Death::Sharer | Death::NobodyOfTwo => self.sibling,
            Death::Nobody => "other",
            Death::Caller | Death::Peer | Death::Both | Death::Host | Death::HostItself => "none",
        }
    }

    /// Whether text may be unread at the caller when it dies, so that its end is a reset.
    pub fn may_reset(&self) -> bool {
        self.words != (0, 0)
    }

    /// Whether that can be. Who waits for connections waits for ever if nobody comes, or if another takes them all.
    pub fn has(&self, death: Death) -> bool {
        match death {
            Death::Peer => self.wake != Wake::Clients,
            Death::NobodyOfTwo => self.other == Other::Peer,
            Death::Caller | Death::Sharer | Death::Both | Death::Host | Death::HostItself | Death::Nobody => {
                true
            }
        }
    }
}

const ROW: Row = Row {
    call: "",
    sends: 0,
    takes: 0,
    gives: Some(0),
    other: Other::Peer,
    words: (0, 0),
    wake: Wake::Nothing,
    sibling: "writer",
};

const fn row(call: &'static str) -> Row {
    Row { call, ..ROW }
}

const fn send(call: &'static str, sends: u64, wake: Wake) -> Row {
    Row { call, sends, gives: Some(sends.cast_signed()), wake, ..ROW }
}

const fn recv(call: &'static str, takes: u64, words: (u32, u32)) -> Row {
    let wake = if words.1 > 0 { Wake::Words } else { Wake::Nothing };
    Row { call, takes, gives: Some(takes.cast_signed()), words, wake, sibling: "reader", ..ROW }
}

const fn reading(call: &'static str) -> Row {
    Row { call, words: (64, 0), sibling: "reader", ..ROW }
}

const fn accept(call: &'static str, wake: Wake) -> Row {
    Row { call, gives: None, other: Other::Clients, wake, sibling: "acceptor", ..ROW }
}

const fn wait(call: &'static str) -> Row {
    Row { call, gives: Some(1), words: (0, 64), wake: Wake::Words, sibling: "reader", ..ROW }
}

/// Opening and ending.
pub const OPENINGS: &[Row] = &[
    Row { sibling: "connector", ..row("connect") },
    accept("accept", Wake::Nothing),
    accept("accept-blocked", Wake::Clients),
    row("close"),
    row("shutdown"),
];

pub const SENDS: &[Row] = &[
    send("send", 100, Wake::Nothing),
    send("send-to-the-brim", 212, Wake::Nothing),
    send("send-beyond", 1000, Wake::Nothing),
    send("send-blocked", 1500, Wake::Drain),
];

pub const RECEIVES: &[Row] = &[
    recv("recv", 64, (64, 0)),
    recv("recv-far", 1024, (750, 0)),
    Row { gives: None, ..recv("recv-window", 8192, (1500, 0)) },
    // A signal ends it with what it has, as the kernel's.
    Row { gives: None, ..recv("recv-whole", 400, (50, 50)) },
    recv("recv-blocked", 64, (0, 64)),
];

pub const OPTIONS: &[Row] = &[
    row("SO_SNDBUF"),
    reading("SO_RCVBUF"),
    reading("SO_RCVLOWAT"),
    row("TCP_NODELAY"),
    row("TCP_CORK"),
    row("TCP_NOTSENT_LOWAT"),
    row("SO_LINGER"),
    reading("TCP_QUICKACK"),
];

/// Waiting for events, and ways to another process.
pub const WAITS: &[Row] = &[wait("poll"), wait("poll-token"), wait("epoll"), wait("epoll-token")];
pub const SHARES: &[Row] = &[row("fork"), row("dup"), Row { gives: Some(1), ..row("pass") }];

/// All of them.
pub const ALL: [&[Row]; 6] = [OPENINGS, SENDS, RECEIVES, OPTIONS, WAITS, SHARES];
