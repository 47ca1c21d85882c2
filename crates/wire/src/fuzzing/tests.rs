use std::vec::Vec;

use super::*;

#[test]
fn any_packet_is_parsed() {
    sockeye_trials::try_for_a_while(|bytes: &Vec<u8>| parse(bytes));
}
