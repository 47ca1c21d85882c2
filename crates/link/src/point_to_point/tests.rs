use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A packet of `len` bytes that bears a number.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut packet = vec![0; len.max(4)];
    packet[..4].copy_from_slice(&number.to_be_bytes());
    packet
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]])
}

/// Everything that arrives, and when, if the link is asked exactly when it says.
fn drain(link: &mut PointToPoint) -> Vec<(Instant, Vec<u8>)> {
    let mut arrivals = vec![];
    while let Some(due) = link.poll_timeout() {
        if let Some(early) = due.as_nanos().checked_sub(1) {
            assert_eq!(
                link.poll_receive(Instant::from_nanos(early)),
                None,
                "nothing arrives before it is due"
            );
        }
        let packet = link.poll_receive(due).expect("a packet arrives when it is due");
        arrivals.push((due, packet));
    }
    arrivals
}

/// Hands `count` packets to a link, one every `gap`.
fn feed(link: &mut PointToPoint, count: u32, gap: Duration) {
    for i in 0..count {
        link.transmit(Instant::ZERO + gap * i, numbered(i, 100));
    }
}

fn assert_balance(link: &PointToPoint) {
    let Counters { sent, delivered, lost, dropped, oversized, duplicated, .. } = link.counters();
    assert_eq!(sent + duplicated, delivered + lost + dropped + oversized + link.in_flight() as u64);
}

/// Whether `count` of 10,000 events of this probability is within five standard deviations.
fn is_likely(count: u64, probability: f64) -> bool {
    let deviation = (10_000.0 * probability * (1.0 - probability)).sqrt();
    (count as f64 - 10_000.0 * probability).abs() <= 5.0 * deviation
}

#[test]
fn a_perfect_link_delivers_everything_at_once_and_in_order() {
    let mut link = PointToPoint::new(LinkConfig::default());
    assert_eq!(link.poll_timeout(), None);
    assert_eq!(link.poll_receive(Instant::MAX), None);
    feed(&mut link, 5_000, Duration::ZERO);
    assert_eq!(link.in_flight(), 5_000);
    let arrivals = drain(&mut link);
    assert!(arrivals.iter().all(|&(when, _)| when == Instant::ZERO));
    assert!(arrivals.iter().map(|(_, packet)| number(packet)).eq(0..5_000));
    assert_eq!(link.counters(), Counters { sent: 5_000, delivered: 5_000, ..Counters::default() });
}

#[test]
fn a_packet_takes_its_time_to_send_and_the_delay() {
    // 1500 bytes at 12 Mbit/s take a millisecond.
    let config = LinkConfig { rate: 12_000_000, delay: 10 * MS, ..LinkConfig::default() };
    let mut link = PointToPoint::new(config);
    link.transmit(at(0), numbered(0, 1500));
    link.transmit(at(0), numbered(1, 1500));
    link.transmit(at(0), numbered(2, 750));
    link.transmit(at(50), numbered(3, 1500));
    let arrivals: Vec<_> =
        drain(&mut link).into_iter().map(|(when, packet)| (number(&packet), when)).collect();
    assert_eq!(arrivals, [(0, at(11)), (1, at(12)), (2, at(12) + MS / 2), (3, at(61))]);
}

#[test]
fn a_full_queue_drops_at_the_tail() {
    let config = LinkConfig { rate: 12_000_000, queue: 3, ..LinkConfig::default() };
    let mut link = PointToPoint::new(config);
    // One is being sent and three wait; there is no room for two more.
    (0..6).for_each(|i| link.transmit(at(0), numbered(i, 1500)));
    assert_eq!(link.counters().dropped, 2);
    // At 1 ms the next of them begins to be sent, which leaves one place.
    (6..8).for_each(|i| link.transmit(at(1), numbered(i, 1500)));
    assert_eq!(link.counters().dropped, 3);
    let arrived: Vec<u32> = drain(&mut link).iter().map(|(_, packet)| number(packet)).collect();
    assert_eq!(arrived, [0, 1, 2, 3, 6]);
    assert_balance(&link);
}

