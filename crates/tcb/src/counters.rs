//! What is counted for [`Info`](crate::Info).

use sockeye_clock::Instant;

use crate::Segment;

/// Segments and bytes of one connection, both ways.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) segs_out: u32,
    pub(crate) segs_in: u32,
    pub(crate) data_segs_out: u32,
    pub(crate) data_segs_in: u32,
    /// Segments with text that came out of order.
    pub(crate) out_of_order: u32,
    /// Segments sent again.
    pub(crate) total_retrans: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retrans: u64,
    pub(crate) bytes_acked: u64,
    pub(crate) bytes_received: u64,
    /// When text last came; at first, when the connection was established, as Linux has it.
    pub(crate) last_data_received: Option<Instant>,
}

impl Counters {
    /// A segment goes out with `text` bytes.
    pub(crate) const fn on_sent(&mut self, text: usize) {
        self.segs_out = self.segs_out.wrapping_add(1);
        if text > 0 {
            self.data_segs_out = self.data_segs_out.wrapping_add(1);
            self.bytes_sent += text as u64;
        }
    }

    /// Of what goes out, `text` bytes were sent before.
    pub(crate) const fn on_retransmitted(&mut self, text: u32) {
        self.total_retrans = self.total_retrans.wrapping_add(1);
        self.bytes_retrans += text as u64;
    }

    /// A segment arrived.
    pub(crate) fn on_arrived(&mut self, now: Instant, segment: &Segment<'_>) {
        self.segs_in = self.segs_in.wrapping_add(1);
        if !segment.text.is_empty() {
            self.data_segs_in = self.data_segs_in.wrapping_add(1);
            self.last_data_received = Some(now);
        }
    }
}
