use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

use super::{ARENA_HEADER_SPACE, Arena, DEFAULT_MAX_RECV, DEFAULT_MAX_SEND, DEFAULT_SLOTS, MAX_SLOTS};
use crate::Text;
use crate::ring::NEAR;
use crate::slot::NEAR_SPACE;

#[test]
fn bytes_pass_between_two_mappings() {
    let host = Arena::create(3, 1 << 16, 1 << 17).unwrap();
    let client = Arena::map(host.fd().unwrap()).unwrap();
    assert_eq!((client.slots(), client.fd().is_none()), (3, true));
    for index in 0..3 {
        let slot = host.slot(index).unwrap();
        slot.reset();
        let (mut sendq, mut recvq) = slot.open(5000, 6000);
        let theirs = client.slot(index).unwrap();
        assert_eq!((theirs.max_send(), theirs.max_recv()), (1 << 16, 1 << 17));
        let _guard = theirs.lock_send();
        assert_eq!(theirs.writer().write(&[index as u8; 6000]), 5000);
        assert_eq!(sendq.refresh(), 5000);
        let mut out = [9; 5000];
        sendq.text(0, 5000).copy_to(&mut out);
        assert_eq!(out, [index as u8; 5000]);
        assert_eq!(recvq.place(0, &Text::from(&out[..100])), 100);
        assert_eq!(theirs.reader().peek(0, &mut out), 100);
    }
    assert!(host.slot(3).is_none());
}

#[test]
fn an_arena_of_default_size_can_be_had() {
    let arena = Arena::create(DEFAULT_SLOTS, DEFAULT_MAX_SEND, DEFAULT_MAX_RECV).unwrap();
    let slot = arena.slot(DEFAULT_SLOTS - 1).unwrap();
    slot.reset();
    let (mut sendq, _recvq) = slot.open(DEFAULT_MAX_SEND, DEFAULT_MAX_RECV);
    let text = vec![1; DEFAULT_MAX_SEND + 1];
    assert_eq!((slot.writer().write(&text), sendq.refresh()), (DEFAULT_MAX_SEND, DEFAULT_MAX_SEND));
}

