//! `tcp_mem`: what a host does when its queues hold much together. The oracle is Linux: ip-sysctl, tcp(7) and `__sk_mem_raise_allocated`.

mod common;

use common::{ESTABLISHED, address, connection, one_host, pattern, play, scene, with};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use sockeye_buffer::Condition;
use sockeye_link::LinkConfig;
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Counters, Error, MemoryUsage, Settings, SocketOption};
use std::time::Duration;

/// tcp_rmem's and tcp_wmem's first number.
const LEAST: usize = 4096;
const PAGE: u64 = 4096;
/// The text of a full segment on loopback.
const SEGMENT: u64 = 65_483;
const MINUTE: Duration = Duration::from_secs(60);

fn usage(sim: &mut Sim) -> MemoryUsage {
    let host = sim.host("localhost").expect("it is there");
    let usage = sim.network().memory_usage(host).expect("it is there");
    sim.settle();
    sim.network().assert_invariants();
    usage
}

fn counters(sim: &mut Sim) -> Counters {
    let host = sim.host("localhost").expect("it is there");
    sim.network().counters(host).expect("it is there")
}

fn set(sim: &mut Sim, pages: &str) {
    let host = sim.host("localhost").expect("it is there");
    sim.network().set_sysctl(host, "tcp_mem", pages).expect("three numbers");
    sim.settle();
}

/// So many connections, each with its client and its server.
fn connections(sim: &mut Sim, count: usize) -> Result<Vec<(SimSocket, SimSocket)>, Error> {
    let listener = SimSocket::listen(sim, "localhost", address("127.0.0.1:80"), 50)?;
    let one = |sim: &mut Sim| {
        let client = SimSocket::connect(sim, "localhost", address("127.0.0.1:80"))?;
        Ok((client, listener.accept(sim)?))
    };
    (0..count).map(|_| one(sim)).collect()
}

/// Writes until nothing more is taken for a second; how much that was.
fn fill(sim: &mut Sim, socket: SimSocket, bytes: &[u8]) -> usize {
    let mut written = 0;
    loop {
        let more = socket.try_write(sim, &bytes[written..]);
        written += more;
        if more == 0 {
            // What is delivered is held twice until it is acknowledged.
            sim.run_for(Duration::from_secs(1));
            if written == bytes.len() || !is_writable(sim, socket) {
                return written;
            }
        }
    }
}

/// poll()'s rule: a third of SendQ is free.
fn is_writable(sim: &Sim, socket: SimSocket) -> bool {
    let slot = socket.slot(sim).expect("a connection");
    sockeye_buffer::is_writable(slot.header(), Condition::CONNECTED)
}

