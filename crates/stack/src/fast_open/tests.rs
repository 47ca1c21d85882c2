use super::*;
use crate::FastOpenKeys;
use crate::demux::Tuple;
use crate::keyed::Keyed;
use key::Validity;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sockeye_clock::Instant;
use sockeye_tcb::FastOpenOutcome;
use sockeye_wire::FastOpen;
use std::net::IpAddr;
use std::time::Duration;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn hex(option: &FastOpen) -> String {
    option.cookie.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cookie(bytes: &[u8]) -> FastOpen {
    FastOpen { cookie: bytes.iter().copied().collect(), is_experimental: false }
}

/// Servers of other makes behind the same address make the same cookies, which were seen on the wire of a Linux.
#[test]
fn cookies_are_those_of_linux() {
    let keys: FastOpenKeys = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4".parse().unwrap();
    assert_eq!(hex(&keys.cookie(address("192.0.2.1"), address("192.168.0.1"))), "3021b9d889017eeb");
    let keys: FastOpenKeys = "a0bf63f7-ed803d81-cd641d30-cebc4a90".parse().unwrap();
    assert_eq!(keys.primary[..8], [0xf7, 0x63, 0xbf, 0xa0, 0x81, 0x3d, 0x80, 0xed]);
}

/// RFC 7413, 4.1.2: keys are changed without refusing the cookies of the last one.
#[test]
fn keys_rotate() {
    let (client, server) = (address("192.0.2.7"), address("2001:db8::1"));
    let old: FastOpenKeys = "1-2-3-4".parse().unwrap();
    let both: FastOpenKeys = "5-6-7-8,1-2-3-4".parse().unwrap();
    let (first, second) = (old.cookie(client, server), both.cookie(client, server));
    assert_ne!(first, second);
    assert_eq!(both.check(&second, client, server), Validity::Good);
    assert_eq!(both.check(&first, client, server), Validity::Old);
    assert_eq!(both.check(&first, server, client), Validity::Bad, "it is bound to the addresses");
    assert_eq!(old.check(&second, client, server), Validity::Bad);
    assert_eq!(old.check(&FastOpen::default(), client, server), Validity::Bad, "a request is no cookie");
}

#[test]
fn keys_are_written_as_linux_does() {
    for text in ["00000001-0000000a-c3c3c3c3-d4d4d4d4", "1-2-3-4,5-6-7-8"] {
        let keys: FastOpenKeys = text.parse().unwrap();
        assert_eq!(keys.to_string().parse(), Ok(keys));
    }
    for text in
        ["", "1-2-3", "1-2-3-4-5", "1-2-3-4,", "1-2-3-4,5-6-7-8,9-9-9-9", "1-2-3-123456789", "1-2-3-x"]
    {
        assert_eq!(text.parse::<FastOpenKeys>(), Err(KeyError), "{text}");
    }
}

fn outcome(asked: Option<FastOpen>, granted: Option<FastOpen>) -> FastOpenOutcome {
    FastOpenOutcome { mss: Some(1000), asked, granted, sent: 0, acked: 0, retransmissions: 0 }
}

fn cache() -> CookieCache {
    CookieCache::new(Keyed::new(&mut StdRng::seed_from_u64(1)))
}

#[test]
fn a_cookie_that_was_asked_for_is_remembered_with_the_mss() {
    let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
    let mut cache = cache();
    assert_eq!(cache.look_up(here, there), (FastOpen::default(), None));
    cache.learn(here, there, &outcome(None, Some(cookie(&[1; 8]))));
    assert_eq!(cache.look_up(here, there), (FastOpen::default(), Some(1000)), "it was not asked for");
    cache.learn(here, there, &outcome(Some(FastOpen::default()), Some(cookie(&[2; 8]))));
    assert_eq!(cache.look_up(here, there), (cookie(&[2; 8]), Some(1000)));
    assert_eq!(cache.look_up(there, here).1, None, "it is the address pair's");
    let silent = FastOpenOutcome { mss: None, ..outcome(Some(cookie(&[2; 8])), None) };
    cache.learn(here, there, &silent);
    assert_eq!(cache.look_up(here, there), (cookie(&[2; 8]), Some(536)), "silence does not take it back");
}

/// The experimental option is tried once with a server that did not answer the other.
#[test]
fn the_older_option_is_tried_once() {
    let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
    let mut cache = cache();
    let experimental = FastOpen { is_experimental: true, ..FastOpen::default() };
    for expected in [FastOpen::default(), experimental, FastOpen::default(), FastOpen::default()] {
        let (asked, _) = cache.look_up(here, there);
        assert_eq!(asked, expected);
        cache.learn(here, there, &outcome(Some(asked), None));
    }
}

/// Hostile names cannot make a client remember without end.
#[test]
fn the_cache_is_bounded() {
    let mut cache = cache();
    let here = address("10.0.0.1");
    for number in 0..3000_u32 {
        let there = IpAddr::from((0x0a01_0000 + number).to_be_bytes());
        cache.learn(here, there, &outcome(Some(FastOpen::default()), Some(cookie(&number.to_be_bytes()))));
    }
    assert_eq!(cache.len(), 1024);
    let newest = IpAddr::from((0x0a01_0000_u32 + 2999).to_be_bytes());
    assert_eq!(cache.look_up(here, newest).0, cookie(&2999_u32.to_be_bytes()));
}

#[test]
fn the_pause_after_a_black_hole_doubles_and_ends() {
    let pause = Duration::from_secs(100);
    let mut hole = BlackHole::default();
    let now = Instant::from_millis(5_000);
    hole.on_suspicion(now, Duration::ZERO);
    assert!(!hole.is_paused(now, pause), "a host can be told not to pause");
    hole.on_suspicion(now, pause);
    assert!(hole.is_paused(now + Duration::from_secs(99), pause));
    assert!(!hole.is_paused(now + Duration::from_secs(100), pause));
    hole.on_suspicion(now, pause);
    assert!(hole.is_paused(now + Duration::from_secs(199), pause));
    for _ in 0..40 {
        hole.on_suspicion(now, pause);
    }
    assert!(!hole.is_paused(now + pause * 64, pause), "64 times at most");
    hole.on_success();
    assert!(!hole.is_paused(now, pause));
}

/// RFC 7413, 5.1: connections without a complete handshake are limited, and resets do not make room for more.
#[test]
fn pending_connections_are_limited() {
    let mut rng = StdRng::seed_from_u64(2);
    let config = crate::HostConfig {
        settings: Settings { fast_open: 2, ..Settings::default() },
        ..crate::HostConfig::default()
    };
    let host = crate::host::Host::new(&config, &mut rng);
    let tuple = Tuple::new("192.0.2.2:80".parse().unwrap(), "192.0.2.1:4000".parse().unwrap());
    let mut header = sockeye_wire::TcpHeader { flags: sockeye_wire::Flags::SYN, ..Default::default() };
    header.options.fast_open = Some(host.fast_open_keys.cookie(tuple.remote.ip(), tuple.local.ip()));
    let options = crate::options::Options::new(&host.settings);
    let syn = sockeye_tcb::Segment::new(&header, sockeye_buffer::Text::empty());
    let mut queue = FastOpenQueue::default();
    queue.max = 2;
    let now = Instant::from_millis(1);
    let judge = |now, queue: &mut FastOpenQueue| host.judge_syn(now, &tuple, (&options, queue), &syn);
    for _ in 0..2 {
        assert_eq!(judge(now, &mut queue), Verdict::Early(None));
        queue.on_begin();
    }
    assert_eq!(judge(now, &mut queue), Verdict::Ordinary(None));
    queue.on_reset(now);
    assert_eq!(judge(now, &mut queue), Verdict::Ordinary(None), "a reset makes no room");
    let later = now + Duration::from_secs(60);
    assert_eq!(judge(later, &mut queue), Verdict::Early(None), "after a minute it does");
    queue.on_begin();
    queue.on_complete();
    assert_eq!(judge(later, &mut queue), Verdict::Early(None));
    let mut off = FastOpenQueue::default();
    assert_eq!(judge(later, &mut off), Verdict::Ordinary(None), "TCP_FASTOPEN is not set");
}
