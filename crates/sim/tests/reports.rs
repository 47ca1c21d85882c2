//! The error queue of a connection that ends (MSG_ERRQUEUE, SO_TIMESTAMPING, MSG_ZEROCOPY).

use sockeye_sim::Scene;
use sockeye_stack::{Mark, Report, SocketOption, Stage};

/// SOF_TIMESTAMPING_: TX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, TX_ACK.
const STAMPS: u32 = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9;

/// A peer that takes 1000 bytes, and a program that wants to know of its sends.
fn open() -> Scene {
    let script = "listen\n< S 0 mss 1000 win 1000\n> SA 0 ack 1\n< A 1 ack 1 win 1000\naccept";
    let mut scene = Scene::play(script).unwrap_or_else(|error| panic!("{error}"));
    let socket = scene.socket.expect("accepted");
    socket.set_option(&mut scene.sim, SocketOption::Timestamping(STAMPS)).expect("it is one of Linux's");
    socket.set_option(&mut scene.sim, SocketOption::ZeroCopy(true)).expect("it is connected");
    scene
}

/// The program sends so many bytes with this mark at their end.
fn send(scene: &mut Scene, end: u64, len: u32, mark: Mark) {
    let (socket, now) = (scene.socket.expect("accepted"), scene.sim.now());
    socket.with(&mut scene.sim, |network, id| network.mark(now, id, mark, end)).expect("it is open");
    assert_eq!(scene.write(len), len);
}

/// What came back.
#[derive(Debug, Default)]
struct Reports {
    /// Stages, with the number of the byte.
    stamps: Vec<(Stage, u32)>,
    /// Ranges of sends whose memory is free.
    free: Vec<(u32, u32)>,
}

fn reports(scene: &mut Scene) -> Reports {
    let socket = scene.socket.expect("accepted");
    let mut reports = Reports::default();
    while let Ok((report, _)) = socket.with(&mut scene.sim, |network, id| network.take_report(id)) {
        match report {
            Report::Stamp { stage, key, .. } => reports.stamps.push((stage, key)),
            Report::ZeroCopy { first, last } => reports.free.push((first, last)),
            Report::Icmp { .. } => panic!("no error came back"),
        }
    }
    reports
}

/// What was never sent has no time at which it was; its memory is free all the same.
#[test]
fn a_reset_stamps_nothing_that_was_not_sent() {
    let mut scene = open();
    send(&mut scene, 400, 400, Mark::Stamp);
    send(&mut scene, 3000, 2600, Mark::Stamp);
    send(&mut scene, 4000, 1000, Mark::ZeroCopy);
    scene.run("flush\n< R 1\nstate gone").unwrap_or_else(|error| panic!("{error}"));
    let reports = reports(&mut scene);
    assert_eq!(reports.stamps, [(Stage::Scheduled, 399), (Stage::Sent, 399)]);
    assert_eq!(reports.free, [(0, 0)]);
}

/// The ACK that ends a connection tells of the text before the FIN, too.
#[test]
fn the_last_ack_stamps_what_it_acknowledges() {
    let mut scene = open();
    scene.run("< FA 1 ack 1 win 1000\n> A 1 ack 2").unwrap_or_else(|error| panic!("{error}"));
    send(&mut scene, 400, 400, Mark::Stamp);
    let script = "> PA 1 len 400 ack 2\nshutdown\n> FA 401 ack 2\n< A 2 ack 402\nstate gone";
    scene.run(script).unwrap_or_else(|error| panic!("{error}"));
    let reports = reports(&mut scene);
    assert_eq!(reports.stamps, [(Stage::Scheduled, 399), (Stage::Sent, 399), (Stage::Acknowledged, 399)]);
}
