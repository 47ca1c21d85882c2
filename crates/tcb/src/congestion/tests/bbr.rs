use super::*;
use crate::congestion::bbr::{Bbr, State};
use crate::congestion::pace::Pace;
use crate::congestion::window::Window;
use crate::congestion::{LossSample, RateSample};

const RTT: Duration = Duration::from_millis(40);
/// 1 MB/s: 40 segments a round trip.
const RATE: u64 = 1_000_000;
const BDP: u32 = 40;

/// A path that carries [`RATE`], seen once a round trip.
struct Path {
    bbr: Bbr,
    window: Window,
    pace: Pace,
    now: Instant,
    delivered: u64,
    /// Whether what queues up stays in flight.
    keeps_queue: bool,
}

impl Path {
    fn new() -> Self {
        Self {
            bbr: Bbr::new(at(0)),
            window: Window::new(10 * MSS, MSS),
            pace: Pace::new(at(0), u64::MAX, true),
            now: at(0),
            delivered: 0,
            keeps_queue: false,
        }
    }

    /// A round trip in which what was in flight arrives, `lost` bytes of it not.
    fn round_with(&mut self, rtt: Duration, lost: u64) {
        let flight_at_send = self.window.cwnd;
        let loss = LossSample { lost: lost as u32, flight_at_send, len: MSS, is_app_limited: false };
        self.round_telling(rtt, lost, (lost > 0).then_some(loss));
    }

    fn round_telling(&mut self, rtt: Duration, lost: u64, loss: Option<LossSample>) {
        let flight = self.window.cwnd;
        let possible = (RATE as f64 * rtt.as_secs_f64()) as u32;
        let arrived = flight.min(possible) - lost as u32;
        let prior_delivered = self.delivered;
        self.now += rtt;
        self.delivered += u64::from(arrived);
        let flow = Flow::new(CongestionControl::Reno);
        let sample = AckSample {
            now: self.now,
            is_progress: arrived > 0,
            delivered: arrived,
            flight_before: flight,
            flight: if self.keeps_queue { flight } else { flight.min(BDP * MSS) },
            lost: lost as u32,
            rtt: Some(rtt),
            rate: Some(RateSample {
                delivered: u64::from(arrived),
                interval: rtt,
                prior_delivered,
                total_delivered: self.delivered,
                lost,
                flight_at_send: flight,
                is_app_limited: false,
                delivered_ce: 0,
            }),
            loss,
            ..flow.sample(1)
        };
        self.bbr.on_ack(&mut self.window, &mut self.pace, &sample, true);
    }

    fn round(&mut self) {
        self.round_with(RTT, 0);
    }

    /// Rounds until `state`; says how many.
    fn until(&mut self, state: State) -> u32 {
        for rounds in 0..1000 {
            if self.bbr.state() == state {
                return rounds;
            }
            self.round();
        }
        panic!("still {:?} and never {state:?}", self.bbr.state());
    }
}

/// BBRCheckFullBWReached: Startup ends when three rounds bring no quarter more; then the queue is drained.
#[test]
fn startup_ends_when_the_rate_stops_growing() {
    let mut path = Path::new();
    // What this path holds is never more than the pipe: there is nothing to drain.
    let rounds = path.until(State::Cruise);
    assert!((4..=8).contains(&rounds), "{rounds} rounds");
    assert!(path.window.cwnd <= 3 * BDP * MSS);
}

/// The gains of the cycle, in order; probing comes after as many rounds as the pipe holds segments at the latest.
#[test]
fn the_cycle_goes_round() {
    let mut path = Path::new();
    // Twice in less than the five seconds after which the delay is probed for.
    for _ in 0..2 {
        path.until(State::Cruise);
        path.round();
        assert_eq!(path.pace.rate(), RATE * 99 / 100, "a little below the rate");
        let rounds = path.until(State::Refill);
        assert!(rounds <= BDP, "{rounds} rounds");
        path.until(State::Up);
        path.round();
        if path.bbr.state() == State::Up {
            assert_eq!(path.pace.rate(), RATE * 125 / 100 * 99 / 100);
        }
        path.until(State::Down);
        assert_eq!(path.pace.rate(), RATE * 90 / 100 * 99 / 100);
    }
}

