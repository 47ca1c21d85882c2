use super::*;

#[test]
fn a_body_that_fails_is_told_with_a_small_input() {
    let body = |bytes: &Vec<u8>| assert!(bytes.iter().all(|&byte| byte < 200), "a large byte");
    let failed = std::panic::catch_unwind(|| try_for_a_while(body)).expect_err("most inputs have one");
    let why = failed.downcast_ref::<String>().expect("a text");
    assert!(why.contains("a large byte") && why.contains("of the bytes"), "{why}");
    let hex = why.rsplit(' ').next().expect("the bytes");
    assert!(hex.len() < 64, "it was not made smaller: {hex}");
}
