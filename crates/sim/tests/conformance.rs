//! SEGMENT ARRIVES (RFC 9293, 3.10.7, with RFC 5961): every kind of segment, in every state, left of the receive window, at
//! RCV.NXT, further inside the window, and right of it. The answers are written from the RFCs: see docs/conformance.md.

mod common;

use common::ESTABLISHED;
use sockeye_sim::Scene;
use sockeye_sim::script::{Notation, Seen};
use sockeye_wire::Flags;

/// What the peer's numbers are when a segment arrives; all count from the SYNs.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// RCV.NXT, and the first number after the window.
    rcv_nxt: u32,
    edge: u32,
    snd_una: u32,
    snd_nxt: u32,
}

/// Where a segment lies.
#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Exact,
    Inside,
    Right,
}

const SIDES: [Side; 4] = [Side::Left, Side::Exact, Side::Inside, Side::Right];

impl Side {
    /// Ten bytes of text reach neither from the left nor from the inside to where it would matter.
    fn seq(self, place: Place) -> u32 {
        match self {
            Self::Left => place.rcv_nxt.wrapping_sub(100),
            Self::Exact => place.rcv_nxt,
            Self::Inside => place.rcv_nxt + 50,
            Self::Right => place.edge + 100,
        }
    }
}

/// Flags, acknowledged number and length of a kind of segment, by the names that the tables use.
fn segment(kind: &str, seq: u32, place: Place) -> String {
    let (una, nxt) = (i64::from(place.snd_una), i64::from(place.snd_nxt));
    // 3.10.7.4, fifth step, and RFC 5961, section 5: the peer's largest window was 20,000.
    let (flags, ack, len) = match kind {
        "SYN" => ("S", None, 0),
        "SYN,ACK" => ("SA", Some(nxt), 0),
        "ACK of nothing new" => ("A", Some(una), 0),
        "ACK of all" => ("A", Some(nxt), 0),
        "ACK of unsent" => ("A", Some(nxt + 1), 0),
        "ACK, old" => ("A", Some(una - 1), 0),
        "ACK, too old" => ("A", Some(una - 20_001), 0),
        "RST" => ("R", None, 0),
        "RST,ACK" => ("RA", Some(nxt), 0),
        "FIN" => ("F", None, 0),
        "FIN,ACK" => ("FA", Some(una), 0),
        "text" => ("PA", Some(una), 10),
        "text,FIN" => ("FPA", Some(una), 10),
        "text,URG" => ("PAU", Some(una), 10),
        "text, no ACK" => ("P", None, 10),
        "no flags" => ("-", None, 0),
        "SYN,FIN" => ("SF", None, 0),
        "SYN,RST" => ("SR", None, 0),
        "all flags" => ("SFRPAU", Some(nxt), 10),
        _ => panic!("{kind} is no kind of segment"),
    };
    let ack = ack.map_or(String::new(), |ack| format!("ack {ack}"));
    let urgent = if flags.contains('U') { "urg 5" } else { "" };
    format!("{flags} {} len {len} {ack} {urgent}", seq as i32)
}

/// What a table says is sent.
fn is_answer(word: &str, scene: &Scene, sent: &Seen, arrived: &Notation, place: Place) -> bool {
    let shown = scene.written_as(sent);
    let flags = shown.flags - Flags::PSH;
    let taken = word.strip_prefix("ack+").map_or(0, |text| text.parse().expect("ack+10"));
    match word {
        // <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>
        "ack" | "ack+1" | "ack+10" | "ack+11" => {
            flags == Flags::ACK
                && (shown.seq, shown.len, shown.ack) == (place.snd_nxt, 0, Some(place.rcv_nxt + taken))
        }
        // <SEQ=SEG.ACK><CTL=RST>
        "rst" => flags == Flags::RST && Some(shown.seq) == arrived.ack && shown.len == 0,
        // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>
        "rst,ack" => {
            let header = arrived.header(scene.numbers.irs, scene.numbers.iss);
            let end = header.seq + header.seq_len(arrived.len as usize);
            flags == Flags::RST | Flags::ACK && (sent.header.seq.0, sent.header.ack) == (0, end)
        }
        // <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>
        "syn,ack" => flags == Flags::SYN | Flags::ACK && shown.ack == Some(arrived.seq.wrapping_add(1)),
        _ => panic!("{word} is no answer"),
    }
}

