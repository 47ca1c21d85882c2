//! The host driven as the tool drives it, without the tool: packets by hand, a thread that blocks, and the clock.

use crate::drive::Shared;
use crate::flags::Flags;
use crate::report::Reports;
use crate::settings::SettingsFile;
use crate::world::World;
use sockeye_wire::{Flags as Bits, IpHeader, Protocol, SeqNum, TcpHeader, packet};
use std::net::IpAddr;
use std::time::Duration;

const PORT: u16 = 8080;

fn shared() -> Shared {
    let world = World::new(&Flags::parse("mtu=1500"), SettingsFile::default(), Reports::default());
    Shared::new(world.expect("a host"))
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn packet_of(flags: Bits, seq: u32, ack: u32, text: &[u8]) -> Vec<u8> {
    let ip = IpHeader {
        src: address("192.0.2.1"),
        dst: address("192.168.0.1"),
        protocol: Protocol::Tcp,
        hop_limit: 64,
        traffic_class: 0,
        ident: 0,
        dont_fragment: true,
    };
    let urgent = if flags.contains(Bits::URG) { text.len() as u16 } else { 0 };
    let header = TcpHeader {
        src_port: 40_000,
        dst_port: PORT,
        seq: SeqNum(seq),
        ack: SeqNum(ack),
        flags,
        window: 60_000,
        urgent,
        ..TcpHeader::default()
    };
    let mut out = vec![0; packet::len(&ip, &header, text.len())];
    let at = packet::emit_headers(&ip, &header, text.len(), &mut out);
    out[at..].copy_from_slice(text);
    packet::fill_checksum(&ip, &mut out);
    out
}

fn listener(shared: &Shared) -> i32 {
    let fd = shared.call(|world| world.make_socket(libc::AF_INET, libc::SOCK_STREAM)).expect("a socket");
    let mut name = [0; 16];
    name[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    name[2..4].copy_from_slice(&PORT.to_be_bytes());
    shared.call(|world| world.bind(fd, &name)).expect("it is free");
    shared.call(|world| world.listen(fd, 1)).expect("it is bound");
    fd
}

/// Our SYN-ACK's sequence number, after a SYN with number 0.
fn synack(shared: &Shared) -> u32 {
    shared.packet_arrives(packet_of(Bits::SYN, 0, 0, b""));
    let (_, packet) = shared.next_packet().expect("a SYN-ACK");
    let (ip, range) = IpHeader::parse(&packet).expect("IP");
    assert_eq!(ip.dst, address("192.0.2.1"));
    let (header, _) = TcpHeader::parse(&packet[range]).expect("TCP");
    assert_eq!(header.flags, Bits::SYN | Bits::ACK);
    header.seq.since(SeqNum(0))
}

#[test]
fn time_passes_only_when_it_is_asked_for_or_slept() {
    let shared = shared();
    let start = shared.look_at_clock();
    assert_eq!(shared.look_at_clock().since(start), Duration::from_micros(1));
    shared.sleep(Duration::from_secs(3));
    assert_eq!(shared.look_at_clock().since(start), Duration::from_secs(3) + Duration::from_micros(2));
}

#[test]
fn a_packet_that_never_comes_ends_the_wait() {
    assert!(shared().next_packet().is_none());
}

/// A timer that is due on the way is served at its instant, not at the end of the sleep.
#[test]
fn packets_say_when_they_left() {
    let shared = shared();
    listener(&shared);
    let before = shared.look_at_clock();
    synack(&shared);
    shared.sleep(Duration::from_secs(5));
    let (again, _) = shared.next_packet().expect("the SYN-ACK again");
    let waited = again.since(before);
    assert!(waited >= Duration::from_secs(1) && waited < Duration::from_millis(1100), "{waited:?}");
}

/// The call that waits in another thread ends at the instant of the packet, although the driver sleeps on.
#[test]
fn blocked_calls_end_at_the_instant_of_their_event() {
    let shared = shared();
    let listener = listener(&shared);
    let start = shared.look_at_clock();
    let iss = synack(&shared);
    let reader = || {
        let (fd, _) = shared.accept(listener).expect("a connection");
        let accepted = shared.look_at_clock().since(start);
        let received = shared.recv(fd, 100, 0).expect("text");
        (accepted, shared.look_at_clock().since(start), received.bytes)
    };
    let (accepted, read, bytes) = std::thread::scope(|scope| {
        let thread = scope.spawn(reader);
        await_waiting(&shared);
        shared.sleep(Duration::from_millis(100));
        shared.packet_arrives(packet_of(Bits::ACK, 1, iss.wrapping_add(1), b""));
        await_waiting(&shared);
        shared.sleep(Duration::from_millis(200));
        shared.packet_arrives(packet_of(Bits::ACK | Bits::PSH, 1, iss.wrapping_add(1), b"hello"));
        shared.sleep(Duration::from_secs(7));
        thread.join().expect("no panic")
    });
    assert_eq!(bytes, b"hello");
    assert_eq!((accepted.as_millis(), read.as_millis()), (100, 300));
}

/// SO_RCVTIMEO, and a call that nobody's packet ends: it is over at its deadline.
#[test]
fn timeouts_are_in_virtual_time() {
    let shared = shared();
    let listener = listener(&shared);
    let time = sockeye_posix::options::encode_time(Duration::from_millis(250));
    shared
        .call(|world| world.set_option(listener, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time))
        .expect("it is an option");
    let start = shared.look_at_clock();
    assert_eq!(shared.accept(listener).err(), Some(sockeye_posix::Errno::AGAIN));
    assert_eq!(shared.look_at_clock().since(start).as_millis(), 250);
}

/// RFC 6093: the urgent byte is not read with the others; a peek does not pass it, nor does splice().
#[test]
fn reading_stops_at_the_urgent_byte_and_then_passes_it() {
    let shared = shared();
    let listener = listener(&shared);
    let ack = synack(&shared).wrapping_add(1);
    shared.packet_arrives(packet_of(Bits::ACK, 1, ack, b""));
    let (fd, _) = shared.accept(listener).expect("a connection");
    shared.packet_arrives(packet_of(Bits::ACK | Bits::URG, 1, ack, b"abc!"));
    let read = |flags: i32| shared.recv(fd, 100, flags | libc::MSG_DONTWAIT).map(|received| received.bytes);
    let is_at_urgent = || shared.call(|world| world.is_at_urgent(fd)).expect("a socket");
    assert!(!is_at_urgent());
    assert_eq!(read(0).as_deref(), Ok(&b"abc"[..]));
    assert!(is_at_urgent());
    assert_eq!(read(libc::MSG_PEEK), Err(sockeye_posix::Errno::AGAIN));
    assert!(is_at_urgent());
    shared.packet_arrives(packet_of(Bits::ACK, 5, ack, b"def"));
    assert_eq!(read(libc::MSG_PEEK).as_deref(), Ok(&b"def"[..]));
    assert!(is_at_urgent());
    assert_eq!(read(0).as_deref(), Ok(&b"def"[..]));
}

/// Until the other thread waits: it has no other way to tell.
fn await_waiting(shared: &Shared) {
    while shared.lock().waiting.is_empty() {
        std::thread::yield_now();
    }
}
