use super::Notation;

#[test]
fn a_line_reads_as_it_is_written() {
    for line in [
        "- 0",
        "S 0 win 100 mss 1460 scale 7 sackok ts 1 0",
        "SFRPAUEC -5 len 10 ack 1 win 0 urg 3 sack 11-21 sack 31-41",
        "A 1 ack -1",
    ] {
        assert_eq!(line.parse::<Notation>().unwrap().to_string(), line);
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (line, error) in [
        ("", "a segment needs flags"),
        ("X 1", "X: X is no flag"),
        ("A", "the sequence number needs a number"),
        ("A 1 win 65536", "65536 is too large for win"),
        ("A 1 wim 5", "wim is nothing that a segment has"),
        ("A 1 sack 5", "5 is no SACK block: sack 11-21"),
    ] {
        assert_eq!(line.parse::<Notation>().unwrap_err(), error);
    }
}

#[test]
fn what_a_line_does_not_say_is_not_compared() {
    let sent: Notation = "PA 1 len 5 ack 7 win 1000 ts 5 6".parse().unwrap();
    for met in ["A 1 len 5", "PA 1 len 5", "A 1 len 5 ack 7 win 1000", "A 1 len 5 ts 5 6"] {
        assert!(met.parse::<Notation>().unwrap().is_met_by(&sent), "{met}");
    }
    for unmet in [
        "A 1",
        "A 2 len 5",
        "A 1 len 5 ack 8",
        "EPA 1 len 5",
        "FA 1 len 5",
        "A 1 len 5 sackok",
        "A 1 len 5 win 1",
    ] {
        assert!(!unmet.parse::<Notation>().unwrap().is_met_by(&sent), "{unmet}");
    }
}
