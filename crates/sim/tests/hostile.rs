//! Whatever arrives at a host, in whatever state its connection is: nothing panics, what the host keeps does not contradict itself, each
//! packet has few answers, and the host still serves others. proptest prints the seed of what fails.

use proptest::prelude::*;
use sockeye_sim::Scene;
use sockeye_sim::script::byte_at;
use sockeye_stack::{Settings, Shutdown};
use sockeye_wire::{Flags, SeqNum, TcpHeader};
use std::time::Duration;

/// How each state is reached; `{}` are options of the peer's SYN, `[]` of its other segments.
const STATES: [&str; 11] = [
    "",
    "listen",
    "connect\n> S 0",
    "listen\n< S 0 {}\n> SA 0 ack 1",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept\nshutdown\n> FA 1",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept\nshutdown\n> FA 1\n< A 1 ack 2 []",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept\n< FA 1 ack 1 []\nflush",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept\nshutdown\n> FA 1\n< FA 1 ack 1 []\nflush",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept\n< FA 1 ack 1 []\nflush\nshutdown\n> FA 1",
    "listen\n< S 0 {}\n> SA 0 ack 1\n< A 1 ack 1 []\naccept\nshutdown\n> FA 1\n< FA 1 ack 2 []\nflush",
];
/// The peer's options: none, or all.
const OFFERS: [(&str, &str); 3] =
    [("mss 1000", ""), ("mss 1460 sackok scale 7 ts 1000 0", "ts 1000 0"), ("mss 536 sackok", "")];

/// What a host may be set to, and is not by default.
const SETTINGS: [(&str, &str); 8] = [
    ("net.ipv4.tcp_ecn", "1"),
    // Both sides, no cookie needed.
    ("net.ipv4.tcp_fastopen", "1543"),
    ("net.ipv4.tcp_mtu_probing", "2"),
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.tcp_sack", "0"),
    ("net.ipv4.tcp_timestamps", "0"),
    ("net.ipv4.tcp_stdurg", "1"),
    ("net.ipv4.tcp_dsack", "0"),
];

#[derive(Clone, Debug)]
struct Junk {
    flags: u8,
    seq: u32,
    ack: u32,
    window: u16,
    urgent: u16,
    options: Vec<u8>,
    len: usize,
    /// How many bytes of the packet arrive.
    cut: Option<usize>,
    /// A byte of the packet, and what it is turned by.
    flip: Option<(usize, u8)>,
}

#[derive(Clone, Debug)]
enum Step {
    Arrive(Junk),
    Send(u32),
    Recv(usize),
    Shutdown,
    Close,
    Wait(u64),
}

/// Counted from a SYN: what matters, its neighbourhood, or anything.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => 0..4_u32,
        3 => 0..3000_u32,
        2 => 9_900..10_100_u32,
        1 => (1..3000_u32).prop_map(u32::wrapping_neg),
        1 => any::<u32>(),
    ]
}

/// One option: sound, of a wrong length, or unknown.
fn option() -> impl Strategy<Value = Vec<u8>> {
    let stamps = (990..1100_u32, any::<u32>())
        .prop_map(|(value, echo)| [&[8, 10][..], &value.to_be_bytes(), &echo.to_be_bytes()].concat());
    let sack = prop::collection::vec((any::<u32>(), 0..5000_u32), 1..4).prop_map(|blocks| {
        let edges = blocks.iter().flat_map(|(left, len)| [*left, left.wrapping_add(*len)]);
        let bytes: Vec<u8> = edges.flat_map(u32::to_be_bytes).collect();
        [&[5, 2 + bytes.len() as u8][..], &bytes].concat()
    });
    let fast_open = prop::collection::vec(any::<u8>(), 0..17)
        .prop_map(|cookie| [&[34, 2 + cookie.len() as u8][..], &cookie].concat());
    prop_oneof![
        Just(vec![1]),
        Just(vec![0]),
        any::<u16>().prop_map(|mss| [&[2, 4][..], &mss.to_be_bytes()].concat()),
        any::<u8>().prop_map(|shift| vec![3, 3, shift]),
        Just(vec![4, 2]),
        stamps.boxed(),
        sack.boxed(),
        fast_open.boxed(),
        (any::<u8>(), any::<u8>()).prop_map(|(kind, len)| vec![kind, len, 7]),
    ]
}

fn options() -> impl Strategy<Value = Vec<u8>> {
    let stamps =
        (1000..1010_u32).prop_map(|value| [&[1, 1, 8, 10][..], &value.to_be_bytes(), &[0; 4]].concat());
    prop_oneof![
        2 => Just(Vec::new()),
        2 => stamps,
        3 => prop::collection::vec(option(), 0..6).prop_map(|all| {
            let mut bytes: Vec<u8> = all.concat();
            bytes.truncate(40);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        }),
    ]
}

