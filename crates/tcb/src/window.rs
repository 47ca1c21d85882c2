//! The windows, both ways: what we offer, what we make of the peer's, and no silliness on either side (3.8.6).

use crate::tcb::Fin;
use crate::{Config, Tcb, timestamps};

/// The largest shift (RFC 7323, 2.3).
const MAX_SHIFT: u8 = 14;
/// Default MSS below which windows are not worth halving.
const SMALL_WINDOW: u32 = 536;

/// The scale for the largest window that may ever be offered: 0 if it fits the header's field.
pub(crate) fn shift_for(config: &Config) -> u8 {
    let recv_buffer = clamped(config, config.recv_buffer.max(config.recv_buffer_max));
    (0..MAX_SHIFT).find(|shift| recv_buffer >> shift <= usize::from(u16::MAX)).unwrap_or(MAX_SHIFT)
}

/// The shift to use for one that came in an option (RFC 7323, 2.3).
pub(crate) fn clamp_shift(shift: u8) -> u8 {
    shift.min(MAX_SHIFT)
}

/// The window field of a SYN: never scaled (RFC 7323, 2.2).
pub(crate) fn of_syn(config: &Config) -> u16 {
    u16::try_from(clamped(config, config.recv_buffer)).unwrap_or(u16::MAX).min(config.syn_window_max)
}

/// TCP_WINDOW_CLAMP.
fn clamped(config: &Config, window: usize) -> usize {
    config.window_clamp.map_or(window, |clamp| window.min(clamp as usize))
}

/// The receiver.
impl Tcb {
    /// Bytes the window field could express if RecvQ had room without end.
    const fn largest_window(&self) -> u32 {
        (u16::MAX as u32) << self.rcv.shift
    }

    /// What is offered when RecvQ is empty.
    fn full_window(&self) -> u32 {
        let limit = u32::try_from(self.takes_when_empty()).unwrap_or(u32::MAX).min(self.largest_window());
        limit.min(self.tuning.window_limit).min(self.tuning.clamp)
    }

    /// Room in RecvQ, as far as a window can tell.
    fn room(&self) -> u32 {
        let room = if self.recvq.is_empty() { self.takes_when_empty() } else { self.recvq.window() };
        u32::try_from(room).unwrap_or(u32::MAX).min(self.full_window())
    }

    /// By how much the right edge must be able to move before it moves (MUST-39, 3.8.6.2.2).
    fn silly_below(&self) -> u32 {
        // Not less than the scale can tell.
        (self.full_window() / 2).min(self.snd.mss).max(1 << self.rcv.shift)
    }

    /// The window field for a segment that goes out now.
    pub(crate) fn offer_window(&mut self) -> u16 {
        if self.rcv.is_closed() {
            return self.last_window();
        }
        self.recvq.refresh();
        if self.recvq.window() < self.recvq.limit() / 2 {
            self.acks.leave_quick_mode();
        }
        let (room, offered, shift) = (self.room(), self.rcv.wnd(), self.rcv.shift);
        if room.saturating_sub(offered) >= self.silly_below() {
            self.rcv.offer(self.rcv.nxt + (room >> shift << shift));
        } else {
            // RFC 7323, 2.4: what the scale cuts off would move the edge left (SHLD-14): cut up if there is room.
            let unit = 1u32 << shift;
            let whole = offered.div_ceil(unit).saturating_mul(unit);
            if whole > offered && whole <= room {
                self.rcv.offer(self.rcv.nxt + whole);
            }
        }
        self.last_window()
    }

    /// The window field for what is offered already.
    pub(crate) fn last_window(&self) -> u16 {
        u16::try_from(self.rcv.wnd() >> self.rcv.shift).unwrap_or(u16::MAX)
    }

    /// How many more bytes the program must read until a segment only to tell the window is worth sending. `None`: there is no
    /// need, because the window offered is still wide.
    fn update_after(&self) -> Option<u32> {
        let offered = self.rcv.wnd();
        if self.rcv.is_closed() || !self.state.can_receive() || offered > self.full_window() / 2 {
            return None;
        }
        // As Linux: a window that at least doubles.
        let worth = self.silly_below().max(offered);
        // What is held beyond an allowance makes no room.
        let excess = self.recvq.len().saturating_sub(self.recvq.allowed());
        let excess = u32::try_from(excess).unwrap_or(u32::MAX);
        Some(worth.saturating_sub(self.room().saturating_sub(offered)).saturating_add(excess))
    }

    /// Whether a segment is owed only to tell the window, now that the program has `read` more bytes. Room that no reading made is
    /// told with the next ACK: the window of a SYN has no scale, or the buffer grew.
    pub(crate) fn is_window_update_owed(&self, read: usize) -> bool {
        let is_due = read > 0 || self.rcv.wnd() < self.silly_below();
        is_due && self.update_after() == Some(0)
    }

    /// Tells the program when to ring. Returns whether an update is owed now, because it has read so much meanwhile.
    pub(crate) fn arm_doorbell(&mut self) -> bool {
        let mut read = 0;
        loop {
            let after = self.update_after();
            if after == Some(0) && self.is_window_update_owed(read) {
                return true;
            }
            let mark = self.watch_reading(after.filter(|bytes| *bytes > 0).map(|bytes| bytes as usize));
            // A program that read before it could see the mark does not ring.
            if !self.recvq.ring_after(mark) {
                return false;
            }
            read = self.recvq.refresh();
        }
    }
}

/// The sender.
impl Tcb {
    /// The most text a segment carries now: a segment that takes more than half of the largest window would wait for the
    /// receiver's delayed ACK (as Linux).
    pub(crate) fn segment_size(&self) -> u32 {
        let room = self.text_room();
        if self.snd.max_wnd > SMALL_WINDOW { room.min((self.snd.max_wnd / 2).max(1)) } else { room }
    }

    /// Text for which a segment has room now: Eff.snd.MSS less the SACK blocks that go with it (RFC 6691, section 3). No segment is
    /// ever larger.
    pub(crate) fn text_room(&self) -> u32 {
        let timestamps = if self.timestamps.is_some() { timestamps::OPTION_LEN } else { 0 };
        self.snd.mss.saturating_sub(self.sack.option_len(timestamps)).max(1)
    }

    /// Whether `len` bytes of text, all that fits, are worth a segment now (MUST-38, 3.8.6.2.1).
    pub(crate) fn is_worth_sending(&self, len: u32) -> bool {
        if len >= self.segment_size() {
            return true;
        }
        let is_all = len as usize == self.unsent();
        if is_all {
            return self.is_worth_sending_last();
        }
        // Text that follows is no reason to wait at the end of a record. Else the window, not SendQ, is what cuts it: half the largest
        // window is worth it.
        self.marks.is_record_end(self.snd.nxt + len) || len >= self.snd.max_wnd / 2
    }

    /// Whether the last bytes of text, less than a full segment, are worth one.
    pub(crate) fn is_worth_sending_last(&self) -> bool {
        let is_held = self.is_held_by_nagle() || self.is_held_by_program();
        self.snd.fin != Fin::None || !is_held
    }

    /// SHLD-7 (3.7.4), as amended by Minshall and as Linux: a small segment waits while another small one is unacknowledged,
    /// so that the last segment of a long write does not wait for a delayed ACK.
    pub(crate) fn is_held_by_nagle(&self) -> bool {
        let is_outstanding = self.snd.small.after(self.snd.una) && !self.snd.small.after(self.snd.nxt);
        self.config.nagle && is_outstanding && !self.is_urgent()
    }
}
