//! A slot: the memory that a program and the engine share for one socket.

use alloc::alloc::handle_alloc_error;
use alloc::sync::Arc;
use core::alloc::Layout;

#[cfg(not(loom))]
use crate::AcceptQueue;
use crate::addresses::AddressLine;
use crate::arrivals::ArrivalLine;
use crate::info::InfoCopy;
use crate::lock::LockLine;
use crate::raw::Region;
use crate::ring::{MIN_ORDER, NEAR, NEAR_ORDER, Ring, order_for};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{RecvQ, RecvQReader, SendQ, SendQWriter};

/// Everything about one socket that both sides see. Lines are 64 bytes apart so that each side writes its own.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct SlotHeader {
    /// Written by the engine.
    pub engine: EngineLine,
    /// Written by the program's sending side.
    pub sender: SenderLine,
    /// Written by the program's receiving side.
    pub receiver: ReceiverLine,
    /// Written by both, about readiness.
    pub readiness: ReadinessLine,
    /// Written by both, about urgent data.
    pub urgent: UrgentLine,
    /// When text arrived.
    pub arrivals: ArrivalLine,
    /// Where a connection is from and to. Written by the engine.
    pub addresses: AddressLine,
    /// Serialises the program's writers.
    pub send_lock: LockLine,
    /// Serialises the program's readers.
    pub recv_lock: LockLine,
}

/// What the engine tells.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct EngineLine {
    /// [`Condition`] bits.
    pub condition: AtomicU32,
    /// Pending SO_ERROR as a code of `stack::Error`; 0 for none. Taken by the program with `swap(0)`.
    pub error: AtomicU32,
    /// Connections that were ever ready to be accepted, wrapping.
    pub accept_tail: AtomicU32,
    /// SO_SNDBUF in force, bytes.
    pub send_limit: AtomicU32,
    /// SO_RCVBUF in force, bytes.
    pub recv_limit: AtomicU32,
    /// log2 of the size of the RecvQ ring in use; 0 for the near one.
    pub recv_ring: AtomicU32,
    /// Futex: changed by the engine when readers should look again.
    pub rx_seq: AtomicU32,
    /// Futex: changed by the engine when writers should look again.
    pub tx_seq: AtomicU32,
    /// SendQ head: bytes acknowledged since the start.
    pub send_head: AtomicU64,
    /// RecvQ tail: bytes that arrived in order since the start.
    pub recv_tail: AtomicU64,
    /// Bytes sent since the start. Beside what each segment changes anyway, so that to keep it costs the program no line.
    pub sent: AtomicU64,
    /// RecvQ head at which the program should ring; `u64::MAX` for never.
    pub ring_at: AtomicU64,
    /// The RecvQ position that is at the start of its far ring. Changes while that is not in use, or there is nothing to read.
    pub recv_origin: AtomicU64,
    /// TCP_NOTSENT_LOWAT if the program has set none: net.ipv4.tcp_notsent_lowat, at least 1; 0 for no bound.
    pub notsent_default: AtomicU32,
    /// Where TCP_NOTSENT_LOWAT is less, SendQ takes so many bytes that were never sent.
    pub notsent_goal: AtomicU32,
    /// 1 while a copy of TCP_INFO is kept, 2 once one was: see [`Slot::info`].
    pub info: AtomicU32,
}

/// What the program's writers tell.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct SenderLine {
    /// SendQ tail: bytes written since the start.
    pub send_tail: AtomicU64,
    /// The SendQ position that is at the start of its far ring. Changes while that is not in use, or nothing is held.
    pub send_origin: AtomicU64,
    /// log2 of the size of the SendQ ring in use, which holds all that is held; 0 for the near one.
    pub send_ring: AtomicU32,
    /// 1 while a writer sleeps, or is about to, on `tx_seq`.
    /// Whoever sets it fences with SeqCst before looking at the ring once more; the engine swaps it to 0 after publishing.
    pub tx_wait: AtomicU32,
}

