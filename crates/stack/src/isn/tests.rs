use super::Isn;
use crate::demux::Tuple;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

fn tuple(port: u16) -> Tuple {
    Tuple::new(([10, 0, 0, 1], 80).into(), ([10, 0, 0, 2], port).into())
}

#[test]
fn must_8_the_clock_ticks_every_four_microseconds() {
    let isn = Isn::new(&mut SmallRng::seed_from_u64(1));
    let first = isn.number(Instant::from_micros(8), &tuple(1));
    assert_eq!(isn.number(Instant::from_micros(11), &tuple(1)), first);
    assert_eq!(isn.number(Instant::from_micros(12), &tuple(1)), first + 1);
    assert_eq!(isn.number(Instant::from_micros(4_000_008), &tuple(1)), first + 1_000_000);
}

#[test]
fn must_9_every_tuple_and_every_secret_has_its_own_place() {
    let isn = Isn::new(&mut SmallRng::seed_from_u64(1));
    let other = Isn::new(&mut SmallRng::seed_from_u64(2));
    assert_ne!(isn.number(Instant::ZERO, &tuple(1)), isn.number(Instant::ZERO, &tuple(2)));
    assert_ne!(isn.number(Instant::ZERO, &tuple(1)), other.number(Instant::ZERO, &tuple(1)));
}

#[test]
fn may_2_a_reopened_connection_starts_after_its_last_number() {
    let isn = Isn::new(&mut SmallRng::seed_from_u64(1));
    let plain = isn.number(Instant::ZERO, &tuple(1));
    assert_eq!(isn.number_after(Instant::ZERO, &tuple(1), plain - 5), plain);
    for last in [plain, plain + 7, plain + 0x7fff_0000] {
        let number = isn.number_after(Instant::ZERO, &tuple(1), last);
        assert!(number.after(last), "{number} after {last}");
    }
    assert!(isn.number_after(Instant::ZERO, &tuple(1), SeqNum(u32::MAX)).after(SeqNum(u32::MAX)));
}
