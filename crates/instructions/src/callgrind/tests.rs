use super::collected;

#[test]
fn the_count_is_in_the_log() {
    assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 8145303\n==7== \n"), Some(8_145_303));
}

#[test]
fn nothing_counted_is_no_count() {
    assert_eq!(collected("==7== Collected : 0\n"), None);
    assert_eq!(collected("==7== Collected :\n"), None);
    assert_eq!(collected(""), None);
}
