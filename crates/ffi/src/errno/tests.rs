use super::*;
use libc::c_int;

fn number() -> i32 {
    Errno::last().number()
}

#[test]
fn guard_sets_errno_and_gives_minus_one() {
    assert_eq!(guard(|| Ok(5)), 5);
    assert_eq!(guard::<c_int>(|| Err(Errno::NOPROTOOPT)), -1);
    assert_eq!(number(), libc::ENOPROTOOPT);
}

#[test]
fn panic_is_an_input_output_error() {
    assert_eq!(guard::<isize>(|| panic!("a mistake of ours")), -1);
    assert_eq!(number(), libc::EIO);
}

#[test]
fn lost_host_is_not_what_servers_take_for_try_again() {
    assert_eq!(of(Error::HostGone).number(), libc::ENETDOWN);
    assert_eq!(of_call(CallError::Failed(Error::HostGone)).number(), libc::ENETDOWN);
    assert_eq!(of_transfer(CallError::Failed(Error::HostGone)).number(), libc::ECONNABORTED);
    assert_eq!(of_transfer(CallError::Interrupted).number(), libc::EINTR);
    assert_eq!(of_transfer(CallError::Failed(Error::WouldBlock)).number(), libc::EAGAIN);
}
