//! What limited a connection, and for how long.

use core::time::Duration;

use super::fixture::{Fixture, ack, config, ms, syn};
use crate::Config;

fn spent(fixture: &Fixture) -> (Duration, Duration, Duration) {
    let info = fixture.tcb.info(fixture.now);
    (info.busy, info.rwnd_limited, info.sndbuf_limited)
}

#[test]
fn a_closed_window_is_the_peer_s_limit() {
    let mut fixture = Fixture::with(config(), &syn(), &ack(1, 1).window(0));
    fixture.sent();
    assert_eq!(spent(&fixture), (ms(0), ms(0), ms(0)));
    fixture.write(1000);
    fixture.sent();
    fixture.pass(ms(100));
    assert_eq!(spent(&fixture), (ms(100), ms(100), ms(0)));
    fixture.arrives(&ack(1, 1).window(2000));
    fixture.sent();
    fixture.pass(ms(30));
    assert_eq!(spent(&fixture), (ms(130), ms(100), ms(0)), "now it is the network");
    fixture.arrives(&ack(1, 1001));
    fixture.sent();
    fixture.pass(ms(500));
    assert_eq!(spent(&fixture), (ms(130), ms(100), ms(0)), "nothing is left to do");
}

#[test]
fn a_full_sendq_is_our_limit() {
    let config = Config { send_buffer: 5000, ..config() };
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1));
    fixture.write(5000);
    fixture.sent();
    fixture.pass(ms(40));
    assert_eq!(spent(&fixture), (ms(40), ms(0), ms(40)));
    fixture.arrives(&ack(1, 2001));
    fixture.sent();
    fixture.pass(ms(20));
    assert_eq!(spent(&fixture), (ms(60), ms(0), ms(40)));
}