/// What the program's readers tell.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct ReceiverLine {
    /// RecvQ head: bytes read since the start.
    pub recv_head: AtomicU64,
    /// Connections that were ever accepted, wrapping: moved on by whoever has taken one, or finds that somebody has. Also by the engine.
    pub accept_head: AtomicU32,
    /// 1 while a reader sleeps, or is about to, on `rx_seq`.
    /// Whoever sets it fences with SeqCst before looking at the ring once more; the engine swaps it to 0 after publishing.
    pub rx_wait: AtomicU32,
}

/// Readiness mirrored onto the token descriptor, and per-socket settings that all its holders share.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct ReadinessLine {
    /// Not 0 once the socket is polled (select, poll or epoll): the engine then mirrors readiness onto the token. 2 once it is
    /// polled for edges (EPOLLET).
    pub armed: AtomicU32,
    /// 1 once a program has made the token fit to show what the engine mirrors onto it.
    pub prepared: AtomicU32,
    /// 1 while a token byte is, or is about to be, readable by the program.
    pub rx_token: AtomicU32,
    /// The token's send direction: 0 writable, 1 while a program fills it, 2 full, because SendQ is.
    pub tx_token: AtomicU32,
    /// Bytes by which the engine has shown edges since a program last took some away.
    pub shown_edges: AtomicU32,
    /// 1 while somebody is to be told of room in SendQ (Linux's SOCK_NOSPACE). Set by programs, taken by the engine.
    pub no_space: AtomicU32,
    /// 1 while the token shows an urgent byte, or is about to.
    pub urgent_token: AtomicU32,
    /// Bits of [`Flag`]: what the program has set them to, as far as `flags_changed` or a look of the engine's says.
    pub flags: AtomicU32,
    /// Bits of [`Flag`] that were set since the engine looked.
    pub flags_changed: AtomicU32,
    /// SO_RCVLOWAT, bytes; 0 counts as 1.
    pub recv_low_water: AtomicU32,
    /// TCP_NOTSENT_LOWAT as it is set, bytes; 0 for `notsent_default`, `u32::MAX` for no bound. Written by programs while the connection
    /// is open, before that by the engine.
    pub notsent_low_water: AtomicU32,
    /// TCP_INQ: 1 if `recvmsg()` tells what is left to read.
    pub tells_left: AtomicU32,
    /// O_NONBLOCK, mirrored.
    pub nonblocking: AtomicU32,
    /// 1 from `connect()` on until a call has told how it ended.
    pub opening: AtomicU32,
    /// The process that holds the socket without a token is done with the one of this number (the upper half of its tag); 0 for none.
    pub released: AtomicU32,
    /// SO_PEEK_OFF, bytes, and one more; 0 for off.
    pub peek_offset: AtomicU32,
    /// Options that are kept for the program and mean nothing to the engine: bits for what differs from a new socket's.
    pub kept: AtomicU64,
    /// SO_RCVTIMEO in microseconds; 0 for none.
    pub recv_timeout: AtomicU64,
    /// SO_SNDTIMEO in microseconds; 0 for none.
    pub send_timeout: AtomicU64,
}

impl ReadinessLine {
    /// Takes over what a connection has from the listener that accepts it.
    pub fn inherit(&self, listener: &Self) {
        let words = [
            (&self.recv_low_water, &listener.recv_low_water),
            (&self.tells_left, &listener.tells_left),
            (&self.peek_offset, &listener.peek_offset),
        ];
        words.iter().for_each(|(to, from)| to.store(from.load(Ordering::Relaxed), Ordering::Relaxed));
        let long_words = [
            (&self.kept, &listener.kept),
            (&self.recv_timeout, &listener.recv_timeout),
            (&self.send_timeout, &listener.send_timeout),
        ];
        long_words.iter().for_each(|(to, from)| to.store(from.load(Ordering::Relaxed), Ordering::Relaxed));
    }
}

