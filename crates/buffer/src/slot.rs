//! A slot: the memory that a program and the engine share for one socket.

use core::sync::atomic::{AtomicU32, AtomicU64};

/// Everything about one socket that both sides see. Lines are 64 bytes apart so that each side writes its own.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct SlotHeader {
    /// Written by the engine.
    pub engine: EngineLine,
    /// Written by the program's sending side.
    pub sender: SenderLine,
    /// Written by the program's receiving side.
    pub receiver: ReceiverLine,
    /// Written by both, about readiness.
    pub readiness: ReadinessLine,
}

/// What the engine tells.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct EngineLine {
    /// [`Condition`] bits.
    pub condition: AtomicU32,
    /// Pending SO_ERROR as a code of `stack::Error`; 0 for none. Taken by the program with `swap(0)`.
    pub error: AtomicU32,
    /// Connections ready to be accepted.
    pub accept_len: AtomicU32,
    /// SO_SNDBUF in force, bytes.
    pub send_limit: AtomicU32,
    /// SO_RCVBUF in force, bytes.
    pub recv_limit: AtomicU32,
    /// log2 of the size of the SendQ ring.
    pub send_order: AtomicU32,
    /// log2 of the size of the RecvQ ring.
    pub recv_order: AtomicU32,
    /// Futex: changed by the engine when readers should look again.
    pub rx_seq: AtomicU32,
    /// Futex: changed by the engine when writers should look again.
    pub tx_seq: AtomicU32,
    /// SendQ head: bytes acknowledged since the start.
    pub send_head: AtomicU64,
    /// RecvQ tail: bytes that arrived in order since the start.
    pub recv_tail: AtomicU64,
    /// RecvQ head at which the program should ring; `u64::MAX` for never.
    pub ring_at: AtomicU64,
}

/// What the program's writers tell.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct SenderLine {
    /// SendQ tail: bytes written since the start.
    pub send_tail: AtomicU64,
    /// 1 while a writer sleeps, or is about to, on `tx_seq`.
    pub tx_wait: AtomicU32,
}

/// What the program's readers tell.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct ReceiverLine {
    /// RecvQ head: bytes read since the start.
    pub recv_head: AtomicU64,
    /// 1 while a reader sleeps, or is about to, on `rx_seq`.
    pub rx_wait: AtomicU32,
}

/// Readiness mirrored onto the token descriptor, and per-socket settings that all its holders share.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct ReadinessLine {
    /// 1 once the socket is polled (select, poll or epoll): the engine then mirrors readiness onto the token.
    pub armed: AtomicU32,
    /// 1 while a token byte is, or is about to be, readable by the program.
    pub rx_token: AtomicU32,
    /// 1 while the token's send direction is kept full, because SendQ is full.
    pub tx_token: AtomicU32,
    /// SO_RCVLOWAT, bytes; 0 counts as 1.
    pub recv_low_water: AtomicU32,
    /// O_NONBLOCK, mirrored.
    pub nonblocking: AtomicU32,
    /// SO_RCVTIMEO in microseconds; 0 for none.
    pub recv_timeout: AtomicU64,
    /// SO_SNDTIMEO in microseconds; 0 for none.
    pub send_timeout: AtomicU64,
}

/// Bits of [`EngineLine::condition`].
#[derive(Debug)]
pub struct Condition;

impl Condition {
    /// `connect()` is under way.
    pub const CONNECTING: u32 = 1;
    /// Data can flow, or could: a connection was established.
    pub const CONNECTED: u32 = 1 << 1;
    /// `listen()` was called.
    pub const LISTENING: u32 = 1 << 2;
    /// The peer's FIN is in order: after the bytes in RecvQ comes end of file.
    pub const END_OF_FILE: u32 = 1 << 3;
    /// Nothing more may be sent: `shutdown(SHUT_WR)` or the connection ended.
    pub const SEND_SHUT: u32 = 1 << 4;
    /// `shutdown(SHUT_RD)`: reads past the bytes in RecvQ return 0.
    pub const RECV_SHUT: u32 = 1 << 5;
    /// The connection is gone (reset, timed out, or closed on both sides and acknowledged).
    pub const CLOSED: u32 = 1 << 6;
    /// All sent bytes and the FIN are acknowledged (what SO_LINGER waits for).
    pub const DRAINED: u32 = 1 << 7;
}

/// One socket's memory: the header and two rings. A cheap handle; clones name the same memory.
#[derive(Clone, Debug)]
pub struct Slot {}

impl Slot {
    /// A slot on the heap, with room for rings of up to `max_send` and `max_recv` bytes (reserved, touched only when used).
    #[must_use]
    pub fn on_heap(max_send: usize, max_recv: usize) -> Self {
        let _ = (max_send, max_recv);
        unimplemented!()
    }

    /// The shared words.
    #[must_use]
    pub fn header(&self) -> &SlotHeader {
        unimplemented!()
    }

    /// Resets the header and makes the engine's halves with these limits (bytes). One call a connection.
    #[must_use]
    pub fn open(&self, send_limit: usize, recv_limit: usize) -> (crate::SendQ, crate::RecvQ) {
        let _ = (send_limit, recv_limit);
        unimplemented!()
    }

    /// The program's producer.
    #[must_use]
    pub fn writer(&self) -> crate::SendQWriter {
        unimplemented!()
    }

    /// The program's consumer.
    #[must_use]
    pub fn reader(&self) -> crate::RecvQReader {
        unimplemented!()
    }
}
