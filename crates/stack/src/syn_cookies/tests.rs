use super::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn tuple(port: u16) -> Tuple {
    Tuple::new("192.0.2.1:80".parse().unwrap(), (std::net::Ipv4Addr::new(192, 0, 2, 2), port).into())
}

fn at(seconds: u64) -> Instant {
    Instant::from_millis(seconds * 1000)
}

#[test]
fn a_cookie_is_its_connections_alone_and_grows_old() {
    let mut cookies = SynCookies::new(&mut StdRng::seed_from_u64(1));
    let irs = SeqNum(7);
    let iss = cookies.make(10, 5, &tuple(1000), irs);
    assert_eq!(cookies.read(at(600), iss, &tuple(1000), irs), None, "none was sent");
    cookies.sent = Some(at(600));
    assert_eq!(cookies.read(at(600), iss, &tuple(1000), irs), Some(1440));
    assert_eq!(cookies.read(at(719), iss, &tuple(1000), irs), Some(1440));
    cookies.sent = Some(at(720));
    assert_eq!(cookies.read(at(720), iss, &tuple(1000), irs), None, "too old");
    assert_eq!(cookies.read(at(600), iss, &tuple(1001), irs), None);
    assert_eq!(cookies.read(at(600), iss, &tuple(1000), irs + 1), None);
    assert_eq!(cookies.read(at(600), iss + 1, &tuple(1000), irs), None);
}

/// RFC 4987, 3.6: who does not see the SYN-ACK has to guess 24 bits.
#[test]
fn guesses_are_in_vain() {
    let mut cookies = SynCookies::new(&mut StdRng::seed_from_u64(2));
    cookies.sent = Some(at(600));
    let mut rng = StdRng::seed_from_u64(3);
    let hits = (0..100_000)
        .filter(|_| cookies.read(at(600), SeqNum(rng.next_u32()), &tuple(1000), SeqNum(7)).is_some())
        .count();
    assert!(hits < 3, "{hits}");
}

#[test]
fn a_stamp_is_never_later_than_the_clock() {
    for value in [0, 5, 63, 64, 1000, u32::MAX] {
        for bits in [0, 7, NO_SCALE.into(), 63] {
            let stamp = stamp_with(value, bits);
            assert_eq!(stamp & STAMP_BITS, bits);
            assert!(value.wrapping_sub(stamp) < 64, "{value} {bits}");
        }
    }
}
