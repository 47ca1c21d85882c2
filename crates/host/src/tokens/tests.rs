use super::*;
use std::os::fd::AsFd;

const CLIENT: ClientId = ClientId(1);

fn instance() -> u64 {
    // Other processes that test must not have the same names.
    u64::from(std::process::id()) << 32 | 0x70
}

#[test]
fn a_token_becomes_that_of_a_socket_once_and_of_its_client_only() {
    let watcher = token::watcher().unwrap();
    let mut tokens = Tokens::new(Storage::Shared(Quota::NONE), 1);
    let (id, _program) = tokens.make(CLIENT, instance(), watcher.as_fd()).unwrap();
    let (other, _other_program) = tokens.make(CLIENT, instance(), watcher.as_fd()).unwrap();
    assert_ne!(id, other);
    assert_eq!(tokens.tag(id), None);
    assert!(tokens.give(id, ClientId(2), 7).is_none(), "it is another's");
    assert!(tokens.give(id, CLIENT, 7).is_some());
    assert_eq!(tokens.tag(id), Some(7));
    assert!(tokens.give(id, CLIENT, 8).is_none());
    assert_eq!(tokens.tag(id), Some(7));
    tokens.forget(id);
    assert_eq!(tokens.tag(id), None);
    let (next, _next_program) = tokens.make(CLIENT, instance(), watcher.as_fd()).unwrap();
    tokens.forget(id);
    assert!(tokens.give(next, CLIENT, 9).is_some(), "a number is not used twice");
}
