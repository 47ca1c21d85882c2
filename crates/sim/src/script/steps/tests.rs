use crate::Scene;

const OPEN: &str = "listen
    < S 0 win 20000 mss 1000
    > SA 0 ack 1
    < A 1 ack 1 win 20000
    accept
";

fn fails(script: &str, error: &str) {
    assert_eq!(Scene::play(&format!("{OPEN}{script}")).err().as_deref(), Some(error), "{script}");
}

#[test]
fn a_script_sees_what_is_sent_when() {
    let script = "< PA 1 len 10 ack 1 win 20000
        > A 1 ack 11
        send 100
        > PA 1 len 100 ack 11
        > after 10ms..1s PA 1 len 100     # again
        < A 11 ack 101 win 20000
        recv 10
        wait 1m
        < FA 11 ack 101
        > A 101 ack 12
        end
        state CLOSE_WAIT
        shutdown
        > FA 101 ack 12
        < A 12 ack 102
        state gone";
    Scene::play(&format!("{OPEN}{script}")).unwrap();
}

#[test]
fn what_was_not_expected_fails() {
    fails(
        "< PA 1 len 10 ack 1\nstate ESTABLISHED",
        "line 7: state ESTABLISHED: before this step also this was sent: A 1 ack 11 win 9990",
    );
    fails("send 5\n> PA 1 len 6", "line 7: > PA 1 len 6: sent was PA 1 len 5 ack 1 win 10000");
    fails("> A 1", "line 6: > A 1: nothing was sent");
    fails("state CLOSING", "line 6: state CLOSING: it is ESTABLISHED");
    fails(
        "send 5\n> A 1 len 5\n> after 5s A 1 len 5",
        "line 8: > after 5s A 1 len 5: it was sent after 200ms",
    );
    fails(
        "send 5\n> A 1 len 5\nwait 10s",
        "line 8: wait 10s: before the time was over also this was sent: PA 1 len 5 ack 1 win 10000",
    );
    fails("< PA 1 len 5 ack 1 from 1\n> A 1 ack 6\nrecv 5", "line 8: recv 5: other bytes than were sent");
    fails("dance", "line 6: dance: no such step");
    fails("wait 5", "line 6: wait 5: 5 is no time: 20ms, 1.5s, 2m");
}
