use super::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::net::Ipv4Addr;
use std::time::Duration;

fn limit() -> IcmpLimit {
    IcmpLimit::new(Keyed::new(&mut StdRng::seed_from_u64(1)))
}

#[test]
fn one_address_gets_one_error_in_a_while() {
    let (mut limit, settings) = (limit(), PathSettings::default());
    let to = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    let sent = (0..10_000)
        .filter(|millis| limit.allows(Instant::ZERO + Duration::from_millis(*millis), to, &settings));
    assert_eq!(sent.count(), 10);
}

#[test]
fn all_addresses_together_get_a_bounded_number() {
    let settings = PathSettings { icmp_rate_limit: Duration::ZERO, ..PathSettings::default() };
    let mut limit = limit();
    let to = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
    let at_once = (0..1000).filter(|number| limit.allows(Instant::ZERO, to(*number), &settings)).count();
    assert_eq!(at_once, 50);
    let later = Instant::ZERO + Duration::from_millis(10);
    let then = (0..1000).filter(|number| limit.allows(later, to(*number), &settings)).count();
    assert_eq!(then, 10, "a thousand a second");
}
