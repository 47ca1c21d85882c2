use super::*;

const ALL: c_short = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP | libc::POLLPRI;

#[test]
fn only_what_was_asked_for_is_told() {
    let both = Readiness { readable: true, writable: true, peer_closed: true, ..Readiness::default() };
    assert_eq!(revents(both, ALL), libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
    assert_eq!(revents(both, libc::POLLOUT), libc::POLLOUT);
    assert_eq!(revents(both, libc::POLLRDNORM), libc::POLLRDNORM);
    assert_eq!(revents(both, 0), 0);
}

#[test]
fn errors_and_hang_ups_are_told_unasked() {
    let broken = Readiness { hang_up: true, error: true, ..Readiness::default() };
    assert_eq!(revents(broken, 0), libc::POLLHUP | libc::POLLERR);
    assert_eq!(revents(Readiness::default(), ALL), 0);
}
