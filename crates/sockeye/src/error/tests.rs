use super::*;

#[test]
fn the_kind_is_std_nets_and_the_text_the_stacks() {
    let error = from_call(CallError::Failed(Error::ConnectionRefused));
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(error.to_string(), "connection refused");
    assert_eq!(from_call(CallError::Interrupted).kind(), ErrorKind::Interrupted);
    assert_eq!(from_stack(Error::WouldBlock).kind(), ErrorKind::WouldBlock);
}
