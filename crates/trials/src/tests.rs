use super::*;

#[test]
fn a_body_that_fails_is_told_with_few_steps() {
    let body = |steps: &Vec<u8>| {
        let large = steps.iter().filter(|&&step| step > 200).count();
        assert!(large < 2, "{} steps", steps.len());
    };
    let failed = catch_unwind(|| try_for_a_while(body)).expect_err("most inputs have two");
    assert_eq!(failed.downcast_ref::<String>().expect("a text"), "2 steps");
}
