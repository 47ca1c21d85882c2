use super::*;

#[test]
fn the_first_claim_that_fails_is_told() {
    let mut checks = Checks::default();
    assert!(checks.add("filling", "water is wet", true));
    assert_eq!(checks.first_broken(), None);
    assert!(!checks.add("filling", "Recv-Q is 16384", false));
    checks.add("end", "all is well", false);
    assert_eq!(checks.first_broken().as_deref(), Some("filling: it does not hold that Recv-Q is 16384"));
    assert_eq!(checks.to_string().lines().filter(|line| line.starts_with("FAILS")).count(), 2);
}
