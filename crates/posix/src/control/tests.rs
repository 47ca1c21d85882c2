use super::*;

/// Length, level, kind, data and padding, as Linux's CMSG macros find them.
#[test]
fn bytes_left_are_told_as_linux_does() {
    let expected = |left: u8| {
        let mut bytes = vec![20, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 36, 0, 0, 0];
        bytes.extend([left, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    };
    assert_eq!(left_to_read(9, false), expected(9));
    assert_eq!(left_to_read(0, false), expected(0));
    assert_eq!(left_to_read(9, true), expected(9));
    assert_eq!(left_to_read(0, true), expected(1), "end of file is something to read");
}

#[test]
fn times_are_of_the_size_that_was_asked_for() {
    let nanos = 7_000_000_000 + 123_456_789;
    let times = |number: c_int, part: u64| {
        message(libc::SOL_SOCKET, number, &[7u64.to_ne_bytes(), part.to_ne_bytes()].concat())
    };
    for (number, part) in [(libc::SO_TIMESTAMP, 123_456), (63, 123_456), (libc::SO_TIMESTAMPNS, 123_456_789)]
    {
        assert_eq!(Times::of(number).expect("one of them").message(nanos), times(number, part));
    }
    assert_eq!(Times::of(libc::SO_TIMESTAMPING), None);
    let flags = timestamping::RX_SOFTWARE | timestamping::SOFTWARE;
    let wanted = Wanted::default().with(libc::SO_TIMESTAMPNS, true).with_flags(flags);
    let both = wanted.messages(nanos);
    assert_eq!(both[..32], times(libc::SO_TIMESTAMPNS, 123_456_789));
    assert_eq!((both.len(), &both[48..64]), (32 + 64, &times(0, 123_456_789)[16..]));
    assert!(wanted.has(libc::SO_TIMESTAMPNS) && !wanted.has(libc::SO_TIMESTAMP));
    assert_eq!(wanted.with(libc::SO_TIMESTAMP, false).with_flags(timestamping::SOFTWARE), Wanted(0));
}

#[test]
fn whole_messages_are_told_where_there_is_room() {
    let both = [message(1, 2, &[3; 4]), message(1, 2, &[3; 16])].concat();
    let fits = [0, 19, 20, 24, 55, 56, 99].map(|room| fitting(&both, room));
    assert_eq!(fits, [(0, false), (0, false), (20, false), (24, false), (24, false), (56, true), (56, true)]);
    assert_eq!(fitting(&both[..24], 20), (20, true), "the padding of the last is not needed");
    assert_eq!(fitting(&[], 0), (0, true));
}