/// A connection in a state, and what its numbers are.
fn in_state(setup: &str) -> (Scene, Place) {
    let mut scene = Scene::play(setup).expect("the state is reached");
    let (rcv_nxt, edge) = scene.offered();
    let (una, nxt) = match scene.state().as_str() {
        "gone" => (0, 0),
        "SYN_SENT" | "SYN_RECV" => (0, 1),
        // A hundred bytes are on their way.
        "ESTABLISHED" | "CLOSE_WAIT" => (1, 101),
        "FIN_WAIT1" | "CLOSING" | "LAST_ACK" => (1, 2),
        "FIN_WAIT2" | "TIME_WAIT" => (2, 2),
        other => panic!("{other} is no state of these tables"),
    };
    (scene, Place { rcv_nxt, edge, snd_una: una, snd_nxt: nxt })
}

/// One cell: `answer`, then the state that follows if it is another one.
fn check_cell(
    setup: &str,
    kind: &str,
    column: &str,
    cell: &str,
    line: impl Fn(Place) -> String,
) -> Result<(), String> {
    let (mut scene, place) = in_state(setup);
    let before = scene.state();
    let line = line(place);
    let arrived: Notation = line.parse()?;
    scene.segment_arrives(&line)?;
    let sent = scene.sent()?;
    let mut words = cell.split_whitespace();
    let answer = words.next().ok_or("an empty cell")?;
    let shown: Vec<String> = sent.iter().map(|seen| scene.written_as(seen).to_string()).collect();
    let is_right = match &sent[..] {
        [] => answer == "-",
        [one] => answer != "-" && is_answer(answer, &scene, one, &arrived, place),
        _ => false,
    };
    let after = scene.state();
    if is_right && after == words.next().unwrap_or(&before) {
        return Ok(());
    }
    Err(format!("{before}: {kind}, {column} ({line}): expected {cell}, sent {shown:?}, state {after}"))
}

/// A table: a line for a kind of segment, a cell for each place it may have.
fn check_table(setup: &str, table: &str, kinds: usize) {
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        rows += 1;
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [kind, cells @ ..] = &cells[..] else { panic!("an empty row") };
        assert_eq!(cells.len(), SIDES.len(), "{row}");
        for (side, cell) in SIDES.into_iter().zip(cells) {
            let column = format!("{side:?}");
            let line = |place: Place| segment(kind, side.seq(place), place);
            wrong.extend(check_cell(setup, kind, &column, cell, line).err());
        }
    }
    assert_eq!(rows, kinds, "every kind of segment has a row");
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// How many kinds of segment there are.
const KINDS: usize = 19;

fn established_and(more: &str) -> String {
    format!("{ESTABLISHED}{more}")
}

/// 3.10.7.1: the answer does not depend on the sequence number.
#[test]
fn segment_arrives_when_closed() {
    check_table(
        "state gone",
        "
        SYN                | rst,ack | rst,ack | rst,ack | rst,ack
        SYN,ACK            | rst     | rst     | rst     | rst
        ACK of nothing new | rst     | rst     | rst     | rst
        ACK of all         | rst     | rst     | rst     | rst
        ACK of unsent      | rst     | rst     | rst     | rst
        ACK, old           | rst     | rst     | rst     | rst
        ACK, too old       | rst     | rst     | rst     | rst
        RST                | -       | -       | -       | -
        RST,ACK            | -       | -       | -       | -
        FIN                | rst,ack | rst,ack | rst,ack | rst,ack
        FIN,ACK            | rst     | rst     | rst     | rst
        text               | rst     | rst     | rst     | rst
        text,FIN           | rst     | rst     | rst     | rst
        text,URG           | rst     | rst     | rst     | rst
        text, no ACK       | rst,ack | rst,ack | rst,ack | rst,ack
        no flags           | rst,ack | rst,ack | rst,ack | rst,ack
        SYN,FIN            | rst,ack | rst,ack | rst,ack | rst,ack
        SYN,RST            | -       | -       | -       | -
        all flags          | -       | -       | -       | -
        ",
        KINDS,
    );
}