/// BBRCheckProbeRTT: without a shorter round trip for five seconds, half of what the pipe holds, for 200 ms.
#[test]
fn the_delay_is_probed_for() {
    let mut path = Path::new();
    path.until(State::Cruise);
    // A queue that stays: every round trip is longer than the first.
    let mut seen = None;
    for round in 0..400 {
        path.round_with(RTT + Duration::from_millis(5), 0);
        if path.bbr.state() == State::ProbeRtt {
            seen = Some(round);
            break;
        }
    }
    assert!(seen.is_some_and(|rounds| rounds > 50), "{seen:?}");
    path.round();
    assert!(path.window.cwnd <= (BDP / 2 + 1) * MSS, "{}", path.window.cwnd);
    let mut rounds = 0;
    while path.bbr.state() == State::ProbeRtt {
        path.round();
        rounds += 1;
        assert!(rounds < 20);
    }
    assert!(rounds >= 5, "200 ms: {rounds} rounds");
    assert_eq!(path.bbr.state(), State::Cruise);
    assert!(path.window.cwnd >= BDP * MSS);
}

/// BBRAdaptLowerBounds: losses that no probing caused take the rate down by no more than what arrives less, and probing forgets them.
#[test]
fn losses_bound_the_short_term() {
    let mut path = Path::new();
    path.until(State::Cruise);
    let before = path.pace.rate();
    path.round_with(RTT, u64::from(8 * MSS));
    path.round_with(RTT, 0);
    path.round_with(RTT, 0);
    assert!(path.window.cwnd >= BDP * MSS * 7 / 10);
    assert!(path.pace.rate() <= before);
    assert!(path.pace.rate() >= before * 7 / 10);
    path.until(State::Refill);
    path.round();
    assert!(path.pace.rate() >= before, "forgotten");
}

/// BBRHandleInflightTooHigh: more than 2% lost while probing ends the probing, and bounds the long term.
#[test]
fn losses_of_probing_bound_the_long_term() {
    let mut path = Path::new();
    path.until(State::Cruise);
    path.until(State::Up);
    let flight = path.window.cwnd;
    path.round_with(RTT, u64::from(4 * MSS));
    assert_ne!(path.bbr.state(), State::Up);
    path.until(State::Cruise);
    let crossing = flight - MSS;
    assert_eq!(path.window.cwnd, crossing - crossing * 15 / 100, "headroom is left to others");
}

/// BBROnEnterRTO: one segment, and what was good before it when the loss is repaired.
#[test]
fn a_timeout_is_outlived() {
    let mut path = Path::new();
    path.until(State::Cruise);
    let before = path.window.cwnd;
    path.bbr.on_timeout(&mut path.window);
    assert_eq!(path.window.cwnd, MSS);
    path.round();
    assert!(path.window.cwnd * 2 > before, "{} of {before}", path.window.cwnd);
}

/// BBRHandleLostPacket: a loss is judged by what was in flight when the lost segment was sent, not when the newest that arrived was.
#[test]
fn a_loss_of_little_in_flight_does_not_bound_much() {
    let mut path = Path::new();
    path.until(State::Cruise);
    path.until(State::Up);
    let flight = path.window.cwnd;
    // One segment of fifty: no more than 2%.
    let few = LossSample { lost: MSS, flight_at_send: 50 * MSS, len: MSS, is_app_limited: false };
    path.round_telling(RTT, u64::from(MSS), Some(few));
    assert_eq!(path.bbr.state(), State::Up, "2% are tolerated");
    let many = LossSample { lost: 4 * MSS, flight_at_send: flight, len: MSS, is_app_limited: false };
    path.round_telling(RTT, u64::from(MSS), Some(many));
    assert_ne!(path.bbr.state(), State::Up);
}

/// BBRCheckDrainDone: a queue that does not drain, because others fill it, is not waited for longer than three rounds.
#[test]
fn drain_ends_after_three_rounds() {
    let mut path = Path::new();
    path.keeps_queue = true;
    path.until(State::Drain);
    let mut rounds = 0;
    while path.bbr.state() == State::Drain {
        path.round();
        rounds += 1;
        assert!(rounds < 20, "still draining");
    }
    assert!((3..=5).contains(&rounds), "{rounds} rounds");
    assert_eq!(path.bbr.state(), State::Down);
}
