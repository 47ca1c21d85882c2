use super::*;

#[test]
fn lines_of_ss_are_read() {
    let listener = row_of_ss("LISTEN     0      5            0.0.0.0:8002          0.0.0.0:*    ").unwrap();
    assert_eq!((listener.local_port, listener.foreign_port, listener.state.as_str()), (8002, 0, "LISTEN"));
    let orphan = row_of_ss("FIN-WAIT-1 0 21721 [::ffff:127.0.0.1]:40000 [::1]:8002").unwrap();
    assert_eq!((orphan.state.as_str(), orphan.send_queue), ("FIN_WAIT1", 21721));
    let waiting = row_of_ss("TIME-WAIT 0 0 127.0.0.1:40000 127.0.0.1:8002").unwrap();
    assert_eq!((waiting.state.as_str(), waiting.foreign_port), ("TIME_WAIT", 8002));
    assert_eq!(row_of_ss(""), None);
}

#[test]
fn the_ends_are_told_apart_by_the_servers_port() {
    let lines = [
        "LISTEN 0 5 0.0.0.0:8002 0.0.0.0:*",
        "ESTAB 16384 0 1.1.1.1:8002 1.1.1.1:9",
        "ESTAB 0 7 1.1.1.1:9 1.1.1.1:8002",
    ];
    let sample = Sample::of(lines.iter().filter_map(|line| row_of_ss(line)).collect());
    assert!(sample.listens && sample.server_is("ESTABLISHED") && sample.client_is("ESTABLISHED"));
    assert_eq!((sample.recv_queue(), sample.send_queue()), (16384, 7));
}
