use super::*;
use rustix::fs::FlockOperation;

#[test]
fn a_lock_that_is_never_free_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let options = HostedOptions { socket: Some(folder.path().join("socket")), ..HostedOptions::default() };
    let client = Client::new(&options).unwrap();
    let file = std::fs::File::create(folder.path().join("socket.start")).unwrap();
    rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
    let starter = client.start(monotonic() + START).unwrap();
    let why = client.overdue(starter).to_string();
    assert!(why.contains("socket.start: locked by a process that starts no host process"), "{why}");
    assert!(client.overdue(Starter::This).to_string().contains("does not serve"));
}
