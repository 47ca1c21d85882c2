//! SYN floods (RFC 4987): what a listener keeps of SYNs that nobody completes is bounded, and who means it gets through.

mod common;

use common::{address, count, host};
use sockeye_clock::Instant;
use sockeye_link::Outside;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Counters, Error, NetworkConfig, Settings};
use sockeye_wire::{Flags, IpHeader, Options, Protocol, SeqNum, TcpHeader, Timestamps, packet};
use std::net::{IpAddr, Ipv4Addr};

const SERVER: &str = "10.0.0.1";
const BACKLOG: i32 = 100;

/// A server, and everybody else.
struct World {
    sim: Sim,
    outside: Outside,
    listener: SimSocket,
}

impl World {
    fn new(settings: Settings) -> Result<Self, Error> {
        let hosts = vec![host("server", &[SERVER], settings)];
        let mut sim = Sim::new(&NetworkConfig { hosts, links: Vec::new() }, 1).expect("a sound network");
        let (id, outside) = (sim.host("server")?, Outside::new(1500));
        sim.network().add_outside(id, outside.clone()).expect("a host");
        let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), BACKLOG)?;
        Ok(Self { sim, outside, listener })
    }

    fn arrives(&mut self, src: Ipv4Addr, header: &TcpHeader, text: &[u8]) {
        let ip = IpHeader {
            src: IpAddr::V4(src),
            dst: SERVER.parse().expect("an address"),
            protocol: Protocol::Tcp,
            hop_limit: 64,
            traffic_class: 0,
            ident: 0,
            dont_fragment: true,
        };
        let mut bytes = vec![0; packet::len(&ip, header, text.len())];
        packet::emit(&ip, header, &[text], &mut bytes);
        self.outside.put(bytes);
        self.sim.settle();
    }

    /// The header of the next segment that the server sends.
    fn answer(&mut self) -> Option<TcpHeader> {
        let (_, bytes): (Instant, Vec<u8>) = self.outside.take()?;
        let (_, range) = IpHeader::parse(&bytes).expect("sound packets");
        Some(TcpHeader::parse(&bytes[range]).expect("sound packets").0)
    }

    /// SYNs from as many addresses, none of which answers.
    fn flood(&mut self, syns: u32) {
        for number in 0..syns {
            let src = Ipv4Addr::from(0xc612_0000 + number / 7);
            let header =
                TcpHeader { src_port: 1024 + (number % 7) as u16, ..syn(number, Options::default()) };
            self.arrives(src, &header, &[]);
            while self.answer().is_some() {}
        }
    }

    fn counters(&mut self) -> Counters {
        let id = self.sim.host("server").expect("it is there");
        self.sim.network().counters(id).expect("it is there")
    }
}

fn syn(seq: u32, options: Options) -> TcpHeader {
    TcpHeader {
        src_port: 4000,
        dst_port: 80,
        seq: SeqNum(seq),
        flags: Flags::SYN,
        window: 50_000,
        options,
        ..TcpHeader::default()
    }
}

/// An honest client connects and sends `text`. Returns the options of the SYN-ACK.
fn connect(world: &mut World, options: Options, text: &[u8]) -> Options {
    let client = Ipv4Addr::new(192, 0, 2, 77);
    let stamps = options.timestamps;
    world.arrives(client, &syn(1000, options), &[]);
    let answer = world.answer().expect("a SYN-ACK");
    assert_eq!(answer.flags, Flags::SYN | Flags::ACK);
    let echo = answer.options.timestamps.map(|theirs| theirs.value);
    let header = TcpHeader {
        seq: SeqNum(1001),
        ack: answer.seq + 1,
        flags: Flags::ACK | Flags::PSH,
        options: Options {
            timestamps: stamps.zip(echo).map(|(ours, echo)| Timestamps { value: ours.value + 1, echo }),
            ..Options::default()
        },
        ..syn(0, Options::default())
    };
    world.arrives(client, &header, text);
    answer.options
}

fn all_options() -> Options {
    Options {
        mss: Some(1400),
        window_scale: Some(9),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 5, echo: 0 }),
        ..Options::default()
    }
}

fn flood_and_connect(syns: u32) -> Result<(), Error> {
    let mut world = World::new(Settings::default())?;
    world.flood(syns);
    assert_eq!(count(&mut world.sim, "server", "SYN_RECV"), BACKLOG as usize + 1);
    let counters = world.counters();
    assert_eq!(counters.syn_cookies_sent, u64::from(syns) - BACKLOG as u64 - 1);

    let answer = connect(&mut world, all_options(), b"hello");
    assert!(answer.sack_permitted && answer.window_scale.is_some(), "they are kept in the timestamp");
    let server = world.listener.try_accept(&mut world.sim)?;
    assert_eq!(server.try_read(&mut world.sim, 10)?, b"hello");
    let now = world.sim.now();
    let info = server.with(&mut world.sim, |network, id| network.tcp_info(now, id))?;
    assert_eq!((info.options & 7, info.wscale & 15), (7, 9), "timestamps, SACK, window scale");
    assert_eq!(info.snd_mss, 1300 - 12, "rounded down");
    assert_eq!(world.counters().syn_cookies_taken, 1);
    Ok(())
}