#[test]
fn a_packet_beyond_the_mtu_is_dropped() {
    let mut link = PointToPoint::new(LinkConfig { mtu: 600, ..LinkConfig::default() });
    assert_eq!(link.mtu(), 600);
    link.transmit(at(0), numbered(0, 600));
    link.transmit(at(0), numbered(1, 601));
    assert_eq!(drain(&mut link).len(), 1);
    assert_eq!(link.counters(), Counters { sent: 2, delivered: 1, oversized: 1, ..Counters::default() });
}

#[test]
fn jitter_delays_within_its_bounds_and_keeps_the_order() {
    let config = LinkConfig { delay: 10 * MS, jitter: 5 * MS, seed: 1, ..LinkConfig::default() };
    let mut link = PointToPoint::new(config);
    feed(&mut link, 1_000, MS);
    let arrivals = drain(&mut link);
    let mut extras = vec![];
    for (i, (when, packet)) in arrivals.iter().enumerate() {
        assert_eq!(number(packet) as usize, i);
        extras.push(when.since(at(i as u64) + 10 * MS));
        assert!(*when >= at(i as u64) + 10 * MS);
    }
    assert!(extras.iter().all(|&extra| extra <= 5 * MS));
    assert!(extras.iter().any(|&extra| extra < MS) && extras.iter().any(|&extra| extra > 4 * MS));
}

#[test]
fn rates_of_impairments_are_as_configured() {
    let config = LinkConfig {
        loss: 0.05,
        reorder: 0.02,
        duplicate: 0.01,
        corrupt: 0.03,
        seed: 7,
        ..LinkConfig::default()
    };
    let mut link = PointToPoint::new(config);
    feed(&mut link, 10_000, MS);
    assert_balance(&link);
    let arrived = drain(&mut link).len() as u64;
    assert_balance(&link);
    let counters = link.counters();
    assert_eq!(counters.delivered, arrived);
    // Of a lost packet nothing else is counted.
    let kept = 0.95;
    assert!(is_likely(counters.lost, 0.05), "{counters:?}");
    assert!(is_likely(counters.reordered, 0.02 * kept), "{counters:?}");
    assert!(is_likely(counters.duplicated, 0.01 * kept), "{counters:?}");
    assert!(is_likely(counters.corrupted, 0.03 * kept), "{counters:?}");
}

#[test]
fn probability_one_is_certain() {
    let run = |config: LinkConfig| {
        let mut link = PointToPoint::new(config);
        feed(&mut link, 100, MS);
        drain(&mut link);
        link.counters()
    };
    assert_eq!(run(LinkConfig { loss: 1.0, ..LinkConfig::default() }).lost, 100);
    assert_eq!(run(LinkConfig { duplicate: 1.0, ..LinkConfig::default() }).delivered, 200);
    assert_eq!(run(LinkConfig { corrupt: 1.0, ..LinkConfig::default() }).corrupted, 100);
    assert_eq!(run(LinkConfig { reorder: 1.0, ..LinkConfig::default() }).reordered, 100);
}

