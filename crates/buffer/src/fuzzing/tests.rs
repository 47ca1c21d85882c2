use super::*;

#[test]
fn rings_carry_what_was_written_whoever_scribbles() {
    sockeye_trials::try_for_a_while(rings);
}

#[test]
fn nobody_waits_for_what_is_there() {
    sockeye_trials::try_for_a_while(ready);
}