/// 3.10.7.2.
#[test]
fn segment_arrives_when_listening() {
    check_table(
        "listen",
        "
        SYN                | syn,ack SYN_RECV | syn,ack SYN_RECV | syn,ack SYN_RECV | syn,ack SYN_RECV
        SYN,ACK            | rst              | rst              | rst              | rst
        ACK of nothing new | rst              | rst              | rst              | rst
        ACK of all         | rst              | rst              | rst              | rst
        ACK of unsent      | rst              | rst              | rst              | rst
        ACK, old           | rst              | rst              | rst              | rst
        ACK, too old       | rst              | rst              | rst              | rst
        RST                | -                | -                | -                | -
        RST,ACK            | -                | -                | -                | -
        FIN                | -                | -                | -                | -
        FIN,ACK            | rst              | rst              | rst              | rst
        text               | rst              | rst              | rst              | rst
        text,FIN           | rst              | rst              | rst              | rst
        text,URG           | rst              | rst              | rst              | rst
        text, no ACK       | -                | -                | -                | -
        no flags           | -                | -                | -                | -
        SYN,FIN            | syn,ack SYN_RECV | syn,ack SYN_RECV | syn,ack SYN_RECV | syn,ack SYN_RECV
        SYN,RST            | -                | -                | -                | -
        all flags          | -                | -                | -                | -
        ",
        KINDS,
    );
}

