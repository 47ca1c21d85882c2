//! TCP_NOTSENT_LOWAT: the program keeps what it may still change its mind about, and SendQ holds little that was never sent.

use crate::tcb::Fin;
use crate::{Event, Tcb};

impl Tcb {
    /// TCP_NOTSENT_LOWAT in force, bytes; `None` for no bound. SendQ knows already.
    pub fn set_notsent_lowat(&mut self, low: Option<u32>) {
        // Whoever asks for nothing unsent at all still gets to send.
        self.notsent_low = low.map_or(0, |low| low.max(1));
        self.tell_goal();
        self.tell_sent();
        // As Linux: there may be room now, also if none was missed between two looks.
        if self.sendq.is_unsent_low() {
            self.events.push(Event::Writable);
        }
    }

    /// As Linux, which fills the last of the packet buffers that it prepares. To be called once before the program can set
    /// TCP_NOTSENT_LOWAT; where that is set it is kept up to date.
    pub fn tell_goal(&self) {
        self.sendq.tell_goal(self.buffer_goal());
    }

    /// To be called when something was sent or acknowledged: the program may write again.
    #[inline]
    pub(crate) fn tell_sent(&mut self) {
        let in_flight = self.text_in_flight();
        if self.notsent_low == 0 {
            return self.sendq.tell_sent(in_flight);
        }
        let was_low = self.sendq.is_unsent_low();
        self.tell_goal();
        self.sendq.tell_sent(in_flight);
        if !was_low && self.sendq.is_unsent_low() {
            self.events.push(Event::Writable);
        }
    }

    /// Bytes of text sent and not acknowledged.
    fn text_in_flight(&self) -> usize {
        let flight = self.snd.flight() as usize;
        match self.snd.fin {
            Fin::None | Fin::Queued => flight,
            Fin::Sent => flight - 1,
            Fin::Acknowledged => 0,
        }
    }
}