#[test]
fn a_flood_costs_bounded_memory_and_locks_nobody_out() -> Result<(), Error> {
    flood_and_connect(20_000)
}

/// The same with a million, in virtual time.
#[test]
#[ignore = "takes a minute without optimisation"]
fn a_million_syns() -> Result<(), Error> {
    flood_and_connect(1_000_000)
}

/// RFC 7323 options have nowhere to be kept without timestamps, so they are not agreed on.
#[test]
fn a_cookie_without_timestamps() -> Result<(), Error> {
    let mut world = World::new(Settings { syn_cookies: 2, ..Settings::default() })?;
    let answer = connect(&mut world, Options { timestamps: None, ..all_options() }, b"plain");
    assert_eq!((answer.sack_permitted, answer.window_scale), (false, None));
    let server = world.listener.try_accept(&mut world.sim)?;
    assert_eq!(server.try_read(&mut world.sim, 10)?, b"plain");
    Ok(())
}

/// An ACK that guesses is answered as by a listener without cookies (3.10.7.2), and so is a cookie that is too old.
#[test]
fn forged_and_old_cookies_are_reset() -> Result<(), Error> {
    let mut world = World::new(Settings { syn_cookies: 2, ..Settings::default() })?;
    world.arrives(Ipv4Addr::new(192, 0, 2, 1), &syn(7, all_options()), &[]);
    let answer = world.answer().expect("a SYN-ACK");
    let ack = |ack| TcpHeader { seq: SeqNum(8), ack, flags: Flags::ACK, ..syn(0, Options::default()) };
    world.arrives(Ipv4Addr::new(192, 0, 2, 1), &ack(answer.seq + 2), &[]);
    assert_eq!(world.answer().expect("a RST").flags, Flags::RST);
    world.arrives(Ipv4Addr::new(192, 0, 2, 2), &ack(answer.seq + 1), &[]);
    assert_eq!(world.answer().expect("a RST").flags, Flags::RST);
    world.sim.run_for(std::time::Duration::from_secs(130));
    world.arrives(Ipv4Addr::new(192, 0, 2, 1), &ack(answer.seq + 1), &[]);
    assert_eq!(world.answer().expect("a RST").flags, Flags::RST);
    assert_eq!(world.listener.try_accept(&mut world.sim).err(), Some(Error::WouldBlock));
    Ok(())
}

/// tcp_syncookies = 0: what is too much is dropped, and the queue drains as handshakes time out.
#[test]
fn without_cookies_a_full_queue_drops() -> Result<(), Error> {
    let mut world = World::new(Settings { syn_cookies: 0, ..Settings::default() })?;
    world.flood(1000);
    assert_eq!(count(&mut world.sim, "server", "SYN_RECV"), BACKLOG as usize + 1);
    assert_eq!(world.counters().syns_discarded, 1000 - BACKLOG as u64 - 1);
    world.sim.run_for(std::time::Duration::from_secs(64));
    while world.answer().is_some() {}
    connect(&mut world, all_options(), b"late");
    assert!(world.listener.try_accept(&mut world.sim).is_ok());
    Ok(())
}

/// As many clients as have room in the accept queue, and one more, acknowledge their cookies with text. Returns the last one and its
/// segment.
fn fill_accept_queue(world: &mut World) -> (Ipv4Addr, TcpHeader) {
    let clients = (0..BACKLOG as u32 + 2).map(|number| Ipv4Addr::from(0xc612_0000 + number));
    let cookies: Vec<(Ipv4Addr, SeqNum)> = clients
        .map(|client| {
            world.arrives(client, &syn(7, all_options()), &[]);
            (client, world.answer().expect("a SYN-ACK").seq)
        })
        .collect();
    let mut last = None;
    for (client, cookie) in cookies {
        let flags = Flags::ACK | Flags::PSH;
        let header = TcpHeader { seq: SeqNum(8), ack: cookie + 1, flags, ..syn(0, Options::default()) };
        while world.answer().is_some() {}
        world.arrives(client, &header, b"hello");
        last = Some((client, header));
    }
    last.expect("there are clients")
}

/// As Linux: the ACK is forgotten, and what the client sends again opens the connection once there is room.
#[test]
fn a_cookie_waits_for_room_in_the_accept_queue() -> Result<(), Error> {
    let mut world = World::new(Settings { syn_cookies: 2, ..Settings::default() })?;
    let (client, header) = fill_accept_queue(&mut world);
    assert_eq!(world.answer(), None);
    assert_eq!(world.counters().accept_overflows, 1);
    world.listener.try_accept(&mut world.sim)?;
    world.arrives(client, &header, b"hello");
    assert!(world.answer().is_some_and(|answer| answer.ack == SeqNum(8 + 5)));
    assert_eq!(world.counters().syn_cookies_taken, BACKLOG as u64 + 2);
    Ok(())
}

/// tcp_abort_on_overflow: it is reset, as any other that there is no room for.
#[test]
fn a_cookie_without_room_in_the_accept_queue_is_reset_on_request() -> Result<(), Error> {
    let settings = Settings { syn_cookies: 2, abort_on_overflow: true, ..Settings::default() };
    let mut world = World::new(settings)?;
    fill_accept_queue(&mut world);
    assert_eq!(world.answer().expect("a RST").flags, Flags::RST);
    Ok(())
}
