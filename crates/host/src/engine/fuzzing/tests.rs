use super::*;

#[test]
fn programs_that_ask_anything_hurt_only_themselves() {
    sockeye_trials::try_for_a_while(control);
}

#[test]
fn programs_that_write_anything_hurt_only_themselves() {
    sockeye_trials::try_for_a_while(words);
}