fn send_buffer(sim: &mut Sim, socket: SimSocket) -> u32 {
    match socket.with(sim, |network, id| network.option(id, sockeye_stack::OptionName::SendBuffer)) {
        Ok(SocketOption::SendBuffer(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

/// "low: below this number of pages TCP is not bothered about its memory appetite."
#[test]
fn below_the_low_bound_nothing_is_bounded() -> Result<(), Error> {
    let text = pattern(4 << 20);
    let filled = |pages: &str| {
        let mut sim = one_host(with(&[("tcp_mem", pages)]));
        let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
        let written = fill(&mut sim, client, &text);
        Ok((
            written,
            send_buffer(&mut sim, client),
            server.read(&mut sim, usize::MAX)?.len(),
            counters(&mut sim),
        ))
    };
    let (written, limit, read, _) = filled("1000000 2000000 3000000")?;
    assert_eq!(limit, 1 << 20, "SendQ has grown");
    // 2 MiB are 512 pages.
    assert_eq!(filled("520 2000 3000")?, filled("1000000 2000000 3000000")?);
    // Linux's tcp_should_expand_sndbuf: between low and pressure buffers do not grow; what there is can be filled.
    let (less, limit, _, counters) = filled("10 2000 3000")?;
    assert_eq!((limit, counters.memory_pressures), (128 << 10, 0));
    assert!(less < written && read > LEAST, "{less} of {written}");
    Ok(())
}

/// Another connection of the host holds 3,000 bytes.
fn hold_some(scene: &mut Scene) {
    let at = address("127.0.0.1:81");
    SimSocket::listen(&mut scene.sim, "server", at, 5).expect("a listener");
    let other = SimSocket::connect(&mut scene.sim, "server", at).expect("a connection");
    other.write_all(&mut scene.sim, &pattern(3000)).expect("it has room");
    scene.sim.run_for(Duration::from_secs(1));
}

/// What the peer may send, after each segment of 1000 bytes that the program reads at once, while another connection holds some.
fn edges(pages: &str) -> Vec<u32> {
    let mut scene = scene(&[("tcp_mem", pages)], ESTABLISHED);
    hold_some(&mut scene);
    let mut edges = Vec::new();
    for index in 0..64 {
        play(&mut scene, &format!("< PA {} len 1000 ack 1\nflush\nrecv 1000\nflush", 1 + 1000 * index));
        edges.push(scene.offered().1);
    }
    edges
}

/// "pressure: when the amount of memory allocated by TCP exceeds this number of pages, TCP moderates its memory consumption": windows do
/// not grow, and RFC 9293 (SHLD-14) has them never shrink.
#[test]
fn under_pressure_windows_do_not_grow_and_never_shrink() {
    let (relaxed, pressed) = (edges("1000 2000 3000"), edges("0 0 3000"));
    assert!(relaxed.is_sorted() && pressed.is_sorted(), "no right edge moves left");
    let last = |edges: &[u32]| edges.last().copied().expect("edges") - 64_001;
    assert!(last(&relaxed) > 40_000, "{}", last(&relaxed));
    // Four segments of 1460 bytes, as Linux's tcp_adjust_rcv_ssthresh.
    assert!((4 * 1460 - 1000..=4 * 1460).contains(&last(&pressed)), "{}", last(&pressed));
}

/// "This mode is exited when memory consumption falls under low"; `TCPMemoryPressures` counts how often it began.
#[test]
fn pressure_ends_below_the_low_bound_and_is_counted() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    let text = pattern(4 << 20);
    let mut written = fill(&mut sim, client, &text[..100_000]);
    // 24 pages and a half.
    set(&mut sim, "20 24 1000");
    assert_eq!(counters(&mut sim).memory_pressures, 1);
    let mut read = server.read(&mut sim, 15_000)?.len();
    assert_eq!(usage(&mut sim).pages(), 21, "between the bounds it goes on");
    written += fill(&mut sim, client, &text[written..]);
    assert_eq!((send_buffer(&mut sim, client), counters(&mut sim).memory_pressures), (128 << 10, 1));
    while read < written {
        read += server.read(&mut sim, 100_000)?.len();
    }
    assert_eq!(usage(&mut sim).held, 0);
    written += fill(&mut sim, client, &text[written..]);
    assert!(counters(&mut sim).memory_pressures == 2 && written > read, "and begins anew");
    Ok(())
}

/// "high: number of pages allowed for queueing by all TCP sockets." Above it send() finds no room, and poll() says so; with room there is
/// EPOLLOUT. Nothing that was taken is lost.
#[test]
fn above_the_most_a_send_finds_no_room() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_mem", "4 8 16")]));
    let pairs = connections(&mut sim, 2)?;
    let (client, server) = pairs[0];
    let text = pattern(1 << 20);
    let mut written = fill(&mut sim, client, &text);
    assert!(usage(&mut sim).held > 16 * PAGE);
    assert!(!is_writable(&sim, client) && client.try_write(&mut sim, b"x") == 0);
    // Each connection has its least: tcp_wmem's first number, and tcp_rmem's at the other end.
    let least = fill(&mut sim, pairs[1].0, &text);
    assert!((LEAST..=2 * LEAST).contains(&least), "{least}");
    assert!(!is_writable(&sim, pairs[1].0));
    let mut read = Vec::new();
    let mut turns = 0;
    while read.len() < text.len() {
        read.extend(server.read(&mut sim, usize::MAX)?);
        written += fill(&mut sim, client, &text[written..]);
        turns += 1;
    }
    assert!(read == text, "what was taken came");
    assert!(turns > 4, "{turns}: not all at once");
    assert_eq!(pairs[1].1.read(&mut sim, usize::MAX)?, text[..least]);
    assert!(is_writable(&sim, client) && is_writable(&sim, pairs[1].0));
    assert_eq!(usage(&mut sim).held, 0);
    Ok(())
}

/// A program that waits for room is woken when another's memory is free again, although nothing happens on its own connection.
#[test]
fn room_that_another_connection_makes_is_told() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_mem", "40 60 80")]));
    let pairs = connections(&mut sim, 2)?;
    let text = pattern(1 << 20);
    let written = fill(&mut sim, pairs[0].0, &text);
    let waiting = fill(&mut sim, pairs[1].0, &text);
    assert!(waiting <= 2 * LEAST && !is_writable(&sim, pairs[1].0), "{waiting}");
    let mut read = 0;
    while read < written {
        read += pairs[0].1.read(&mut sim, usize::MAX)?.len();
    }
    // Nobody reads what came on the other one.
    assert!(is_writable(&sim, pairs[1].0));
    assert!(fill(&mut sim, pairs[1].0, &text[waiting..]) > 100_000);
    Ok(())
}

/// Of text in order the least is taken, and what the program has read makes room; more is dropped, not acknowledged, and comes again.
#[test]
fn above_the_most_text_that_arrives_is_dropped() {
    let mut scene = scene(&[("tcp_mem", "0 0 0")], ESTABLISHED);
    play(
        &mut scene,
        "< PA 1 len 1000 ack 1
         flush
         < PA 1001 len 1000 ack 1
         flush
         < PA 2001 len 1000 ack 1
         flush
         < PA 3001 len 1000 ack 1
         flush
         < PA 4001 len 1000 ack 1
         > A 1 ack 4097
         < PA 4097 len 904 ack 1
         > A 1 ack 4097
         < PA 5001 len 1000 ack 1
         > A 1 ack 4097",
    );
    let counted = server_counters(&mut scene);
    assert_eq!((counted.recv_drops, counted.out_of_order_drops), (2, 1));
    assert_eq!((counted.recv_pruned, counted.prune_called), (2, 3));
    play(
        &mut scene,
        "recv 4096\nflush\n< PA 4097 len 1000 ack 1\nflush\nrecv 1000\n< PA 5097 len 10 ack 1\nflush\nrecv 10",
    );
    let (nxt, edge) = scene.offered();
    assert!(nxt == 5107 && edge > nxt, "{nxt} {edge}");
}

fn server_counters(scene: &mut Scene) -> Counters {
    let host = scene.sim.host("server").expect("it is there");
    scene.sim.network().counters(host).expect("it is there")
}

/// As Linux a program that has read everything gets the next segment whole: so it gets on, though others hold all there is.
#[test]
fn an_empty_queue_takes_a_segment_whole() {
    let mut scene = scene(&[("tcp_mem", "0 0 0"), ("tcp_rmem", "100 100000 1000000")], ESTABLISHED);
    hold_some(&mut scene);
    for index in 0..20 {
        let seq = 1 + 1000 * index;
        play(&mut scene, &format!("< PA {seq} len 1000 ack 1\nflush\nrecv 1000\nflush"));
    }
    assert_eq!(server_counters(&mut scene).recv_drops, 0);
    play(&mut scene, "< PA 20001 len 1000 ack 1\nflush\n< PA 21001 len 1000 ack 1\n> A 1 ack 21001");
    assert_eq!(server_counters(&mut scene).recv_drops, 1);
}

/// Linux's tcp_prune_ofo_queue: text that was only SACKed gives way to text in order (RFC 2018, section 8), and comes again.
#[test]
fn text_out_of_order_gives_way() {
    let start = ESTABLISHED.replacen("mss 1000", "mss 1000 sackok", 1);
    let mut scene = scene(&[], &start);
    for seq in [2001, 3001, 4001, 5001, 6001] {
        play(&mut scene, &format!("< PA {seq} len 1000 ack 1\n> A 1 ack 1 sack 2001-{}", seq + 1000));
    }
    let host = scene.sim.host("server").expect("it is there");
    scene.sim.network().set_sysctl(host, "tcp_mem", "0 0 0").expect("three numbers");
    scene.sim.settle();
    play(&mut scene, "< PA 1 len 1000 ack 1\n> A 1 ack 1001");
    let sent = scene.sent().expect("sound packets");
    assert!(sent.is_empty());
    let counted = server_counters(&mut scene);
    assert_eq!((counted.out_of_order_pruned, counted.prune_called, counted.out_of_order_drops), (1, 1, 0));
    // The peer begins anew, and all of it is right.
    for seq in (0..6).map(|index| 1001 + 1000 * index) {
        play(&mut scene, &format!("recv 1000\nflush\n< PA {seq} len 1000 ack 1\nflush"));
    }
    play(&mut scene, "recv 1000\n< FA 7001 ack 1\nflush\nend");
}

/// Nor is there room for more of it; what fits below the least stays.
#[test]
fn text_out_of_order_has_the_least() {
    let start = ESTABLISHED.replacen("mss 1000", "mss 1000 sackok", 1);
    let mut scene = scene(&[("tcp_mem", "0 0 0")], &start);
    play(&mut scene, "< PA 1 len 10 ack 1\nflush\n< PA 1001 len 1000 ack 1\n> A 1 ack 11 sack 1001-2001");
    play(&mut scene, "< PA 8001 len 1000 ack 1\n> A 1 ack 11 sack 1001-2001");
    assert_eq!(server_counters(&mut scene).out_of_order_drops, 1);
    play(&mut scene, "< PA 11 len 990 ack 1\n> A 1 ack 2001\nrecv 2000");
}

/// However many connections fill up whatever they can, little more is held than the most: the least of each.
#[test]
fn the_most_bounds_all_connections_together() -> Result<(), Error> {
    const MANY: usize = 64;
    let mut sim = one_host(with(&[("tcp_mem", "64 96 128")]));
    let pairs = connections(&mut sim, MANY)?;
    let text = pattern(300_000);
    let mut written: Vec<usize> = pairs.iter().map(|(client, _)| fill(&mut sim, *client, &text)).collect();
    sim.run_for(MINUTE);
    for (written, (client, _)) in written.iter_mut().zip(&pairs) {
        *written += fill(&mut sim, *client, &text[*written..]);
    }
    let held = usage(&mut sim).held;
    let least = 2 * (LEAST * MANY) as u64;
    assert!((128 * PAGE..=128 * PAGE + least + SEGMENT).contains(&held), "{held}");
    // Without the bound it would be this.
    assert!(held < (MANY * text.len()) as u64 / 10);
    let mut read = vec![Vec::new(); MANY];
    let is_done = sim.run_until(60 * MINUTE, |sim| {
        for (at, (client, server)) in pairs.iter().enumerate() {
            written[at] += fill(sim, *client, &text[written[at]..]);
            read[at].extend(server.try_read(sim, usize::MAX).unwrap_or_default());
        }
        read.iter().all(|read| read.len() == text.len())
    });
    assert!(is_done && read.iter().all(|read| *read == text));
    assert_eq!(usage(&mut sim).held, 0);
    Ok(())
}

/// Programs that make room, one after another, have the rest of what was sent to them without waiting for a timer that had doubled while
/// nobody read.
#[test]
fn a_program_that_makes_room_is_served_at_once() -> Result<(), Error> {
    const MANY: usize = 40;
    let mut sim = one_host(with(&[("tcp_mem", "64 96 128")]));
    let pairs = connections(&mut sim, MANY)?;
    let text = pattern(300_000);
    let written: Vec<usize> = pairs.iter().map(|(client, _)| fill(&mut sim, *client, &text)).collect();
    sim.run_for(MINUTE);
    for (at, (_, server)) in pairs.iter().enumerate() {
        let (start, mut read) = (sim.now(), Vec::new());
        while read.len() < written[at] {
            read.extend(server.read(&mut sim, usize::MAX)?);
        }
        assert_eq!(read, text[..written[at]], "{at}");
        let waited = sim.now().since(start);
        assert!(waited < Duration::from_millis(10), "{at}: {waited:?} for {} bytes", read.len());
    }
    Ok(())
}

/// While others hold everything, who asks and answers does not wait.
#[test]
fn a_bystander_gets_on() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_mem", "8 16 32")]));
    let pairs = connections(&mut sim, 10)?;
    let text = pattern(1 << 20);
    for (client, _) in &pairs[1..] {
        fill(&mut sim, *client, &text);
    }
    assert!(usage(&mut sim).pages() > 32);
    let (client, server) = pairs[0];
    let start = sim.now();
    for index in 0..1000 {
        let request = &text[index..index + 1000];
        client.write_all(&mut sim, request)?;
        assert_eq!(server.read(&mut sim, 2000)?, request);
        server.write_all(&mut sim, request)?;
        assert_eq!(client.read(&mut sim, 2000)?, request);
    }
    assert!(sim.now().since(start) < Duration::from_millis(1), "no timer was needed");
    Ok(())
}