#[test]
fn the_same_seed_has_the_same_outcome() {
    let run = |seed| {
        let config = LinkConfig {
            rate: 10_000_000,
            delay: 5 * MS,
            jitter: 2 * MS,
            loss: 0.1,
            reorder: 0.1,
            duplicate: 0.1,
            corrupt: 0.1,
            queue: 20,
            seed,
            ..LinkConfig::default()
        };
        let mut link = PointToPoint::new(config);
        feed(&mut link, 500, MS / 20);
        let arrivals = drain(&mut link);
        (arrivals, link.counters())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn one_impairment_does_not_change_what_another_does() {
    let lost = |duplicate, corrupt| {
        let mut link =
            PointToPoint::new(LinkConfig { loss: 0.2, duplicate, corrupt, ..LinkConfig::default() });
        (0..200)
            .filter(|&i| {
                let before = link.counters().lost;
                link.transmit(at(0), numbered(i, 100));
                link.counters().lost > before
            })
            .collect::<Vec<u32>>()
    };
    assert!(!lost(0.0, 0.0).is_empty());
    assert_eq!(lost(0.0, 0.0), lost(0.5, 0.5));
}

#[test]
fn later_packets_overtake_one_that_is_held_back() {
    let ethernet = LinkConfig { rate: 100_000_000, reorder: 0.1, seed: 5, ..LinkConfig::default() };
    let satellite = LinkConfig { delay: 300 * MS, ..ethernet.clone() };
    let slow = LinkConfig { rate: 64_000, ..ethernet.clone() };
    for config in [ethernet, satellite, slow] {
        let mut link = PointToPoint::new(config);
        // As fast as the link carries them.
        (0..1_000).for_each(|i| link.transmit(at(0), numbered(i, 1500)));
        let held_back = link.counters().reordered;
        assert!(held_back > 50, "{held_back}");
        let arrived: Vec<u32> = drain(&mut link).iter().map(|(_, packet)| number(packet)).collect();
        assert_eq!(arrived.len(), 1_000, "nothing is lost");
        let overtaken = (0..1_000).filter(|&i| overtakers(&arrived, i) >= 2).count() as u64;
        // All that are held back but those at the very end of the flow, where nobody follows.
        assert!(overtaken + 5 >= held_back, "{overtaken} of {held_back} at {} bit/s", link.config().rate);
    }
}

/// How many packets sent after number `i` arrived before it.
fn overtakers(arrived: &[u32], i: u32) -> usize {
    arrived.iter().take_while(|&&other| other != i).filter(|&&other| other > i).count()
}

#[test]
fn a_corrupted_packet_has_one_bit_inverted_anywhere() {
    let mut link = PointToPoint::new(LinkConfig { corrupt: 1.0, ..LinkConfig::default() });
    let clean = [0x5a; 40];
    (0..10_000).for_each(|_| link.transmit(at(0), clean.to_vec()));
    let mut hits = [0_u32; 320];
    while let Some(packet) = link.poll_receive(at(0)) {
        let bits: Vec<usize> =
            (0..320).filter(|bit| (packet[bit / 8] ^ 0x5a) >> (bit % 8) & 1 == 1).collect();
        assert_eq!(bits.len(), 1);
        hits[bits[0]] += 1;
    }
    assert!(hits.iter().all(|&hits| hits > 0), "every bit is hit by some of 10,000");
}

#[test]
fn an_empty_packet_has_no_bit_to_corrupt() {
    let config = LinkConfig { corrupt: 1.0, duplicate: 1.0, rate: 1, ..LinkConfig::default() };
    let mut link = PointToPoint::new(config);
    link.transmit(at(0), vec![]);
    assert_eq!(link.poll_receive(at(0)), Some(vec![]));
    assert_eq!(link.counters().corrupted, 0);
}

#[test]
fn a_copy_is_not_corrupted_with_its_original() {
    let config = LinkConfig { corrupt: 1.0, duplicate: 1.0, ..LinkConfig::default() };
    let mut link = PointToPoint::new(config);
    link.transmit(at(0), numbered(9, 100));
    let arrived = drain(&mut link);
    assert_eq!(arrived.len(), 2);
    assert_ne!(arrived[0].1, numbered(9, 100));
    assert_eq!(arrived[1].1, numbered(9, 100));
}

#[test]
fn nonsense_does_not_panic() {
    let config = LinkConfig {
        inner_mtu: None,
        black_hole: false,
        mtu: usize::MAX,
        rate: 1,
        delay: Duration::MAX,
        jitter: Duration::MAX,
        loss: f64::NAN,
        reorder: 2.0,
        duplicate: -1.0,
        corrupt: f64::INFINITY,
        queue: usize::MAX,
        mark: 3,
        seed: 0,
    };
    let mut link = PointToPoint::new(config);
    (0..10).for_each(|i| link.transmit(Instant::MAX, numbered(i, 2_000)));
    assert_eq!(drain(&mut link).len(), 10);
}

proptest! {
    #[test]
    fn every_packet_is_accounted_for(
        probabilities in any::<[u8; 4]>(), rate in 0_u64..20_000_000, delay in 0_u64..50, jitter in 0_u64..50,
        queue in 1_usize..20, seed: u64, gaps in proptest::collection::vec((0_u64..3_000, 0_usize..1_600), 0..60),
    ) {
        let [loss, reorder, duplicate, corrupt] = probabilities.map(|part| f64::from(part) / 255.0);
        let (delay, jitter) = (Duration::from_millis(delay), Duration::from_millis(jitter));
        let config =
            LinkConfig { rate, delay, jitter, loss, reorder, duplicate, corrupt, queue, seed, ..LinkConfig::default() };
        let mut link = PointToPoint::new(config);
        let mut now = Instant::ZERO;
        for (gap, len) in gaps {
            now += Duration::from_micros(gap);
            link.transmit(now, vec![0; len]);
            let due = link.poll_timeout();
            prop_assert_eq!(due.is_some(), link.in_flight() > 0);
            prop_assert_eq!(link.poll_receive(now).is_some(), due.is_some_and(|due| due <= now));
            assert_balance(&link);
        }
        let arrivals = drain(&mut link);
        prop_assert!(arrivals.is_sorted_by_key(|&(when, _)| when));
        prop_assert_eq!(link.in_flight(), 0);
        assert_balance(&link);
    }
}

/// RFC 3168, section 5: a queue as long as `mark` marks what says it may be marked, and drops nothing more for it.
#[test]
fn a_long_queue_marks() {
    let config = LinkConfig { rate: 8_000_000, queue: 10, mark: 3, ..LinkConfig::default() };
    for (ecn, marked) in [(0b00, 0), (0b01, 6), (0b10, 6), (0b11, 6)] {
        let mut link = PointToPoint::new(config.clone());
        for _ in 0..9 {
            let mut packet = vec![0; 1000];
            (packet[0], packet[1]) = (0x45, ecn);
            link.transmit(Instant::ZERO, packet);
        }
        let mut found = 0;
        while let Some(due) = link.poll_timeout() {
            let packet = link.poll_receive(due).expect("it is due");
            found += u32::from(packet[1] == 0b11);
        }
        let all = if ecn == 0b11 { 9 } else { marked };
        assert_eq!((link.counters().marked, found), (marked as u64, all), "{ecn:02b}");
        assert_eq!(link.counters().dropped, 0);
    }
}

/// A TCP segment without text but for what makes the packet as long as that.
fn packet_of(len: usize, dont_fragment: bool) -> Vec<u8> {
    let ip = IpHeader {
        src: "10.0.0.1".parse().expect("an address"),
        dst: "10.0.0.2".parse().expect("an address"),
        protocol: sockeye_wire::Protocol::Tcp,
        hop_limit: 64,
        traffic_class: 0,
        ident: 1,
        dont_fragment,
    };
    let tcp = sockeye_wire::TcpHeader::default();
    let mut out = vec![0; len];
    sockeye_wire::packet::emit(&ip, &tcp, &[&vec![0; len - 40]], &mut out);
    out
}

/// RFC 1191, section 4; RFC 2923, section 2.1 for the black hole.
#[test]
fn a_narrower_link_further_on_drops_and_tells_or_only_drops() {
    for black_hole in [false, true] {
        let delay = Duration::from_millis(10);
        let config = LinkConfig { inner_mtu: Some(1300), black_hole, delay, ..LinkConfig::default() };
        let mut link = PointToPoint::new(config);
        for (len, dont_fragment) in [(1300, true), (1301, true), (1400, false)] {
            link.transmit(Instant::ZERO, packet_of(len, dont_fragment));
        }
        let far = Instant::ZERO + Duration::from_secs(1);
        let arrived: Vec<usize> =
            std::iter::from_fn(|| link.poll_receive(far)).map(|packet| packet.len()).collect();
        assert_eq!((arrived, link.counters().oversized), (vec![1300, 1400], 1));
        assert!(link.poll_returned(Instant::ZERO + delay).is_none(), "it is a round trip away");
        let error = link.poll_returned(Instant::ZERO + delay * 2);
        assert_eq!(error.is_none(), black_hole);
        if let Some(error) = error {
            let (ip, message) = IpHeader::parse(&error).expect("a good packet");
            let error = sockeye_wire::IcmpError::parse(&ip, &error[message]).expect("a good error");
            assert_eq!(error.kind, IcmpKind::PacketTooBig { mtu: 1300 });
        }
        assert_eq!(link.poll_timeout(), None);
    }
}
