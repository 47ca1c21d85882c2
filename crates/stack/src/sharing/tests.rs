use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

#[test]
fn those_that_were_full_lately_share() {
    let mut sharing = Sharing::default();
    assert_eq!(sharing.share(7, at(0)), ALL);
    assert_eq!(sharing.share(7, at(1)), ALL, "it is one");
    assert_eq!(sharing.share(8, at(2)), ALL / 2);
    assert_eq!(sharing.share(9, at(10)), ALL / 3);
    assert_eq!(sharing.share(7, at(12)), ALL / 3);
    assert_eq!(sharing.share(7, at(20)), ALL / 2, "8 was not");
    assert_eq!(sharing.share(7, at(40)), ALL);
}

#[test]
fn of_very_many_each_has_the_least() {
    let mut sharing = Sharing::default();
    let shares: Vec<usize> = (0..100).map(|index| sharing.share(index, at(0))).collect();
    assert_eq!(shares[KEPT - 1], LEAST);
    assert!(shares[KEPT..].iter().all(|&share| share < LEAST));
    assert_eq!(sharing.share(100, at(20)), ALL, "they have places again");
}