/// A program that has read everything is known to have, though it need not tell as long as the window is wide.
#[test]
fn what_was_read_is_not_held() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_mem", "40 45 50")]));
    let pairs = connections(&mut sim, 20)?;
    for (client, server) in &pairs {
        client.write_all(&mut sim, &pattern(20_000))?;
        assert_eq!(server.read(&mut sim, usize::MAX)?.len(), 20_000);
    }
    // 400,000 bytes have gone through a host that may hold 204,800.
    let counted = counters(&mut sim);
    assert_eq!((counted.recv_drops, counted.memory_pressures), (0, 0));
    Ok(())
}

/// As long as the program has not read it, what a connection that is over has brought still counts.
#[test]
fn unread_text_of_closed_connections_counts() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_mem", "40 45 50")]));
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    client.write_all(&mut sim, &pattern(10_000))?;
    server.shutdown(&mut sim, sockeye_stack::Shutdown::Write)?;
    client.close(&mut sim);
    sim.run_for(2 * MINUTE);
    assert!(sim.status(server).is_closed, "both have closed");
    assert_eq!(usage(&mut sim).held, 10_000);
    assert_eq!(server.read(&mut sim, 4000)?.len(), 4000);
    assert_eq!(server.read(&mut sim, 6000)?.len(), 6000);
    assert_eq!(usage(&mut sim).held, 0);
    let (_, client, server) = connection(&mut sim, "127.0.0.1:81")?;
    client.write_all(&mut sim, &pattern(10_000))?;
    server.shutdown(&mut sim, sockeye_stack::Shutdown::Write)?;
    client.close(&mut sim);
    sim.run_for(2 * MINUTE);
    assert_eq!(usage(&mut sim).held, 10_000);
    server.close(&mut sim);
    assert_eq!(usage(&mut sim), MemoryUsage { in_use: 2, allocated: 3, ..MemoryUsage::default() });
    Ok(())
}

