use super::*;

fn int(value: c_int) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

#[test]
fn each_row_is_kept_by_itself() {
    assert!(TABLE.len() <= 64);
    for row in TABLE {
        assert!(std::ptr::eq(Kept::find(row.level, row.number, Family::V6).expect("a row"), row));
        assert_eq!(row.read(0, 4), int(row.default.into()), "{row:?}");
        let other = int(c_int::from(!row.default));
        let changed = row.set(0, &other, Privilege::Root).expect("a switch");
        let stays_off = row.takes == Takes::Nothing;
        assert_eq!(row.read(changed, 4), if stays_off { int(0) } else { other }, "{row:?}");
        assert_eq!(changed.count_ones(), u32::from(!stays_off));
        assert_eq!(row.set(changed, &int(row.default.into()), Privilege::Root), Ok(0));
    }
    assert!(Kept::find(IPV6, libc::IPV6_RECVPKTINFO, Family::V4).is_none());
}

#[test]
fn privileges_and_lengths() {
    let debug = Kept::find(SOCKET, libc::SO_DEBUG, Family::V4).expect("a row");
    assert_eq!(debug.set(0, &int(1), Privilege::None), Err(Errno::ACCES));
    assert_eq!(debug.set(0, &int(0), Privilege::None), Ok(0));
    assert_eq!(debug.set(0, &[1], Privilege::Root), Err(Errno::INVAL));
    let ttl = Kept::find(IP, libc::IP_RECVTTL, Family::V4).expect("a row");
    let on = ttl.set(0, &[1], Privilege::None).expect("one byte will do");
    assert_eq!((ttl.read(on, 4), ttl.read(on, 2)), (int(1), vec![1]));
    assert_eq!(ttl.set(on, &[], Privilege::None), Ok(0));
}
