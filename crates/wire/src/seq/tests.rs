use super::*;

#[test]
fn order_goes_round_the_circle() {
    let last = SeqNum(u32::MAX);
    assert!(last.before(last + 1));
    assert!((last + 1).after(last));
    assert!(!last.before(last) && !last.after(last));
    assert_eq!((last + 5).since(last), 5);
    assert_eq!((last + 5) - 5, last);
}

#[test]
fn half_of_the_circle_is_ahead() {
    let here = SeqNum(7);
    assert!(here.before(here + 0x7fff_ffff));
    assert!(here.after(here + 0x8000_0001));
}