impl SlotHeader {
    /// Bytes in SendQ that were never sent. Those that the engine has not looked at are among them.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        let sent = self.engine.sent.load(Ordering::Acquire);
        self.sender.send_tail.load(Ordering::Relaxed).saturating_sub(sent)
    }

    /// TCP_NOTSENT_LOWAT in force: twice the bytes never sent must be less, or there is no room; 0 for no bound.
    #[must_use]
    #[inline]
    pub fn notsent_low(&self) -> u32 {
        match self.readiness.notsent_low_water.load(Ordering::Relaxed) {
            0 => self.engine.notsent_default.load(Ordering::Relaxed),
            u32::MAX => 0,
            low => low,
        }
    }

    /// Whether few enough bytes were never sent for TCP_NOTSENT_LOWAT to call the socket writable.
    #[must_use]
    #[inline]
    pub fn is_unsent_low(&self) -> bool {
        let low = u64::from(self.notsent_low());
        low == 0 || self.unsent().saturating_mul(2) < low
    }

    /// Bytes more that TCP_NOTSENT_LOWAT lets SendQ take.
    #[inline]
    pub(crate) fn unsent_room(&self) -> u64 {
        match self.notsent_low() {
            0 => u64::MAX,
            low => {
                let most = low.max(self.engine.notsent_goal.load(Ordering::Relaxed));
                u64::from(most).saturating_sub(self.unsent())
            }
        }
    }
}

impl SlotHeader {
    /// Connections ready to be accepted.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        let head = self.receiver.accept_head.load(Ordering::Acquire);
        self.engine.accept_tail.load(Ordering::Acquire).wrapping_sub(head)
    }
}

/// The one urgent byte (RFC 9293, 3.8.5; RFC 6093).
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct UrgentLine {
    /// Where it is: bytes before it since the start, and one more; 0 for nowhere. Written by the engine.
    pub mark: AtomicU64,
    /// The mark whose byte the program has taken. Written by the program.
    pub taken: AtomicU64,
    /// SO_OOBINLINE. Written by the engine.
    pub is_inline: AtomicU32,
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
    /// The engine's end of the token is closed: it shows a reset, and cannot tell any more who holds it.
    pub const TOKEN_CLOSED: u32 = 1 << 9;
}

/// Bits of [`ReadinessLine::flags`]: options of a connection that programs set with each request, and the engine reads when it looks.
#[derive(Debug)]
pub struct Flag;

impl Flag {
    /// TCP_NODELAY.
    pub const NO_DELAY: u32 = 1;
    /// TCP_CORK.
    pub const CORK: u32 = 1 << 1;
    /// TCP_QUICKACK.
    pub const QUICK_ACK: u32 = 1 << 2;
    /// SO_RCVLOWAT has changed, which has a word of its own.
    pub const LOW_WATER: u32 = 1 << 3;
    /// TCP_NOTSENT_LOWAT has changed, likewise.
    pub const NOTSENT_LOW_WATER: u32 = 1 << 4;
    /// No option: the program has found the end of file. Linux counts the FIN in Recv-Q until then.
    pub const END_FOUND: u32 = 1 << 5;
}

/// Bytes of a header, before the near rings.
#[cfg(not(loom))]
pub(crate) const HEADER_SPACE: usize = 1024;
/// In a model the header is beside the bytes.
#[cfg(loom)]
const HEADER_SPACE: usize = 0;

/// Bytes of a slot's near part: the header, SendQ's near ring, RecvQ's.
pub(crate) const NEAR_SPACE: usize = HEADER_SPACE + 2 * NEAR;

/// The far part begins at a page, so that its memory can be given back.
#[cfg(not(loom))]
pub(crate) const FAR_ALIGN: usize = 4096;
/// A model has no pages.
#[cfg(loom)]
const FAR_ALIGN: usize = 1;

#[cfg(not(loom))]
const _: () = assert!(size_of::<SlotHeader>() <= HEADER_SPACE);
#[cfg(not(loom))]
const _: () = assert!(size_of::<AcceptQueue>() <= 2 * NEAR);
#[cfg(not(loom))]
const _: () = assert!(size_of::<InfoCopy>() <= 1 << MIN_ORDER);

