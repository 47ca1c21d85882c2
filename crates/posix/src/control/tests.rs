use super::left_to_read;

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
