//! Congestion control, end to end: how fast, with how long a queue, beside whom.

mod common;

use common::{address, two_hosts};
use sockeye_clock::Instant;
use sockeye_link::{Link, LinkConfig, PointToPoint};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{CongestionName, Error, Settings, SocketOption};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// 10 Mbit/s.
const RATE: u64 = 10_000_000;
/// Half of a round trip of 40 ms.
const DELAY: Duration = Duration::from_millis(20);
/// The bytes that a round trip holds: 50,000, 33 packets.
const BDP_PACKETS: usize = 33;

/// What was seen of the direction from client to server.
#[derive(Clone, Default)]
struct Watch {
    /// The longest queue since it was last asked, packets.
    longest: Arc<AtomicUsize>,
    /// Sum and number of the lengths that packets found.
    lengths: Arc<(AtomicU64, AtomicU64)>,
    counters: Arc<Mutex<sockeye_link::Counters>>,
}

impl Watch {
    fn forget(&self) {
        self.longest.store(0, Ordering::Relaxed);
        self.lengths.0.store(0, Ordering::Relaxed);
        self.lengths.1.store(0, Ordering::Relaxed);
    }

    fn mean(&self) -> f64 {
        self.lengths.0.load(Ordering::Relaxed) as f64 / self.lengths.1.load(Ordering::Relaxed).max(1) as f64
    }

    fn longest(&self) -> usize {
        self.longest.load(Ordering::Relaxed)
    }

    fn counters(&self) -> sockeye_link::Counters {
        *self.counters.lock().expect("no thread panicked")
    }
}

/// A link whose queue is watched.
struct Watched(PointToPoint, Watch);

impl Link for Watched {
    fn mtu(&self) -> usize {
        self.0.mtu()
    }

    fn transmit(&mut self, now: Instant, packet: Vec<u8>) {
        self.0.transmit(now, packet);
        let (length, watch) = (self.0.waiting(), &self.1);
        watch.longest.fetch_max(length, Ordering::Relaxed);
        watch.lengths.0.fetch_add(length as u64, Ordering::Relaxed);
        watch.lengths.1.fetch_add(1, Ordering::Relaxed);
        *watch.counters.lock().expect("no thread panicked") = self.0.counters();
    }

    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.0.poll_receive(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.0.poll_timeout()
    }
}

/// Streams from `client` to `server`, each with a program that always has more to send.
struct Streams {
    sim: Sim,
    watch: Watch,
    ends: Vec<(SimSocket, SimSocket)>,
    /// Bytes that each has brought.
    read: Vec<u64>,
}

impl Streams {
    fn new(link: LinkConfig, settings: Settings, controls: &[&str]) -> Result<Self, Error> {
        let config = two_hosts(link.clone(), settings.clone(), settings);
        let mut sim = Sim::new(&config, 7).expect("a sound network");
        let watch = Watch::default();
        sim.network().wrap_links(|from, _, other| {
            if from == "client" {
                Box::new(Watched(PointToPoint::new(link.clone()), watch.clone()))
            } else {
                other
            }
        });
        let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
        let mut ends = Vec::new();
        for control in controls {
            let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80"))?;
            let name = CongestionName::new(control.as_bytes());
            client.set_option(&mut sim, SocketOption::Congestion(name))?;
            let server = listener.accept(&mut sim)?;
            // DCTCP's receiver echoes in its own way.
            server.set_option(&mut sim, SocketOption::Congestion(name))?;
            ends.push((client, server));
        }
        let read = vec![0; controls.len()];
        Ok(Self { sim, watch, ends, read })
    }

    /// Bits a second that each brings in the time.
    fn run_for(&mut self, time: Duration) -> Vec<f64> {
        let before = self.read.clone();
        let (ends, read) = (&self.ends, &mut self.read);
        let chunk = vec![7; 65_536];
        let deadline = self.sim.now() + time;
        self.sim.run_until(time, |sim| {
            for ((client, server), read) in ends.iter().zip(read.iter_mut()) {
                client.try_write(sim, &chunk);
                while let Ok(bytes) = server.try_read(sim, 1 << 20)
                    && !bytes.is_empty()
                {
                    *read += bytes.len() as u64;
                }
            }
            sim.now() >= deadline
        });
        let bits = |(now, before): (&u64, u64)| (now - before) as f64 * 8.0 / time.as_secs_f64();
        self.read.iter().zip(before).map(bits).collect()
    }
}

