use super::*;

#[test]
fn a_number_is_the_newest_client_s_that_has_it() {
    let all = u64::from(Claimant::MAX_NUMBER);
    for (client, newest) in [(4, 4), (4, 900), (all - 1, all), (all, all), (all + 7, 2 * all + 6)] {
        assert_eq!(numbered(number_of(ClientId(client)), ClientId(newest)), Some(ClientId(client)));
    }
    // Of those that share it, the one that lives is meant.
    assert_eq!(numbered(number_of(ClientId(4)), ClientId(all + 4)), Some(ClientId(all + 4)));
    assert_eq!(numbered(number_of(ClientId(9)), ClientId(8)), None);
    assert!(Claimant::new(number_of(ClientId(all - 1)), 0).is_some());
}