#[test]
fn impossible_arenas_are_refused() {
    for slots in [0, MAX_SLOTS + 1, u32::MAX] {
        assert_eq!(Arena::create(slots, 4096, 4096).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_doorbell_is_taken_once_and_in_order() {
    let arena = Arena::create(MAX_SLOTS, 4096, 4096).unwrap();
    let mut rung = Vec::new();
    arena.take_rung(&mut rung);
    assert_eq!((rung.len(), arena.is_rung()), (0, false));
    for index in [4095, 63, 64, 0, 64, 4096, u32::MAX] {
        arena.ring(index);
    }
    assert!(arena.is_rung());
    arena.take_rung(&mut rung);
    assert_eq!(rung, [0, 63, 64, 4095]);
    arena.take_rung(&mut rung);
    assert_eq!(rung.len(), 4);
}

#[test]
fn doorbells_of_slots_that_are_not_there_are_not_heard() {
    let arena = Arena::create(70, 4096, 4096).unwrap();
    let doorbells = &arena.region.words::<super::ArenaHeader>(0).doorbells;
    for word in doorbells.rung.iter().chain([&doorbells.summary]) {
        word.store(u64::MAX, super::Ordering::Relaxed);
    }
    let mut rung = Vec::new();
    arena.take_rung(&mut rung);
    assert_eq!(rung, (0..70).collect::<Vec<_>>());
}

#[test]
fn rings_that_are_forgotten_take_no_memory() {
    let arena = Arena::create(2, 1 << 20, 1 << 20).unwrap();
    let file = File::from(arena.fd().unwrap().try_clone_to_owned().unwrap());
    let blocks = || rustix::fs::fstat(&file).unwrap().st_blocks * 512;
    let slot = arena.slot(1).unwrap();
    slot.reset();
    let _halves = slot.open(1 << 20, 1 << 20);
    slot.writer().write(&vec![1; 1 << 20]);
    assert!(blocks() >= 1 << 20);
    arena.forget(1).unwrap();
    assert!(blocks() < 1 << 16);
    assert_eq!(slot.writer().len(), 1 << 20);
    assert_eq!(arena.forget(2).unwrap_err().kind(), ErrorKind::InvalidInput);
    let client = Arena::map(arena.fd().unwrap()).unwrap();
    assert_eq!(client.forget(1).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn sockets_that_carry_little_share_pages() {
    let arena = Arena::create(64, 1 << 20, 1 << 20).unwrap();
    let file = File::from(arena.fd().unwrap().try_clone_to_owned().unwrap());
    for index in 0..64 {
        let slot = arena.slot(index).unwrap();
        slot.reset();
        let (mut sendq, mut recvq) = slot.open(1 << 20, 1 << 20);
        for _ in 0..20 {
            assert_eq!(slot.writer().write(&[1; NEAR]), NEAR);
            sendq.refresh();
            recvq.place(0, &sendq.text(0, NEAR));
            sendq.release(NEAR);
            let mut out = [0; NEAR];
            assert_eq!((slot.reader().peek(0, &mut out), out), (NEAR, [1; NEAR]));
            slot.reader().consume(NEAR);
        }
    }
    // And a page for the arena's own header.
    assert_eq!(rustix::fs::fstat(&file).unwrap().st_blocks * 512, 4096 + 64 * 2048);
}

#[test]
fn an_arena_on_the_heap_forgets_too() {
    let arena = Arena::on_heap(2, 1 << 16, 1 << 16).unwrap();
    assert!(arena.fd().is_none());
    let slots = [0, 1].map(|index| arena.slot(index).unwrap());
    let queues = slots.each_ref().map(|slot| slot.open(1 << 16, 1 << 16));
    slots.iter().for_each(|slot| assert_eq!(slot.writer().write(&[7; 1 << 16]), 1 << 16));
    arena.forget(0).unwrap();
    for ((mut sendq, _), byte) in queues.into_iter().zip([0, 7]) {
        let mut out = [1; 1 << 16];
        sendq.refresh();
        sendq.text(0, 1 << 16).copy_to(&mut out);
        assert_eq!(out, [byte; 1 << 16]);
    }
    assert!(Arena::on_heap(0, 4096, 4096).is_none());
}

/// A memory file of `len` bytes that begins with `content`.
fn memory(len: usize, content: &[u8], seals: SealFlags) -> File {
    let file = File::from(rustix::fs::memfd_create("test", MemfdFlags::ALLOW_SEALING).unwrap());
    file.set_len(len as u64).unwrap();
    file.write_all_at(content, 0).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    file
}

#[test]
fn memory_that_is_not_an_arena_is_not_mapped() {
    let arena = Arena::create(2, 4096, 4096).unwrap();
    let file = File::from(arena.fd().unwrap().try_clone_to_owned().unwrap());
    let mut header = [0; 24];
    file.read_exact_at(&mut header, 0).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    assert_eq!(len, ARENA_HEADER_SPACE + 2 * NEAR_SPACE + 2 * 2 * 8192);
    let map =
        |len, header: &[u8], seals| Arena::map(memory(len, header, seals).as_fd()).map_err(|e| e.kind());

    assert!(map(len, &header, SealFlags::SHRINK).is_ok());
    let refused = |result: Result<Arena, ErrorKind>| assert_eq!(result.unwrap_err(), ErrorKind::InvalidData);
    refused(map(len, &header, SealFlags::GROW));
    refused(map(len - 4096, &header, SealFlags::SHRINK));
    refused(map(len + 1, &header, SealFlags::SHRINK));
    refused(map(16, &header[..16], SealFlags::SHRINK));
    refused(map(0, &[], SealFlags::SHRINK));
    refused(Arena::map(File::open("/dev/null").unwrap()).map_err(|e| e.kind()));
    // Every other magic, number of slots and order.
    for byte in 0..20 {
        let mut wrong = header;
        wrong[byte] ^= 0x81;
        refused(map(len, &wrong, SealFlags::SHRINK));
    }
}

#[test]
fn an_arena_is_given_back_in_steps() {
    let arena = Arena::create(2, 8192, 8192).unwrap();
    let file = arena.fd().unwrap();
    let blocks = || rustix::fs::fstat(file).unwrap().st_blocks;
    let len = rustix::fs::fstat(file).unwrap().st_size.cast_unsigned();
    rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len).unwrap();
    let before = blocks();
    let next = arena.forget_some(0, 8192).unwrap();
    assert_eq!((next, blocks()), (8192, before - 16));
    assert_eq!(arena.forget_some(next, u64::MAX), Some(len));
    assert_eq!((arena.forget_some(len, 8192), blocks()), (None, 0));
}
