use core::net::SocketAddr;

use crate::Slot;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn what_is_told_is_found_until_it_is_forgotten() {
    let slot = Slot::on_heap(4096, 4096);
    let line = &slot.header().addresses;
    assert_eq!(line.get(), None);
    for (local, peer) in [
        ("127.0.0.1:80", "10.1.2.3:65535"),
        ("[::1]:1", "[2001:db8:1234:5678:9abc:def0:1122:3344]:443"),
        ("[::ffff:10.0.0.1]:22", "[fe80::1%7]:8080"),
    ] {
        line.tell(address(local), address(peer));
        assert_eq!(line.get(), Some((address(local), address(peer))));
    }
    slot.reset();
    assert_eq!(line.get(), None);
}

#[test]
fn a_line_that_somebody_has_scribbled_over_tells_nothing_wrong_for_long() {
    let slot = Slot::on_heap(4096, 4096);
    let line = &slot.header().addresses;
    let (local, peer) = (address("127.0.0.1:80"), address("127.0.0.1:81"));
    line.tell(local, peer);
    line.words[0].store(u64::MAX, crate::sync::Ordering::Relaxed);
    assert_eq!(line.get(), None);
    // An odd number that nobody makes even.
    line.sequence.store(u32::MAX, crate::sync::Ordering::Relaxed);
    assert_eq!(line.get(), None);
    line.tell(local, peer);
    assert_eq!(line.get(), Some((local, peer)));
}