/// The numbers of /proc/net/sockstat.
#[test]
fn sockstat_counts_sockets() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let pairs = connections(&mut sim, 3)?;
    let idle = SimSocket::new(&mut sim, "localhost", sockeye_stack::Family::V4)?;
    pairs[0].0.write_all(&mut sim, &pattern(5000))?;
    let seven = MemoryUsage { in_use: 7, allocated: 8, held: 5000, ..MemoryUsage::default() };
    assert_eq!(usage(&mut sim), seven);
    assert_eq!(usage(&mut sim).pages(), 2);
    // FIN-WAIT-2, and CLOSE-WAIT at the other end.
    pairs[1].0.close(&mut sim);
    assert_eq!(usage(&mut sim), MemoryUsage { orphans: 1, ..seven });
    pairs[1].1.close(&mut sim);
    assert_eq!(usage(&mut sim), MemoryUsage { in_use: 5, allocated: 6, time_waits: 1, ..seven });
    idle.close(&mut sim);
    assert_eq!(usage(&mut sim).allocated, 5);
    Ok(())
}

/// A host above the most, by what others hold; and a connection whose peer, on another host, reads nothing.
fn scene_above_the_most(send: u32) -> Scene {
    let mut scene = scene(&[], ESTABLISHED);
    play(&mut scene, "< A 1 ack 1 win 0");
    assert_eq!(scene.write(send), send);
    let host = scene.sim.host("server").expect("it is there");
    scene.sim.network().set_sysctl(host, "tcp_mem", "0 0 0").expect("three numbers");
    scene.sim.settle();
    scene
}

