//! What a connection takes in its three ages. Bounds are what there is and a little more: who needs room finds out here.
#![cfg(target_pointer_width = "64")]

use core::mem::size_of;

use crate::recovery::Record;
use crate::{Handshake, Tcb, TimeWait};

#[test]
fn a_connection_stays_small() {
    assert!(size_of::<Tcb>() <= 2560, "{} bytes", size_of::<Tcb>());
    // A flood makes many.
    assert!(size_of::<Handshake>() <= 576, "{} bytes", size_of::<Handshake>());
    assert!(size_of::<TimeWait>() <= 112, "{} bytes", size_of::<TimeWait>());
    // For each segment in flight.
    assert!(size_of::<Record>() <= 80, "{} bytes", size_of::<Record>());
}
