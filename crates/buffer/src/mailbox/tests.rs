use super::{BOXES, LONGEST, Mailboxes, Outcome};

fn both_ends() -> (Mailboxes, Mailboxes) {
    let mut engine = Mailboxes::create().unwrap();
    let program = Mailboxes::map(engine.take_fd().unwrap()).unwrap();
    (program, engine)
}

#[test]
fn a_request_is_answered() {
    let (programs, engines) = both_ends();
    let (program, engine) = (programs.mailbox(1), engines.mailbox(1));
    assert!(!engines.are_asked());
    assert_eq!(engine.take(), None);
    assert!(program.write(b"what?"));
    program.ask(5);
    assert_eq!(program.outcome(), Outcome::Pending);
    assert!(engines.are_asked());
    assert_eq!(engines.take_asked().collect::<Vec<_>>(), [1]);
    let mut request = [0; 5];
    assert_eq!(engine.take(), Some(5));
    engine.read(&mut request);
    assert_eq!(&request, b"what?");
    assert!(!program.withdraw(), "the engine has it");
    assert!(engine.write(b"that") && !engine.answer(Some(4)), "nobody sleeps");
    assert_eq!(program.outcome(), Outcome::Answered(4));
    let mut answer = [0; 4];
    program.read(&mut answer);
    assert_eq!(&answer, b"that");
    program.put_away();
    program.ask(0);
    assert!(program.withdraw() && engine.take().is_none());
    program.ask(1);
    engine.take().unwrap();
    engine.answer(None);
    assert_eq!(program.outcome(), Outcome::Elsewhere);
}

#[test]
fn who_says_that_it_sleeps_is_woken_once() {
    let (programs, engines) = both_ends();
    let (program, engine) = (programs.mailbox(1), engines.mailbox(1));
    program.ask(0);
    program.fall_asleep();
    assert_eq!(program.outcome(), Outcome::Pending);
    engine.take().unwrap();
    assert!(engine.answer(Some(0)));
    assert!(!engine.answer(Some(0)));
}

#[test]
fn a_closed_mailbox_tells_what_was_answered_and_nothing_else() {
    let (programs, engines) = both_ends();
    let (program, engine) = (programs.mailbox(1), engines.mailbox(1));
    program.ask(0);
    program.fall_asleep();
    engine.take().unwrap();
    engine.answer(Some(3));
    engine.close();
    assert_eq!(program.outcome(), Outcome::Answered(3));
    program.put_away();
    program.ask(0);
    assert_eq!(program.outcome(), Outcome::Closed);
    program.fall_asleep();
    assert!(engine.close());
}

#[test]
fn lengths_are_not_believed() {
    let (programs, engines) = both_ends();
    let (program, engine) = (programs.mailbox(1), engines.mailbox(1));
    assert!(!program.write(&[0; LONGEST + 1]));
    assert!(program.write(&[7; LONGEST]));
    program.ask(usize::MAX);
    assert_eq!(engine.take(), Some(LONGEST));
    engine.answer(Some(LONGEST + 1));
    assert_eq!(program.outcome(), Outcome::Answered(LONGEST));
}

#[test]
fn what_is_no_mailbox_is_not_mapped() {
    let file = std::fs::File::open("/dev/null").unwrap();
    assert_eq!(Mailboxes::map(&file).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    let list = crate::ReadyList::create().unwrap();
    assert_eq!(Mailboxes::map(list.fd().unwrap()).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
}

#[test]
fn each_mailbox_has_a_place_of_its_own() {
    let (programs, engines) = both_ends();
    for index in 0..BOXES {
        let bytes = [u8::try_from(index).unwrap(); LONGEST];
        assert!(programs.mailbox(index).write(&bytes));
        programs.mailbox(index).ask(index);
    }
    assert_eq!(engines.take_asked().collect::<Vec<_>>(), (0..BOXES).collect::<Vec<_>>());
    for index in 0..BOXES {
        let mut bytes = [0xff; LONGEST];
        assert_eq!(engines.mailbox(index).take(), Some(index));
        engines.mailbox(index).read(&mut bytes);
        assert!(bytes.iter().all(|&byte| usize::from(byte) == index));
    }
    assert!(!engines.are_asked());
}