/// Linux's tcp_check_oom: an orphan with more than SOCK_MIN_SNDBUF of text is reset where memory is short, and counted
/// (`TCPAbortOnMemory`); one with less is not.
#[test]
fn above_the_most_a_large_orphan_is_reset() {
    let mut scene = scene_above_the_most(4608);
    play(&mut scene, "close\nflush\nstate FIN_WAIT1");
    assert_eq!(server_counters(&mut scene).aborts_on_memory, 0);
    let mut scene = scene_above_the_most(4609);
    play(&mut scene, "close\n> RA 1 ack 1\nstate gone");
    assert_eq!(server_counters(&mut scene).aborts_on_memory, 1);
    // With memory enough it stays.
    let mut scene = scene_above_the_most(4609);
    let host = scene.sim.host("server").expect("it is there");
    scene.sim.network().set_sysctl(host, "tcp_mem", "10 20 30").expect("three numbers");
    play(&mut scene, "close\nflush\nstate FIN_WAIT1");
}

/// Linux's tcp_out_of_resources: one that was there before ends when it tries again what it has tried.
#[test]
fn orphans_end_when_memory_becomes_short() {
    for (from_peer, state) in [("", "FIN_WAIT1"), ("< FA 1 ack 1 win 0\nflush", "LAST_ACK")] {
        let mut scene = scene(&[], ESTABLISHED);
        play(&mut scene, &format!("< A 1 ack 1 win 0\n{from_peer}"));
        assert_eq!(scene.write(10_000), 10_000);
        play(&mut scene, &format!("close\nflush\nstate {state}"));
        let host = scene.sim.host("server").expect("it is there");
        scene.sim.network().set_sysctl(host, "tcp_mem", "0 0 0").expect("three numbers");
        scene.sim.settle();
        assert_eq!(scene.state(), state);
        scene.sim.run_for(MINUTE);
        let sent = scene.sent().expect("sound packets");
        let reset = sent.last().expect("it is told");
        assert!(
            reset.header.flags.contains(sockeye_wire::Flags::RST),
            "{state}: the peer learns that text is lost"
        );
        assert_eq!((scene.state().as_str(), server_counters(&mut scene).aborts_on_memory), ("gone", 1));
    }
}