fn bottleneck() -> LinkConfig {
    LinkConfig { rate: RATE, delay: DELAY, queue: 200, ..LinkConfig::default() }
}

fn rate_of(control: &str, link: LinkConfig) -> Result<(f64, Watch), Error> {
    let mut streams = Streams::new(link, Settings::default(), &[control])?;
    streams.run_for(5 * SECOND);
    streams.watch.forget();
    let rate = streams.run_for(25 * SECOND)[0];
    Ok((rate / RATE as f64, streams.watch))
}

/// CUBIC and Reno fill whatever queue there is; BBR keeps it short and is as fast.
#[test]
fn every_congestion_control_fills_the_link() -> Result<(), Error> {
    for control in ["reno", "cubic", "bbr", "dctcp"] {
        let (used, _) = rate_of(control, bottleneck())?;
        assert!(used > 0.90, "{control}: {used}");
    }
    Ok(())
}

/// draft-ietf-ccwg-bbr: no more than what the path holds is in flight, nearly always.
#[test]
fn bbr_keeps_the_queue_short() -> Result<(), Error> {
    let (used, watch) = rate_of("bbr", bottleneck())?;
    assert!(used > 0.90, "{used}");
    assert!(watch.longest() < BDP_PACKETS * 3 / 2, "{} packets", watch.longest());
    assert!(watch.mean() < BDP_PACKETS as f64 / 2.0, "{} packets", watch.mean());
    let (_, watch) = rate_of("cubic", bottleneck())?;
    assert!(watch.mean() > BDP_PACKETS as f64, "CUBIC fills it: {} packets", watch.mean());
    Ok(())
}

/// draft-ietf-ccwg-bbr, "Design Considerations for Choosing Constant Parameters": a round with X% of loss takes the rate down by X%,
/// until probing takes it up again after as many rounds as the path holds segments. Of 1% that leaves (1 - 0.99^33) / (33 * 0.01) =
/// 0.86 on average, less what probing costs, of the 0.93 that there are without loss. Reno halves its window for each loss.
#[test]
fn random_loss_does_not_stop_bbr() -> Result<(), Error> {
    let median = |control: &str| -> Result<f64, Error> {
        let lossy = |seed| LinkConfig { loss: 0.01, seed, ..bottleneck() };
        let mut rates =
            (1..=3).map(|seed| Ok(rate_of(control, lossy(seed))?.0)).collect::<Result<Vec<_>, Error>>()?;
        rates.sort_by(f64::total_cmp);
        Ok(rates[1])
    };
    let (bbr, reno) = (median("bbr")?, median("reno")?);
    assert!(bbr > 0.73, "BBR has {bbr}");
    assert!(reno < 0.4, "Reno has {reno}");
    Ok(())
}

/// RFC 9438, 3.2: flows of the same kind share.
#[test]
fn two_flows_share() -> Result<(), Error> {
    for (control, least) in [("cubic", 0.35), ("reno", 0.35), ("dctcp", 0.35)] {
        let link = LinkConfig { queue: 60, ..bottleneck() };
        let mut streams = Streams::new(link, Settings::default(), &[control, control])?;
        streams.run_for(10 * SECOND);
        let rates = streams.run_for(60 * SECOND);
        let share = rates[0].min(rates[1]) / (rates[0] + rates[1]);
        assert!(share > least, "{control}: {rates:?}");
        assert!(rates[0] + rates[1] > 0.9 * RATE as f64, "{control}: {rates:?}");
    }
    Ok(())
}

