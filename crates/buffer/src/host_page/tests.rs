use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::fs::OFlags;

use super::{HostPage, OWNER_DIED};
use crate::child::Child;
use crate::futex::{self, Waited};

#[test]
fn clients_see_what_the_host_says() {
    let host = HostPage::create().unwrap();
    let client = HostPage::map(host.fd_read_only().unwrap()).unwrap();
    assert!(!client.is_sleeping());
    host.set_sleeping(true);
    assert!(client.is_sleeping());
    host.set_sleeping(false);
    assert!(!client.is_sleeping());
}

#[test]
fn clients_cannot_write() {
    let host = HostPage::create().unwrap();
    let fd = host.fd_read_only().unwrap();
    assert_eq!(rustix::fs::fcntl_getfl(&fd).unwrap() & OFlags::ACCMODE, OFlags::RDONLY);
    // Nor can who opens the memory again.
    let again = std::fs::OpenOptions::new()
        .write(true)
        .read(true)
        .open(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd)))
        .unwrap();
    assert_eq!(rustix::io::pwrite(&again, b"x", 0).unwrap_err(), rustix::io::Errno::PERM);
    let client = HostPage::map(&fd).unwrap();
    client.set_sleeping(true);
    assert!(!host.is_sleeping());
    assert_eq!(client.enroll().unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(client.fd_read_only().unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(
        crate::raw::Region::map(std::os::fd::AsFd::as_fd(&again), 4096, crate::raw::Access::ReadWrite)
            .is_err()
    );
}

#[test]
fn only_a_page_is_mapped() {
    let arena = crate::Arena::create(1, 4096, 4096).unwrap();
    assert_eq!(HostPage::map(arena.fd().unwrap()).unwrap_err().kind(), ErrorKind::InvalidData);
    assert_eq!(
        HostPage::map(std::fs::File::open("/dev/null").unwrap()).unwrap_err().kind(),
        ErrorKind::InvalidData
    );
}

#[test]
fn the_end_of_the_thread_is_seen() {
    let host = HostPage::create().unwrap();
    assert!(!host.is_alive());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            host.enroll().unwrap();
            host.enroll().unwrap();
            assert!(host.is_alive());
        });
    });
    // Who joins a thread may be told before the kernel is done with it.
    let mut word = host.liveness().load(Ordering::Acquire);
    while host.is_alive() {
        assert_ne!(futex::wait(host.liveness(), word, Some(Duration::from_secs(20))), Waited::TimedOut);
        word = host.liveness().load(Ordering::Acquire);
    }
}

#[test]
fn a_killed_host_wakes_a_waiter_who_wakes_the_others() {
    let host = HostPage::create().unwrap();
    let client = HostPage::map(host.fd_read_only().unwrap()).unwrap();
    let child = Child::fork(|| {
        host.enroll().unwrap();
        // A fork of the host that ends is not the end of the host.
        assert!(Child::fork(|| {}).succeeds());
        host.set_sleeping(true);
        futex::wake_all(&host.words().sleeping.word);
        loop {
            futex::wait(&host.words().sleeping.word, 1, None);
        }
    });
    while !client.is_sleeping() {
        futex::wait(&client.words().sleeping.word, 0, None);
    }
    assert!(client.is_alive());
    let word = client.liveness().load(Ordering::Acquire);
    let own = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        let wait = || {
            while client.is_alive() {
                assert_eq!(futex::wait_either(&own, 0, client.liveness(), word, None), Waited::Woken);
            }
            futex::wake_all(client.liveness());
        };
        let waiters = [scope.spawn(wait), scope.spawn(wait), scope.spawn(wait)];
        child.kill();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    assert_ne!(client.liveness().load(Ordering::Acquire) & OWNER_DIED, 0);
}

#[test]
fn a_page_that_its_host_drops_says_that_it_is_dead() {
    let mut host = HostPage::create().unwrap();
    let client = HostPage::map(host.take_fd().unwrap()).unwrap();
    assert_eq!(host.fd_read_only().unwrap_err().kind(), ErrorKind::Unsupported);
    host.enroll().unwrap();
    let word = client.liveness().load(Ordering::Acquire);
    std::thread::scope(|scope| {
        let wait = || {
            while client.is_alive() {
                assert_ne!(
                    futex::wait(client.liveness(), word, Some(Duration::from_secs(20))),
                    Waited::TimedOut
                );
            }
        };
        let waiters = [scope.spawn(wait), scope.spawn(wait)];
        drop(host);
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}