fn junk() -> impl Strategy<Value = Junk> {
    let flags = prop_oneof![
        4 => Just(Flags::ACK.bits()),
        2 => Just((Flags::ACK | Flags::PSH).bits()),
        1 => Just((Flags::ACK | Flags::FIN).bits()),
        1 => Just((Flags::ACK | Flags::URG).bits()),
        1 => Just(Flags::SYN.bits()),
        1 => Just((Flags::SYN | Flags::ACK).bits()),
        2 => any::<u8>().prop_map(|flags| flags & !Flags::RST.bits()),
        1 => any::<u8>(),
    ];
    let window = prop_oneof![Just(0), 1..10_u16, any::<u16>()];
    let len = prop_oneof![3 => Just(0), 2 => 1..10_usize, 2 => 10..1460_usize];
    let cut = prop::option::weighted(0.05, 0..60_usize);
    let flip = prop::option::weighted(0.05, (0..80_usize, 1..=255_u8));
    (flags, number(), number(), window, any::<u16>(), options(), len, cut, flip).prop_map(
        |(flags, seq, ack, window, urgent, options, len, cut, flip)| Junk {
            flags,
            seq,
            ack,
            window,
            urgent,
            options,
            len,
            cut,
            flip,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => junk().prop_map(Step::Arrive),
        3 => (1..5000_u32).prop_map(Step::Send),
        2 => (1..5000_usize).prop_map(Step::Recv),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        2 => (0..3000_u64).prop_map(Step::Wait),
    ]
}

impl Junk {
    fn packet(&self, scene: &Scene) -> Vec<u8> {
        let numbers = scene.numbers;
        let header = TcpHeader {
            src_port: 4000,
            dst_port: 80,
            seq: numbers.irs + self.seq,
            ack: numbers.iss + self.ack,
            flags: Flags::from_bits_retain(self.flags),
            window: self.window,
            urgent: self.urgent,
            ..TcpHeader::default()
        };
        let text = (0..self.len).map(|at| byte_at(self.seq.wrapping_add(at as u32).wrapping_sub(1)));
        let mut packet = scene.packet(&header, &[&self.options[..], &text.collect::<Vec<_>>()].concat());
        packet[20 + 12] = (5 + self.options.len() as u8 / 4) << 4;
        if let Some((at, turn)) = self.flip {
            let at = at % packet.len();
            packet[at] ^= turn;
        }
        Scene::fill_checksum(&mut packet);
        packet.truncate(self.cut.unwrap_or(packet.len()));
        packet
    }
}

fn take(scene: &mut Scene, step: &Step) {
    match step {
        Step::Arrive(junk) => scene.packet_arrives(junk.packet(scene)),
        Step::Wait(millis) => scene.sim.run_for(Duration::from_millis(*millis)),
        Step::Send(len) => {
            scene.write(*len);
        }
        Step::Recv(len) => {
            let Some(socket) = scene.socket else { return };
            let _ = socket.try_read(&mut scene.sim, *len);
        }
        Step::Shutdown => {
            let Some(socket) = scene.socket else { return };
            let _ = socket.shutdown(&mut scene.sim, Shutdown::Write);
        }
        Step::Close => {
            if let Some(socket) = scene.socket.take() {
                socket.close(&mut scene.sim);
            }
        }
    }
}

/// A host that listens answers the SYN of somebody else.
fn still_serves(scene: &mut Scene) {
    let syn = TcpHeader {
        src_port: 4001,
        dst_port: 80,
        seq: SeqNum(77),
        flags: Flags::SYN,
        window: 1000,
        ..TcpHeader::default()
    };
    scene.arrives(&syn, b"");
    let sent = scene.sent().expect("sound packets");
    let answer = sent.iter().find(|seen| seen.header.dst_port == 4001).expect("an answer");
    assert_eq!((answer.header.flags, answer.header.ack), (Flags::SYN | Flags::ACK, SeqNum(78)));
}

proptest! {
    #[test]
    fn nothing_that_arrives_breaks_a_host(
        state in 0..STATES.len(),
        offer in 0..OFFERS.len(),
        window in prop_oneof![Just(10_000_usize), Just(1 << 20)],
        named in prop::sample::subsequence(&SETTINGS, 0..=SETTINGS.len()),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut settings = Settings { exact_recv_buffer: Some(window), ..Settings::default() };
        for (name, value) in named {
            settings.set_sysctl(name, value).unwrap();
        }
        let mut scene = Scene::new(settings).unwrap();
        let (of_syn, of_others) = OFFERS[offer];
        scene.run(&STATES[state].replace("{}", of_syn).replace("[]", of_others)).unwrap();
        let listens = scene.listener.is_some();
        for step in &steps {
            take(&mut scene, step);
            scene.sim.network().assert_invariants();
            // Sound packets, and nothing but the text that the program wrote.
            let sent = scene.sent().unwrap();
            let answers = sent.iter().filter(|seen| seen.text.is_empty()).count();
            if matches!(step, Step::Arrive(_)) {
                prop_assert!(answers <= 3, "{} answers to one packet", answers);
            }
            prop_assert!(sent.len() <= 200, "{} packets after one step", sent.len());
        }
        scene.sim.run_for(Duration::from_secs(600));
        scene.sent().unwrap();
        scene.sim.network().assert_invariants();
        if listens {
            still_serves(&mut scene);
        }
    }
}