/// So it is with too many of them: who was not answered for long counts twice.
#[test]
fn too_many_orphans_end() {
    for (most, ends) in [("1", false), ("0", true)] {
        let mut scene = scene(&[], ESTABLISHED);
        play(&mut scene, "< A 1 ack 1 win 0");
        assert_eq!(scene.write(100), 100);
        play(&mut scene, "close\nflush");
        let host = scene.sim.host("server").expect("it is there");
        scene.sim.network().set_sysctl(host, "tcp_max_orphans", most).expect("a number");
        scene.sim.run_for(Duration::from_secs(5));
        assert_eq!(scene.state() == "gone", ends, "{most}");
        assert_eq!(server_counters(&mut scene).aborts_on_memory, u64::from(ends));
    }
}

/// A thousand orphans with text that nobody takes: they hold no more than the most.
#[test]
fn orphans_are_bounded_in_bytes() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_mem", "300 400 600")]));
    let listener = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:80"), 2000)?;
    let text = pattern(100_000);
    for _ in 0..1000 {
        let client = SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:80"))?;
        // Nobody accepts it.
        let taken = client.try_write(&mut sim, &text);
        client.try_write(&mut sim, &text[taken..]);
        client.close(&mut sim);
    }
    sim.run_for(MINUTE);
    let (usage, counted) = (usage(&mut sim), counters(&mut sim));
    // Each may have the least; without a bound it would be a hundred megabytes.
    assert!(usage.orphaned <= 600 * PAGE + 1000 * LEAST as u64, "{usage:?}");
    assert!(counted.aborts_on_memory > 0 && usage.orphans > 900, "{counted:?} {usage:?}");
    listener.close(&mut sim);
    assert!(sim.run_until_idle(60 * MINUTE));
    assert_eq!(self::usage(&mut sim), MemoryUsage::default());
    Ok(())
}

