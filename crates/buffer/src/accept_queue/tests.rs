use super::*;
use proptest::prelude::*;

fn waiting(tag: u64) -> Waiting {
    let peer = SocketAddr::from(([127, 0, 0, 1], tag as u16));
    Waiting { tag, arena: !tag >> 16, index: tag as u32 & MAX_INDEX, peer }
}

fn queue() -> Box<AcceptQueue> {
    let place = || Place {
        claim: AtomicU64::new(0),
        tag: AtomicU64::new(0),
        slot: AtomicU64::new(0),
        peer: [const { AtomicU64::new(0) }; WORDS],
    };
    Box::new(AcceptQueue { places: std::array::from_fn(|_| place()) })
}

const ME: Claimant = Claimant { number: 7, watch: 65_535 };
const YOU: Claimant = Claimant { number: Claimant::MAX_NUMBER, watch: 0 };

#[test]
fn what_is_offered_is_taken_once_and_the_engine_knows_by_whom() {
    let queue = queue();
    assert_eq!(queue.take(0, ME), Found::Nothing);
    queue.offer(0, &waiting(10));
    queue.offer(1, &waiting(11));
    assert_eq!(queue.taken_by(0), None);
    assert_eq!(queue.take(0, ME), Found::Taken(waiting(10)));
    assert_eq!(queue.take(0, YOU), Found::Gone);
    assert_eq!(queue.take(1, YOU), Found::Taken(waiting(11)));
    assert_eq!((queue.taken_by(0), queue.taken_by(1)), (Some(ME), Some(YOU)));
}

#[test]
fn peers_of_both_families_arrive_whole() {
    let queue = queue();
    let peers = ["192.0.2.1:65535", "[2001:db8::1]:1", "[fe80::1%3]:2"];
    for (position, peer) in (0..).zip(peers) {
        let waiting = Waiting { peer: peer.parse().unwrap(), ..waiting(u64::MAX / 2) };
        queue.offer(position, &waiting);
        assert_eq!(queue.take(position, ME), Found::Taken(waiting));
    }
}

#[test]
fn what_is_withdrawn_is_nobody_s_unless_it_was_taken_before() {
    let queue = queue();
    queue.offer(0, &waiting(10));
    assert_eq!(queue.withdraw(0), None);
    assert_eq!(queue.take(0, ME), Found::Nothing);
    queue.offer(0, &waiting(10));
    assert_eq!(queue.take(0, ME), Found::Taken(waiting(10)));
    assert_eq!(queue.withdraw(0), Some(ME));
}

#[test]
fn a_place_that_is_used_again_is_not_taken_for_what_it_was() {
    let queue = queue();
    queue.offer(3, &waiting(10));
    assert_eq!(queue.take(3, ME), Found::Taken(waiting(10)));
    queue.offer(3 + PLACES, &waiting(11));
    assert_eq!(queue.take(3, ME), Found::Nothing);
    assert_eq!(queue.taken_by(3), None);
    assert_eq!(queue.take(3 + PLACES, YOU), Found::Taken(waiting(11)));
    assert_eq!(queue.taken_by(3), None, "it is no claim on what was there before");
}

#[test]
fn numbers_that_no_process_has_claim_nothing() {
    assert_eq!(Claimant::new(0, 5), None);
    assert_eq!(Claimant::new(Claimant::MAX_NUMBER + 1, 5), None);
    assert_eq!(Claimant::new(Claimant::MAX_NUMBER, 5).map(Claimant::number), Some(Claimant::MAX_NUMBER));
}

proptest! {
    /// Whatever a program writes into a claim, the engine takes it for one only at the position that it asks for.
    #[test]
    fn any_word_is_a_claim_or_none(word: u64, position: u32) {
        let queue = queue();
        queue.place(position).claim.store(word, Ordering::Relaxed);
        let taken = queue.taken_by(position);
        prop_assert_eq!(taken.is_some(), word >> NUMBER_SHIFT != 0 && word & POSITION == at(position));
        prop_assert_eq!(queue.withdraw(position), taken);
        prop_assert_eq!(queue.taken_by(position), None);
    }
}