/// 3.10.7.3: there is no window yet; what counts is whether the ACK is of our SYN. MUST-10: simultaneous open.
#[test]
fn segment_arrives_when_syn_sent() {
    // No ACK | of ISS | of ISS + 1, the only one acceptable | of what was not sent.
    let table = "
        S     | syn,ack SYN_RECV | rst | ack ESTABLISHED  | rst
        -     | -                | rst | -                | rst
        R     | -                | -   | - gone           | -
        F     | -                | rst | -                | rst
        P     | -                | rst | -                | rst
        U     | -                | rst | -                | rst
        SR    | -                | -   | - gone           | -
        SFRPU | -                | -   | - gone           | -
        ";
    let setup = "connect\n> S 0";
    let mut wrong = Vec::new();
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        for (ack, cell) in [None, Some(0), Some(1), Some(2)].into_iter().zip(&cells[1..]) {
            let line = |_: Place| match ack {
                None => format!("{} 0", cells[0]),
                Some(ack) => format!("{}A 0 ack {ack}", cells[0].trim_start_matches('-')),
            };
            // After the SYN the peer's numbers are known.
            let answer = check_cell(
                setup,
                cells[0],
                &format!("{ack:?}"),
                &cell.replace("ack ESTABLISHED", "ack+1 ESTABLISHED"),
                line,
            );
            wrong.extend(answer.err());
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// SYN-RECEIVED, where a SYN in the window leads to `<syn>`.
const SYN_RECEIVED: &str = "
        SYN                | ack | <syn>         | <syn>         | ack
        SYN,ACK            | ack | <syn>         | <syn>         | ack
        ACK of nothing new | ack | rst           | rst           | ack
        ACK of all         | ack | - ESTABLISHED | - ESTABLISHED | ack
        ACK of unsent      | ack | rst           | rst           | ack
        ACK, old           | ack | rst           | rst           | ack
        ACK, too old       | ack | rst           | rst           | ack
        RST                | -   | - gone        | ack           | -
        RST,ACK            | -   | - gone        | ack           | -
        FIN                | ack | -             | -             | ack
        FIN,ACK            | ack | rst           | rst           | ack
        text               | ack | rst           | rst           | ack
        text,FIN           | ack | rst           | rst           | ack
        text,URG           | ack | rst           | rst           | ack
        text, no ACK       | ack | -             | -             | ack
        no flags           | ack | -             | -             | ack
        SYN,FIN            | ack | <syn>         | <syn>         | ack
        SYN,RST            | -   | - gone        | ack           | -
        all flags          | -   | - gone        | ack           | -
        ";

/// 3.10.7.4. A passive OPEN goes back to LISTEN (MUST-11); what is no ACK of our SYN is answered with a RST.
#[test]
fn segment_arrives_when_syn_received() {
    let table = SYN_RECEIVED.replace("<syn>", "- gone");
    check_table("listen\n< S 0 mss 1000\n> SA 0 ack 1", &table, KINDS);
}

/// 3.10.7.4, after a simultaneous open (MUST-10, MUST-11): there is no LISTEN to go back to. A RST means "connection refused"; a SYN is
/// challenged (RFC 5961, section 4), but for the SYN that came already: that peer has not heard ours.
#[test]
fn segment_arrives_when_syn_received_after_an_active_open() {
    let setup = "connect\n> S 0\n< S 0 mss 1000\n> SA 0 ack 1";
    check_table(setup, &SYN_RECEIVED.replace("<syn>", "ack"), KINDS);
    for again in [
        "< S 0 mss 1000\n> SA 0 ack 1\nstate SYN_RECV",
        "< SA 0 ack 1 mss 1000\n> A 1 ack 1\nstate ESTABLISHED",
        "< R 1\nerror ConnectionRefused",
    ] {
        Scene::play(&format!("{setup}\n{again}")).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// MUST-66 (3.8.6.1): of what is at RCV.NXT the ACK, the RST and the SYN count, though there is no room for text. A FIN alone needs none.
#[test]
fn segment_arrives_at_a_zero_window() {
    let mut setup = established_and("");
    for seq in (1..10_001).step_by(1000) {
        setup += &format!("< PA {seq} len 1000 ack 1\nflush\n");
    }
    check_table(
        &(setup + "send 100\nflush"),
        "
        SYN                | ack | ack              | ack | ack
        SYN,ACK            | ack | ack              | ack | ack
        ACK of nothing new | ack | -                | ack | ack
        ACK of all         | ack | -                | ack | ack
        ACK of unsent      | ack | ack              | ack | ack
        ACK, old           | ack | -                | ack | ack
        ACK, too old       | ack | ack              | ack | ack
        RST                | -   | - gone           | -   | -
        RST,ACK            | -   | - gone           | -   | -
        FIN                | ack | -                | ack | ack
        FIN,ACK            | ack | ack+1 CLOSE_WAIT | ack | ack
        text               | ack | ack              | ack | ack
        text,FIN           | ack | ack              | ack | ack
        text,URG           | ack | ack              | ack | ack
        text, no ACK       | ack | -                | ack | ack
        no flags           | ack | -                | ack | ack
        SYN,FIN            | ack | ack              | ack | ack
        SYN,RST            | -   | - gone           | -   | -
        all flags          | -   | - gone           | -   | -
        ",
        KINDS,
    );
}

/// The states in which the peer's stream goes on. An ACK of all leads to `<acked>`, the peer's FIN to `<closed>`.
const RECEIVING: &str = "
        SYN                | ack | ack             | ack       | ack
        SYN,ACK            | ack | ack             | ack       | ack
        ACK of nothing new | ack | -               | -         | ack
        ACK of all         | ack | - <acked>       | - <acked> | ack
        ACK of unsent      | ack | ack             | ack       | ack
        ACK, old           | ack | -               | -         | ack
        ACK, too old       | ack | ack             | ack       | ack
        RST                | -   | - gone          | ack       | -
        RST,ACK            | -   | - gone          | ack       | -
        FIN                | ack | -               | -         | ack
        FIN,ACK            | ack | ack+1 <closed>  | ack       | ack
        text               | ack | ack+10          | ack       | ack
        text,FIN           | ack | ack+11 <closed> | ack       | ack
        text,URG           | ack | ack+10          | ack       | ack
        text, no ACK       | ack | -               | -         | ack
        no flags           | ack | -               | -         | ack
        SYN,FIN            | ack | ack             | ack       | ack
        SYN,RST            | -   | - gone          | ack       | -
        all flags          | -   | - gone          | ack       | -
        ";

fn receiving(acked: &str, closed: &str) -> String {
    RECEIVING.replace("<acked>", acked).replace("<closed>", closed)
}

#[test]
fn segment_arrives_when_established() {
    let table = receiving("ESTABLISHED", "CLOSE_WAIT");
    check_table(&established_and("send 100\nflush"), &table, KINDS);
}

#[test]
fn segment_arrives_when_fin_wait_1() {
    let table = receiving("FIN_WAIT2", "CLOSING");
    check_table(&established_and("shutdown\n> FA 1 ack 1"), &table, KINDS);
}

#[test]
fn segment_arrives_when_fin_wait_2() {
    let table = receiving("FIN_WAIT2", "TIME_WAIT");
    check_table(&established_and("shutdown\n> FA 1 ack 1\n< A 1 ack 2"), &table, KINDS);
}

/// After the peer's FIN its text is ignored; another FIN is acknowledged as the eighth step says, and RCV.NXT stays where the stream ended.
#[test]
fn segment_arrives_when_close_wait() {
    check_table(&established_and("< FA 1 ack 1\n> A 1 ack 2\nsend 100\nflush"), AFTER_FIN, KINDS);
}

/// What CLOSE-WAIT, CLOSING and LAST-ACK have in common: all but what an ACK of our FIN does.
const AFTER_FIN: &str = "
        SYN                | ack | ack    | ack | ack
        SYN,ACK            | ack | ack    | ack | ack
        ACK of nothing new | ack | -      | -   | ack
        ACK of all         | ack | -      | -   | ack
        ACK of unsent      | ack | ack    | ack | ack
        ACK, old           | ack | -      | -   | ack
        ACK, too old       | ack | ack    | ack | ack
        RST                | -   | - gone | ack | -
        RST,ACK            | -   | - gone | ack | -
        FIN                | ack | -      | -   | ack
        FIN,ACK            | ack | ack    | ack | ack
        text               | ack | -      | -   | ack
        text,FIN           | ack | ack    | ack | ack
        text,URG           | ack | -      | -   | ack
        text, no ACK       | ack | -      | -   | ack
        no flags           | ack | -      | -   | ack
        SYN,FIN            | ack | ack    | ack | ack
        SYN,RST            | -   | - gone | ack | -
        all flags          | -   | - gone | ack | -
        ";

/// [`AFTER_FIN`], but an ACK of our FIN leads to `state`.
fn after_fin(state: &str) -> String {
    let before = "ACK of all         | ack | -      | -   | ack";
    AFTER_FIN.replace(before, &format!("ACK of all | ack | - {state} | - {state} | ack"))
}

#[test]
fn segment_arrives_when_closing() {
    let setup = established_and("shutdown\n> FA 1 ack 1\n< FA 1 ack 1\n> A 2 ack 2");
    check_table(&setup, &after_fin("TIME_WAIT"), KINDS);
}

#[test]
fn segment_arrives_when_last_ack() {
    let setup = established_and("< FA 1 ack 1\n> A 1 ack 2\nshutdown\n> FA 1 ack 2");
    check_table(&setup, &after_fin("gone"), KINDS);
}

/// RFC 1337: a RST does not end it. MAY-2: a SYN beyond all that was used opens a new connection; one at RCV.NXT does not yet.
/// What takes up sequence space is acknowledged, as a retransmitted FIN is.
#[test]
fn segment_arrives_when_time_wait() {
    check_table(
        &established_and("shutdown\n> FA 1 ack 1\n< A 1 ack 2\n< FA 1 ack 2\n> A 2 ack 2"),
        "
        SYN                | ack | ack | syn,ack SYN_RECV | syn,ack SYN_RECV
        SYN,ACK            | ack | ack | ack              | ack
        ACK of nothing new | ack | -   | -                | ack
        ACK of all         | ack | -   | -                | ack
        ACK of unsent      | ack | -   | -                | ack
        ACK, old           | ack | -   | -                | ack
        ACK, too old       | ack | -   | -                | ack
        RST                | -   | -   | -                | -
        RST,ACK            | -   | -   | -                | -
        FIN                | ack | ack | ack              | ack
        FIN,ACK            | ack | ack | ack              | ack
        text               | ack | ack | ack              | ack
        text,FIN           | ack | ack | ack              | ack
        text,URG           | ack | ack | ack              | ack
        text, no ACK       | ack | ack | ack              | ack
        no flags           | ack | -   | -                | ack
        SYN,FIN            | ack | ack | syn,ack SYN_RECV | syn,ack SYN_RECV
        SYN,RST            | -   | -   | -                | -
        all flags          | -   | -   | -                | -
        ",
        KINDS,
    );
}

/// RFC 7323, 5.3, R1: in the window, but with a timestamp older than TS.Recent, everything but a RST is answered with an ACK and
/// discarded. (Of pure ACKs R1 leaves out those that only came out of order: they are no matter here.)
#[test]
fn segment_arrives_with_an_old_timestamp() {
    let setup = "listen
        < S 0 mss 1000 ts 1000 0
        > SA 0 ack 1
        < A 1 ack 1 ts 1000 0
        accept
        send 100
        flush";
    let kinds = [
        ("SYN", "ack"),
        ("SYN,ACK", "ack"),
        ("RST", "- gone"),
        ("RST,ACK", "- gone"),
        ("FIN", "ack"),
        ("FIN,ACK", "ack"),
        ("text", "ack"),
        ("text,FIN", "ack"),
        ("text,URG", "ack"),
        ("text, no ACK", "ack"),
        ("no flags", "ack"),
        ("SYN,FIN", "ack"),
        ("SYN,RST", "- gone"),
        ("all flags", "- gone"),
    ];
    let mut wrong = Vec::new();
    for (kind, cell) in kinds {
        let line = |place: Place| format!("{} ts 900 0", segment(kind, place.rcv_nxt, place));
        wrong.extend(check_cell(setup, kind, "Exact", cell, line).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
