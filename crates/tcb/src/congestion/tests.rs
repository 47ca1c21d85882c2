mod bbr;
mod cubic;
mod dctcp;
mod hystart;
mod pace;
mod reno;
mod usage;

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::{AckSample, Congestion, CongestionConfig, CongestionControl, Flushed};
use crate::Phase;

const MSS: u32 = 1000;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A connection that always has more to send than cwnd lets out, and whose peer acknowledges as it is told.
struct Flow {
    congestion: Congestion,
    now: Instant,
    una: SeqNum,
    nxt: SeqNum,
}

impl Flow {
    fn with(config: CongestionConfig) -> Self {
        let congestion = Congestion::new(Instant::ZERO, 10 * MSS, MSS, config);
        let mut flow = Self { congestion, now: Instant::ZERO, una: SeqNum(1), nxt: SeqNum(1) };
        flow.fill();
        flow
    }

    fn new(control: CongestionControl) -> Self {
        Self::with(CongestionConfig { control, ..CongestionConfig::new() })
    }

    /// cwnd, in segments.
    fn cwnd(&self) -> u32 {
        self.congestion.cwnd() / MSS
    }

    fn ssthresh(&self) -> u32 {
        self.congestion.ssthresh() / MSS
    }

    /// Sends what cwnd lets out.
    fn fill(&mut self) {
        while self.congestion.has_room(self.nxt.since(self.una), MSS) {
            self.nxt += MSS;
            self.congestion.on_sent(self.now, MSS);
        }
        self.flush(false);
    }

    /// Sends `segments` and has no more.
    fn send_only(&mut self, segments: u32) {
        for _ in 0..segments {
            self.nxt += MSS;
            self.congestion.on_sent(self.now, MSS);
        }
        self.flush(true);
    }

    fn flush(&mut self, is_starved: bool) {
        self.congestion.on_flush(&Flushed {
            now: self.now,
            una: self.una,
            nxt: self.nxt,
            pipe: self.nxt.since(self.una),
            rto: Duration::from_millis(300),
            is_starved,
            is_deferred: false,
        });
    }

    fn sample(&self, segments: u32) -> AckSample {
        let flight = self.nxt.since(self.una);
        let acked = segments * MSS;
        AckSample {
            now: self.now,
            delivered: acked,
            is_progress: acked > 0,
            flight_before: flight,
            flight: flight - acked,
            lost: 0,
            una: self.una + acked,
            nxt: self.nxt,
            rtt: None,
            ece: false,
            rate: None,
            loss: None,
            phase: Phase::Open,
        }
    }

    fn acked(&mut self, sample: &AckSample) {
        self.una = sample.una;
        self.congestion.on_ack(sample);
    }

    /// An ACK of so many segments; what fits is sent then.
    fn ack(&mut self, segments: u32) {
        let sample = self.sample(segments);
        self.acked(&sample);
        self.fill();
    }

    /// An ACK that measures a round trip.
    fn ack_after(&mut self, segments: u32, rtt: Duration) {
        let sample = AckSample { rtt: Some(rtt), ..self.sample(segments) };
        self.acked(&sample);
        self.fill();
    }

    /// Lets a round trip pass in which everything outstanding is acknowledged, one segment at a time.
    fn round(&mut self, rtt: Duration) {
        self.now += rtt;
        for _ in 0..self.nxt.since(self.una) / MSS {
            self.ack_after(1, rtt);
        }
    }

    fn lose(&mut self) {
        self.congestion.on_loss_detected();
        self.congestion.on_recovered();
        self.una = self.nxt;
        self.fill();
    }
}