/// How large a slot's rings may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) send_order: u32,
    pub(crate) recv_order: u32,
}

impl Geometry {
    /// Room for rings of up to `max_send` and `max_recv` bytes, rounded up to powers of two.
    pub(crate) fn for_bytes(max_send: usize, max_recv: usize) -> Self {
        Self { send_order: order_for(max_send), recv_order: order_for(max_recv) }
    }

    /// Bytes of a slot's far part: two areas, each of twice its largest ring.
    pub(crate) fn far_space(self) -> usize {
        (2 << self.send_order) + (2 << self.recv_order)
    }
}

/// One socket's memory: the header and its queues' rings. A cheap handle; clones name the same memory.
///
/// ```text
///  | header | SendQ, near | RecvQ, near |  ...  | SendQ, far | RecvQ, far |
///  |        | a listener's accept queue |
///  near part: less than a page                  far part: address space, and memory as far as it is touched
/// ```
///
/// The far part begins with a page that the copy of TCP_INFO is in, if one is kept.
#[derive(Clone, Debug)]
pub struct Slot {
    region: Arc<Region>,
    near: usize,
    far: usize,
    geometry: Geometry,
}

impl Slot {
    /// A queue that never held more than so many bytes, and that was passed by no more, has not touched its far ring.
    pub const NEAR: usize = NEAR;

    /// A slot on the heap, with room for rings of up to `max_send` and `max_recv` bytes (reserved, touched only when used).
    /// Where no memory can be had it ends as every allocation does; see [`Slot::try_on_heap`].
    #[must_use]
    pub fn on_heap(max_send: usize, max_recv: usize) -> Self {
        Self::try_on_heap(max_send, max_recv)
            .unwrap_or_else(|| handle_alloc_error(Layout::new::<SlotHeader>()))
    }

    /// A slot on the heap as [`Slot::on_heap`], or `None` if there is no memory or address space for it.
    #[must_use]
    pub fn try_on_heap(max_send: usize, max_recv: usize) -> Option<Self> {
        let geometry = Geometry::for_bytes(max_send, max_recv);
        let far = NEAR_SPACE.next_multiple_of(FAR_ALIGN);
        let region = Arc::new(Region::zeroed(far.checked_add(geometry.far_space())?)?);
        let slot = Self { region, near: 0, far, geometry };
        slot.reset();
        Some(slot)
    }

    /// A slot whose parts are at `near` and `far` in a region that has room for them.
    #[cfg(all(feature = "std", not(loom)))]
    pub(crate) fn new(region: Arc<Region>, near: usize, far: usize, geometry: Geometry) -> Self {
        Self { region, near, far, geometry }
    }

    /// The shared words.
    #[must_use]
    #[inline]
    pub fn header(&self) -> &SlotHeader {
        self.region.header(self.near)
    }

    /// The head of a listener's accept queue, which is where other sockets have their near rings.
    #[cfg(not(loom))]
    #[must_use]
    pub fn accept_queue(&self) -> &AcceptQueue {
        self.region.words(self.near + HEADER_SPACE)
    }

