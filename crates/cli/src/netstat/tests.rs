use super::*;
use sockeye_stack::HostId;

fn socket(host: u32, local: &str, foreign: &str, state: &str, queues: (usize, usize)) -> SocketInfo {
    SocketInfo {
        host: HostId(host),
        local: local.parse().unwrap(),
        foreign: foreign.parse().unwrap(),
        state: state.to_owned(),
        recv_queue: queues.0,
        send_queue: queues.1,
    }
}

fn some_sockets() -> Vec<(String, SocketInfo)> {
    let one = |socket| ("localhost".to_owned(), socket);
    vec![
        one(socket(0, "0.0.0.0:8002", "0.0.0.0:0", "LISTEN", (0, 5))),
        one(socket(0, "192.168.0.195:8002", "192.168.0.192:32768", "ESTABLISHED", (16384, 0))),
        one(socket(0, "[::]:80", "[::]:0", "LISTEN", (0, 128))),
        one(socket(0, "[::1]:80", "[::1]:40000", "CLOSE_WAIT", (1, 0))),
        one(socket(0, "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:40001", "FIN_WAIT1", (0, 21721))),
    ]
}

#[test]
fn the_columns_are_netstats() {
    let expected = "\
Active Internet connections (servers and established)
Proto Recv-Q Send-Q Local Address           Foreign Address         State      
tcp        0      5 0.0.0.0:8002            0.0.0.0:*               LISTEN     
tcp    16384      0 192.168.0.195:8002      192.168.0.192:32768     ESTABLISHED
tcp6       0    128 :::80                   :::*                    LISTEN     
tcp6       1      0 ::1:80                  ::1:40000               CLOSE_WAIT 
tcp6       0  21721 127.0.0.1:80            127.0.0.1:40001         FIN_WAIT1  
";
    assert_eq!(report(Choice::All, &some_sockets()), expected);
}

#[test]
fn listeners_are_shown_when_asked_for() {
    let sockets = some_sockets();
    let lines = |choice| report(choice, &sockets).lines().count() - 2;
    assert_eq!(lines(Choice::Connections), 3);
    assert_eq!(lines(Choice::Listeners), 2);
    assert!(report(Choice::Connections, &sockets).starts_with("Active Internet connections (w/o servers)\n"));
    assert!(report(Choice::Listeners, &sockets).starts_with("Active Internet connections (only servers)\n"));
}

#[test]
fn no_sockets_make_an_empty_table() {
    assert_eq!(report(Choice::All, &[]).lines().count(), 2);
}

#[test]
fn several_hosts_have_a_table_each() {
    let sockets = [
        ("server".to_owned(), socket(0, "10.0.0.1:80", "0.0.0.0:0", "LISTEN", (0, 5))),
        ("client".to_owned(), socket(1, "10.0.0.2:40000", "10.0.0.1:80", "SYN_SENT", (0, 1))),
    ];
    let text = report(Choice::All, &sockets);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[4], lines.len()), ("Host server", "Host client", 8));
}

#[test]
fn all_wins_over_listening() {
    let choice = |all, listening| Choice::new(&Netstat { all, listening, ..Netstat::default() });
    assert_eq!(choice(false, false), Choice::Connections);
    assert_eq!(choice(false, true), Choice::Listeners);
    assert_eq!(choice(true, true), Choice::All);
}
