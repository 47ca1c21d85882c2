//! TCP_NOTSENT_LOWAT: the program keeps what it may still change its mind about, and SendQ holds little that was never sent.

use crate::{Event, Tcb};

impl Tcb {
    /// TCP_NOTSENT_LOWAT in force, bytes; `None` for no bound.
    pub fn set_notsent_lowat(&mut self, low: Option<u32>) {
        let was_bound = self.notsent_low != 0;
        // Whoever asks for nothing unsent at all still gets to send.
        self.notsent_low = low.map_or(0, |low| low.max(1));
        if was_bound && self.notsent_low == 0 {
            self.sendq.tell_sent(0, 0, 0);
            self.events.push(Event::Writable);
        }
        self.tell_sent();
    }

    /// To be called when something was sent or acknowledged: the program may write again.
    pub(crate) fn tell_sent(&mut self) {
        if self.notsent_low == 0 {
            return;
        }
        let was_low = self.sendq.is_unsent_low();
        // As Linux, which fills the last of the packet buffers that it prepares.
        let most = self.notsent_low.max(self.buffer_goal());
        self.sendq.tell_sent(self.text_held() - self.unsent(), self.notsent_low, most);
        if !was_low && self.sendq.is_unsent_low() {
            self.events.push(Event::Writable);
        }
    }
}