    /// Makes the slot as new for another socket: every word 0 (`ring_at` at never), the locks free. Nobody else may use it meanwhile.
    pub fn reset(&self) {
        let SlotHeader { engine, sender, receiver, readiness, .. } = self.header();
        let words = [
            &engine.condition,
            &engine.error,
            &engine.accept_tail,
            &receiver.accept_head,
            &engine.send_limit,
            &engine.recv_limit,
            &engine.recv_ring,
            &engine.rx_seq,
            &engine.tx_seq,
            &engine.notsent_default,
            &engine.notsent_goal,
            &engine.info,
            &sender.send_ring,
            &sender.tx_wait,
            &receiver.rx_wait,
            &readiness.armed,
            &readiness.prepared,
            &readiness.rx_token,
            &readiness.tx_token,
            &readiness.shown_edges,
            &readiness.no_space,
            &readiness.flags,
            &readiness.flags_changed,
            &readiness.urgent_token,
            &readiness.recv_low_water,
            &readiness.notsent_low_water,
            &readiness.tells_left,
            &readiness.nonblocking,
            &readiness.opening,
            &readiness.released,
            &readiness.peek_offset,
            &self.header().urgent.is_inline,
            &self.header().arrivals.wanted,
            &self.header().arrivals.count,
        ];
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        let long_words = [
            &engine.send_head,
            &engine.sent,
            &engine.recv_tail,
            &engine.recv_origin,
            &sender.send_tail,
            &sender.send_origin,
            &receiver.recv_head,
            &readiness.kept,
            &readiness.recv_timeout,
            &readiness.send_timeout,
            &self.header().urgent.mark,
            &self.header().urgent.taken,
        ];
        long_words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        self.header().addresses.forget();
        engine.ring_at.store(u64::MAX, Ordering::Release);
        #[cfg(all(feature = "std", not(any(miri, loom))))]
        [&self.header().send_lock, &self.header().recv_lock].into_iter().for_each(LockLine::reset);
    }

    /// Waits for the lock that writers of all threads and processes take.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub fn lock_send(&self) -> crate::LockGuard<'_> {
        self.header().send_lock.lock()
    }

    /// Whether a writer holds its lock, or has died with it.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    #[must_use]
    pub fn is_send_locked(&self) -> bool {
        self.header().send_lock.owner().load(Ordering::SeqCst) != 0
    }

    /// Waits for the lock that readers of all threads and processes take.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub fn lock_recv(&self) -> crate::LockGuard<'_> {
        self.header().recv_lock.lock()
    }

    /// Makes both rings empty, with these limits (bytes), and returns the engine's halves. One call a connection; the words that
    /// are not about the rings stay as they are.
    #[must_use]
    pub fn open(&self, send_limit: usize, recv_limit: usize) -> (SendQ, RecvQ) {
        (SendQ::new(self.clone(), send_limit), RecvQ::new(self.clone(), recv_limit))
    }

    /// The program's producer.
    #[must_use]
    pub fn writer(&self) -> SendQWriter {
        SendQWriter::new(self.clone())
    }

    /// The program's consumer.
    #[must_use]
    pub fn reader(&self) -> RecvQReader {
        RecvQReader::new(self.clone())
    }

    /// The largest limit that SendQ can have, bytes.
    #[must_use]
    pub fn max_send(&self) -> usize {
        1 << self.geometry.send_order
    }

    /// The largest limit that RecvQ can have, bytes.
    #[must_use]
    pub fn max_recv(&self) -> usize {
        1 << self.geometry.recv_order
    }

    #[inline]
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// Where its words are in its region.
    #[cfg(all(any(test, feature = "fuzzing"), feature = "std", not(any(miri, loom))))]
    pub(crate) fn near(&self) -> usize {
        self.near
    }

    /// Where the copy of TCP_INFO is: the smallest far ring of SendQ begins a page later.
    #[inline]
    pub(crate) fn info_copy(&self) -> &InfoCopy {
        self.region.info(self.far)
    }

    /// SendQ's ring of this order, and the origin if it is a far one; of the nearest possible order if a hostile word says otherwise.
    #[inline]
    pub(crate) fn send_ring(&self, order: u32, origin: u64) -> Ring {
        if order <= NEAR_ORDER {
            return Ring::near(self.near + HEADER_SPACE);
        }
        Ring::far(self.far, order.clamp(MIN_ORDER, self.geometry.send_order), origin)
    }

    /// RecvQ's, likewise.
    #[inline]
    pub(crate) fn recv_ring(&self, order: u32, origin: u64) -> Ring {
        if order <= NEAR_ORDER {
            return Ring::near(self.near + HEADER_SPACE + NEAR);
        }
        let area = self.far + (2 << self.geometry.send_order);
        Ring::far(area, order.clamp(MIN_ORDER, self.geometry.recv_order), origin)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
