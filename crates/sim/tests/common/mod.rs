//! What the tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use sockeye_clock::Instant;
use sockeye_link::{Link, LinkConfig};
use sockeye_sim::script::Seen;
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Error, Family, HostConfig, LinkBetween, NetworkConfig, Settings, SocketInfo};
use std::net::SocketAddr;
use std::time::Duration;

pub const HOUR: Duration = Duration::from_secs(3600);

/// A script: the host accepts a connection, without options.
pub const ESTABLISHED: &str = "listen
    < S 0 mss 1000
    > SA 0 ack 1
    < A 1 ack 1
    accept
";

pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Bytes of which no two places look alike for long.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

pub fn host(name: &str, addresses: &[&str], settings: Settings) -> HostConfig {
    let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    HostConfig { name: name.to_owned(), addresses, settings }
}

/// `server` (10.0.0.1, fd00::1) and `client` (10.0.0.2, fd00::2) and a link between them.
pub fn two_hosts(link: LinkConfig, server: Settings, client: Settings) -> NetworkConfig {
    NetworkConfig {
        hosts: vec![
            host("server", &["10.0.0.1", "fd00::1"], server),
            host("client", &["10.0.0.2", "fd00::2"], client),
        ],
        links: vec![LinkBetween { between: ("server".to_owned(), "client".to_owned()), config: link }],
    }
}

pub fn two_default_hosts(seed: u64) -> Sim {
    let delay = Duration::from_millis(5);
    let config =
        two_hosts(LinkConfig { delay, ..LinkConfig::default() }, Settings::default(), Settings::default());
    Sim::new(&config, seed).expect("a sound network")
}

pub fn one_host(settings: Settings) -> Sim {
    let hosts = vec![host("localhost", &["10.0.0.1", "fd00::1"], settings)];
    Sim::new(&NetworkConfig { hosts, links: Vec::new() }, 1).expect("a sound network")
}

/// A listener, a connection's client end, and its server end.
pub fn connection(sim: &mut Sim, at: &str) -> Result<(SimSocket, SimSocket, SimSocket), Error> {
    let listener = SimSocket::listen(sim, "localhost", address(at), 5)?;
    let client = SimSocket::connect(sim, "localhost", address(at))?;
    let server = listener.accept(sim)?;
    Ok((listener, client, server))
}

pub fn bound(sim: &mut Sim, at: &str) -> Result<SimSocket, Error> {
    let family = if address(at).is_ipv4() { Family::V4 } else { Family::V6 };
    let socket = SimSocket::new(sim, "localhost", family)?;
    socket.with(sim, |network, id| network.bind(id, address(at)))?;
    Ok(socket)
}

/// The line of netstat for what has this local port, and is no listener.
pub fn line(sim: &mut Sim, host: &str, port: u16) -> Option<SocketInfo> {
    sim.netstat(host).into_iter().find(|line| line.local.port() == port && line.state != "LISTEN")
}

/// State, Recv-Q and Send-Q of that line.
pub fn shown(sim: &mut Sim, host: &str, port: u16) -> (String, usize, usize) {
    line(sim, host, port)
        .map_or_else(|| ("gone".to_owned(), 0, 0), |line| (line.state, line.recv_queue, line.send_queue))
}

pub fn count(sim: &mut Sim, host: &str, state: &str) -> usize {
    sim.netstat(host).iter().filter(|line| line.state == state).count()
}

/// A direction of a link that swallows everything.
pub struct BlackHole;

impl Link for BlackHole {
    fn mtu(&self) -> usize {
        1500
    }

    fn transmit(&mut self, _: Instant, _: Vec<u8>) {}

    fn poll_receive(&mut self, _: Instant) -> Option<Vec<u8>> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Settings with these values of `net.ipv4.…` and `net.core.…`.
pub fn with(values: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in values {
        settings.set_sysctl(name, value).unwrap_or_else(|error| panic!("{name} = {value}: {error}"));
    }
    settings
}

/// A scene with these settings, in which a script is played.
pub fn scene(values: &[(&str, &str)], script: &str) -> Scene {
    let mut scene = Scene::new(with(values)).expect("a sound network");
    play(&mut scene, script);
    scene
}

/// A scene with a small window, in which these two scripts are played.
pub fn played(start: &str, more: &str) -> Scene {
    Scene::play(&format!("{start}{more}")).unwrap_or_else(|error| panic!("{error}"))
}

/// Plays a script that must not fail.
pub fn play(scene: &mut Scene, script: &str) {
    scene.run(script).unwrap_or_else(|error| panic!("{error}"));
}

/// What the host sends in this time, and when, counted from its beginning.
pub fn sent_within(scene: &mut Scene, time: Duration) -> Vec<(Duration, Seen)> {
    let start = scene.sim.now();
    scene.sim.run_for(time);
    let sent = scene.sent().expect("sound packets");
    sent.into_iter().map(|seen| (seen.at.since(start), seen)).collect()
}
