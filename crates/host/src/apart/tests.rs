use super::*;

#[test]
fn a_number_is_known_while_its_descriptor_is_there() {
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    let apart = Apart::new(reader);
    let number = apart.as_fd().as_raw_fd();
    assert!(number >= FIRST, "{number} is in the program's way");
    assert!(is_apart(number));
    let unsigned = number.unsigned_abs();
    assert!(apart_between(0, u32::MAX).any(|other| other == unsigned));
    assert!(apart_between(unsigned, unsigned).eq([unsigned]));
    assert!(!apart_between(0, unsigned - 1).any(|other| other == unsigned));
    drop(apart);
    assert!(!is_apart(number));
}

#[test]
fn what_is_disowned_is_left_open() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let apart = Apart::new(reader);
    let copy = apart.as_fd().try_clone_to_owned().unwrap();
    let number = apart.as_fd().as_raw_fd();
    apart.disown();
    assert!(!is_apart(number));
    drop(copy);
    assert_eq!(rustix::io::write(&writer, b"x"), Ok(1), "the descriptor is still open");
}

#[test]
fn it_makes_room_for_what_the_program_wants_there() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let apart = Apart::new(writer);
    let number = apart.as_fd().as_raw_fd();
    make_room(number).unwrap();
    let moved = apart.as_fd().as_raw_fd();
    assert_ne!(moved, number);
    assert!(is_apart(moved) && !is_apart(number));
    rustix::io::write(&apart, b"x").unwrap();
    assert_eq!(rustix::io::read(&reader, &mut [0; 2]), Ok(1));
    drop(apart);
    assert!(!is_apart(moved));
    assert_eq!(rustix::io::read(&reader, &mut [0; 2]), Ok(0), "no copy is left");
}

#[test]
fn numbers_out_of_range_are_the_programs() {
    assert!(!is_apart(-1));
    assert!(!is_apart(i32::MAX));
}
