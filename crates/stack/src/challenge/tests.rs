use super::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn in_a_second(allowance: &mut ChallengeAllowance, now: Instant, limit: u32, rng: &mut StdRng) -> u32 {
    (0..10_000).filter(|_| allowance.takes(now, limit, rng)).count() as u32
}

/// RFC 5961, section 7, without the side channel that a constant number would be.
#[test]
fn a_host_answers_a_bounded_and_unknown_number() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut allowance = ChallengeAllowance::default();
    let seconds: Vec<u32> = (0..100)
        .map(|second| in_a_second(&mut allowance, Instant::from_millis(second * 1000), 100, &mut rng))
        .collect();
    assert!(seconds.iter().all(|count| (50..=150).contains(count)), "{seconds:?}");
    assert!(seconds.windows(2).filter(|pair| pair[0] != pair[1]).count() > 90, "{seconds:?}");
}

#[test]
fn no_limit_is_the_default() {
    let mut rng = StdRng::seed_from_u64(1);
    let limit = crate::Settings::default().challenge_ack_limit;
    let mut allowance = ChallengeAllowance::default();
    assert_eq!(in_a_second(&mut allowance, Instant::from_millis(1), limit, &mut rng), 10_000);
    assert_eq!(in_a_second(&mut allowance, Instant::from_millis(1), 0, &mut rng), 0);
}
