use super::*;

#[test]
fn only_the_same_user_is_welcome() {
    assert!(is_welcome(1000, 1000));
    assert!(!is_welcome(1001, 1000));
    assert!(!is_welcome(0, 1000));
}