/// SHLD-8 (RFC 3168): with ECN, a queue that marks loses nothing.
#[test]
fn cubic_with_ecn_loses_nothing() -> Result<(), Error> {
    let link = LinkConfig { mark: 50, ..bottleneck() };
    let settings = Settings { ecn: 1, ..Settings::default() };
    let mut streams = Streams::new(link.clone(), settings, &["cubic"])?;
    let used = streams.run_for(30 * SECOND)[0] / RATE as f64;
    let counters = streams.watch.counters();
    assert!(counters.marked > 0);
    assert_eq!(counters.dropped, 0);
    assert!(used > 0.9, "{used}");
    let mut streams = Streams::new(link, Settings::default(), &["cubic"])?;
    streams.run_for(30 * SECOND);
    let counters = streams.watch.counters();
    assert_eq!(counters.marked, 0, "nobody has asked for it");
    assert!(counters.dropped > 0);
    Ok(())
}

/// RFC 8257: the queue stays near the threshold, and the link is busy.
#[test]
fn dctcp_keeps_the_queue_at_the_threshold() -> Result<(), Error> {
    const THRESHOLD: usize = 20;
    let link = LinkConfig { mark: THRESHOLD, ..bottleneck() };
    let control = CongestionName::new(b"dctcp");
    let settings = Settings { congestion_control: control, ..Settings::default() };
    let mut streams = Streams::new(link, settings, &["dctcp"])?;
    streams.run_for(5 * SECOND);
    streams.watch.forget();
    let used = streams.run_for(20 * SECOND)[0] / RATE as f64;
    assert!(used > 0.9, "{used}");
    assert!(streams.watch.longest() < 2 * THRESHOLD, "{} packets", streams.watch.longest());
    assert!(streams.watch.mean() > 2.0, "{} packets", streams.watch.mean());
    assert_eq!(streams.watch.counters().dropped, 0);
    Ok(())
}

/// SO_MAX_PACING_RATE, set on a live connection, and lifted.
#[test]
fn a_pacing_rate_is_kept() -> Result<(), Error> {
    let link = LinkConfig { rate: 100_000_000, delay: Duration::from_millis(2), ..LinkConfig::default() };
    for control in ["reno", "cubic", "bbr"] {
        let mut streams = Streams::new(link.clone(), Settings::default(), &[control])?;
        let (client, _) = streams.ends[0];
        client.set_option(&mut streams.sim, SocketOption::MaxPacingRate(250_000))?;
        streams.run_for(SECOND);
        streams.watch.forget();
        let rate = streams.run_for(10 * SECOND)[0];
        assert!((1_850_000.0..2_010_000.0).contains(&rate), "{control}: {rate} bit/s, not 2 Mbit/s");
        assert!(streams.watch.longest() <= 3, "bursts of two: {}", streams.watch.longest());
        client.set_option(&mut streams.sim, SocketOption::MaxPacingRate(u64::MAX))?;
        let rate = streams.run_for(2 * SECOND)[0];
        // BBR probes for more only every other second.
        let least = if control == "bbr" { 4_000_000.0 } else { 10_000_000.0 };
        assert!(rate > least, "{control}: {rate}");
    }
    Ok(())
}

/// TCP_CONGESTION: what there is, what is allowed, and what accepted sockets have.
#[test]
fn the_choice_is_the_program_s() -> Result<(), Error> {
    let allowed = vec![CongestionName::new(b"reno"), CongestionName::new(b"cubic")];
    let settings = Settings { allowed_congestion_control: allowed, ..Settings::default() };
    let mut streams = Streams::new(bottleneck(), settings, &["reno"])?;
    let (client, _) = streams.ends[0];
    let sim = &mut streams.sim;
    let choose = |sim: &mut Sim, name: &[u8]| {
        client.set_option(sim, SocketOption::Congestion(CongestionName::new(name)))
    };
    assert_eq!(choose(sim, b"vegas"), Err(Error::NotFound));
    assert_eq!(choose(sim, b"bbr"), Err(Error::NotPermitted));
    assert_eq!(choose(sim, b"cubic"), Ok(()));
    let name = client.with(sim, |network, id| network.option(id, sockeye_stack::OptionName::Congestion))?;
    assert_eq!(name, SocketOption::Congestion(CongestionName::new(b"cubic")));
    Ok(())
}
