//! The figures of RFC 9293 as scripts: one of the two peers is the host under test, the other one is played by hand.

use sockeye_sim::Scene;

fn play(script: &str) {
    Scene::play(script).unwrap_or_else(|error| panic!("{error}"));
}

/// Plays what comes after the basic handshake, as TCP Peer B.
fn play_on(script: &str) {
    play(&format!("listen\n< S 0\n> SA 0 ack 1\n< A 1 ack 1\naccept\n{script}"));
}

/// Both ends of the basic three-way handshake.
#[test]
fn figure_6_basic_three_way_handshake() {
    // As TCP Peer A.
    play(
        "connect\n> S 0\nstate SYN_SENT\n< SA 0 ack 1\n> A 1 ack 1\nstate ESTABLISHED\nsend 10\n> A 1 len 10 ack 1",
    );
    // As TCP Peer B.
    play(
        "listen\n< S 0\n> SA 0 ack 1\nstate SYN_RECV\n< A 1 ack 1\nstate ESTABLISHED\n< A 1 ack 1 len 10\n> A 1 ack 11",
    );
}

/// MUST-10 (3.5): the SYNs cross, then the SYN-ACKs.
#[test]
fn figure_7_simultaneous_connection_synchronization() {
    play(
        "connect
        > S 0
        state SYN_SENT
        < S 0 mss 1000
        > SA 0 ack 1
        state SYN_RECV
        < SA 0 ack 1 mss 1000
        > A 1 ack 1                  # not in the figure: the SYN in it is an old one by now
        state ESTABLISHED
        send 10
        > A 1 len 10 ack 1",
    );
}

/// An old duplicate SYN is answered; the peer, who knows nothing of it, resets, and its true SYN opens the connection (MUST-11).
#[test]
fn figure_8_recovery_from_old_duplicate_syn() {
    // As TCP Peer B.
    play(
        "listen
        < S -1000
        > SA 0 ack -999
        state SYN_RECV
        < R -999
        state gone
        < S 0
        > SA 0 ack 1
        < A 1 ack 1
        state ESTABLISHED",
    );
    // As TCP Peer A.
    play(
        "connect
        > S 0
        < SA 0 ack -91
        > R -91
        state SYN_SENT
        < SA 400 ack 1
        > A 1 ack 401
        state ESTABLISHED",
    );
}

/// A restarted peer's SYN meets a connection that it has forgotten: the answer makes it send a RST, which is obeyed.
#[test]
fn figure_9_half_open_connection_discovery() {
    // As TCP Peer B, whose connection is half open.
    play_on(
        "< S -600
        > A 1 ack 1
        < R 1
        state gone
        error ConnectionReset",
    );
    // As TCP Peer A, which was restarted.
    play("connect\n> S 0\n< A 300 ack -100\n> R -100\nstate SYN_SENT\n> after 500ms..2s S 0");
}

/// Text for a connection that is forgotten is answered with a RST.
#[test]
fn figure_10_active_side_causes_half_open_connection_discovery() {
    play("< A 300 len 10 ack 100\n> R 100\nstate gone");
    play_on(
        "send 10
        > A 1 len 10 ack 1
        < R 1
        state gone
        error ConnectionReset",
    );
}

/// Two that listen: an old SYN is answered, the answer is reset, and both listen again.
#[test]
fn figure_11_old_duplicate_syn_initiates_a_reset_on_two_passive_sockets() {
    play("listen\n< S -1000\n> SA 0 ack -999\n< R -999\nstate gone\n< S 0\n> SA 0 ack 1");
    play("listen\n< SA 0 ack 55\n> R 55\nstate gone");
}

/// MUST-13 (3.6.1): who closes first waits for two MSL.
#[test]
fn figure_12_normal_close_sequence() {
    let active = "shutdown
        > FA 1 ack 1
        state FIN_WAIT1
        < A 1 ack 2
        state FIN_WAIT2
        < FA 1 ack 2
        > A 2 ack 2
        end
        state TIME_WAIT
        wait 59s
        state TIME_WAIT
        wait 2s
        state gone";
    play_on(active);
    let passive = "< FA 1 ack 1
        > A 1 ack 2
        end
        state CLOSE_WAIT
        shutdown
        > FA 1 ack 2
        state LAST_ACK
        < A 2 ack 2
        state gone";
    play_on(passive);
}

#[test]
fn figure_13_simultaneous_close_sequence() {
    play_on(
        "shutdown
        > FA 1 ack 1
        < FA 1 ack 1
        > A 2 ack 2
        state CLOSING
        < A 2 ack 2
        state TIME_WAIT
        wait 61s
        state gone",
    );
}

/// 3.10.7.4: the FIN is retransmitted, and the peer's FIN, retransmitted, restarts the wait.
#[test]
fn a_lost_ack_of_a_fin() {
    play_on(
        "shutdown
        > FA 1 ack 1
        > after 100ms..2s FA 1 ack 1
        < FA 1 ack 2
        > A 2 ack 2
        wait 50s
        < FA 1 ack 2
        > A 2 ack 2
        wait 50s
        state TIME_WAIT
        wait 11s
        state gone",
    );
}

/// A half-closed connection carries text the other way for as long as the peer likes.
#[test]
fn half_close() {
    play_on(
        "< FA 1 ack 1
        > A 1 ack 2
        send 100
        > A 1 len 100 ack 2
        < A 2 ack 101
        wait 60m
        send 100
        > A 101 len 100 ack 2
        < A 2 ack 201
        state CLOSE_WAIT",
    );
}

/// SHLD-3, MAY-1 (3.6.1): text that arrives after close() is lost, and the peer is told by a RST.
#[test]
fn text_after_close() {
    play_on(
        "close
        > FA 1 ack 1
        < A 1 ack 2 len 10
        > R 2
        state gone",
    );
}

/// 3.10.5: ABORT sends a RST and forgets.
#[test]
fn abort() {
    play_on("send 10\nflush\nabort\n> RA 11 ack 1\nstate gone\n< A 1 ack 11\n> R 11");
}