/// Programs that write and read at random over a link that loses, on hosts with hardly any memory: every byte comes, in order.
#[test]
fn nothing_is_lost_for_want_of_memory() -> Result<(), Error> {
    for seed in 0..12 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let pages = ["0 0 0", "1 2 3", "4 6 9", "0 2 40"][seed as usize % 4];
        let link = LinkConfig {
            delay: Duration::from_millis(3),
            loss: 0.03,
            reorder: 0.05,
            seed,
            ..LinkConfig::default()
        };
        let settings = || with(&[("tcp_mem", pages)]);
        let mut sim =
            Sim::new(&common::two_hosts(link, settings(), settings()), seed).expect("a sound network");
        let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
        let mut streams = Vec::new();
        for index in 0..4 {
            let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80"))?;
            let server = listener.accept(&mut sim)?;
            let text: Vec<u8> = pattern(60_000 + index).into_iter().map(|byte| byte ^ index as u8).collect();
            streams.push((client, server, text, 0, Vec::new()));
        }
        let mut steps = 0;
        while streams.iter().any(|(_, _, text, _, read)| read.len() < text.len()) {
            steps += 1;
            assert!(steps < 30_000, "seed {seed}, {pages}: ten minutes");
            for (client, server, text, written, read) in &mut streams {
                if rng.random_bool(0.5) {
                    let end = text.len().min(*written + rng.random_range(1..30_000));
                    *written += client.try_write(&mut sim, &text[*written..end]);
                }
                if rng.random_bool(0.3) {
                    let most = rng.random_range(1..20_000);
                    read.extend(server.try_read(&mut sim, most).unwrap_or_default());
                }
            }
            sim.run_for(Duration::from_millis(20));
        }
        assert!(streams.iter().all(|(_, _, text, _, read)| read == text), "seed {seed}, {pages}");
    }
    Ok(())
}

/// A change holds at once.
#[test]
fn a_change_holds_for_connections_that_there_are() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let (_, client, _server) = connection(&mut sim, "127.0.0.1:80")?;
    let text = pattern(4 << 20);
    let written = fill(&mut sim, client, &text[..50_000]);
    assert!(written == 50_000 && is_writable(&sim, client));
    set(&mut sim, "1 2 3");
    assert!(!is_writable(&sim, client) || client.try_write(&mut sim, &text) <= LEAST);
    set(&mut sim, "1000 2000 3000");
    assert!(is_writable(&sim, client) && fill(&mut sim, client, &text) > 100_000);
    Ok(())
}
