use super::*;
use crate::memory::Look;
use crate::quota::Quota;

const POOL: PoolId = PoolId(1);

fn table() -> Table {
    Table::new(Memory::shared(Quota::NONE, 4096, 4096), 1)
}

fn add(table: &mut Table) -> Handle {
    table.add(POOL, HostId(0), Family::V4).unwrap().handle(NO_WATCH)
}

#[test]
fn a_slot_is_freed_when_neither_stack_nor_program_uses_it() {
    let mut table = table();
    let tag = add(&mut table).tag;
    table.entry_mut(tag).unwrap().held = Held::By(ClientId(1));
    table.open_rings(tag).unwrap();
    table.release_if_unused(tag);
    table.entry_mut(tag).unwrap().held = Held::Nobody;
    table.release_if_unused(tag);
    assert!(table.entry(tag).is_some(), "the stack has bytes to deliver");
    table.entry_mut(tag).unwrap().lingering.push(ClientId(1));
    table.close_rings(tag, Passed::default());
    assert!(
        table.entry(tag).is_some_and(|entry| entry.condition() & Condition::CLOSED != 0),
        "somebody waits"
    );
    table.entry_mut(tag).unwrap().lingering.clear();
    table.release_if_unused(tag);
    assert!(table.is_empty());
}

#[test]
fn an_old_tag_does_not_name_the_slot_s_next_socket() {
    let mut table = table();
    let first = add(&mut table);
    let slot = table.entry(first.tag).unwrap().slot.clone();
    let word = slot.header().engine.condition.load(Ordering::Relaxed);
    assert_eq!(word & condition::OWNER, condition::owner_of(first.tag));
    table.release_if_unused(first.tag);
    let second = add(&mut table);
    assert_eq!((first.arena, first.index), (second.arena, second.index));
    assert!(table.entry(first.tag).is_none());
    assert_eq!(table.entry(second.tag).map(|entry| entry.tag), Some(second.tag));
    let word = slot.header().engine.condition.load(Ordering::Relaxed);
    assert_ne!(word & condition::OWNER, condition::owner_of(first.tag));
}

#[test]
fn generations_never_look_like_a_fresh_slot() {
    let mut generations = Generations::new(7);
    let all: Vec<u32> = (0..0x1_0001).map(|_| generations.next()).collect();
    let count = |at: usize| all[at] as u16;
    assert_eq!((count(0), count(1)), (1, 2));
    assert_eq!((count(0xfffe), count(0xffff), count(0x1_0000)), (0xffff, 1, 2));
    let random: std::collections::BTreeSet<u32> = all.iter().map(|generation| generation >> 16).collect();
    assert!(random.len() > 10_000, "{}", random.len());
}

#[test]
fn more_sockets_than_an_arena_has_slots() {
    let mut table = table();
    let handles: Vec<_> = (0..6000).map(|_| add(&mut table)).collect();
    let arenas: std::collections::BTreeSet<_> = handles.iter().map(|handle| handle.arena).collect();
    assert_eq!(arenas.len(), 7, "of 4, 16, 64, 256, 1024, 4096 and 4096 slots");
    let places: std::collections::BTreeSet<_> =
        handles.iter().map(|handle| (handle.arena, handle.index)).collect();
    assert_eq!(places.len(), 6000);
    table.memory.client_gone(POOL);
    for handle in &handles {
        assert!(table.memory.arena_descriptor(handle.arena).is_ok());
        table.release_if_unused(handle.tag);
    }
    assert!(table.memory.arena_descriptor(handles[0].arena).is_err(), "its arenas go with its last socket");
}

#[test]
fn doorbells_are_told_by_tag() {
    let mut table = table();
    let (first, second) = (add(&mut table), add(&mut table));
    let file = table.memory.arena_descriptor(second.arena).unwrap();
    let seen_by_client = sockeye_buffer::Arena::map(&file).unwrap();
    assert!(!table.memory.is_rung());
    seen_by_client.ring(second.index);
    seen_by_client.ring(3);
    assert!(table.memory.is_rung());
    let mut tags = Vec::new();
    table.memory.take_rung(sockeye_clock::Instant::from_nanos(1), Look::AtAll, &mut tags);
    assert_eq!(tags, [second.tag], "nobody has slot 3");
    assert_ne!(first.tag, second.tag);
}

#[test]
fn so_many_free_slots_keep_memory_and_the_others_give_it_back() {
    let mut table = table();
    let handles: Vec<_> = (0..1364).map(|_| add(&mut table)).collect();
    let arenas: std::collections::BTreeSet<_> = handles.iter().map(|handle| handle.arena).collect();
    let files: Vec<_> =
        arenas.into_iter().map(|arena| table.memory.arena_descriptor(arena).unwrap()).collect();
    let blocks = || files.iter().map(|file| rustix::fs::fstat(file).unwrap().st_blocks / 8).sum::<i64>();
    let untouched = blocks();
    for handle in &handles {
        let slot = table.open_rings(handle.tag).unwrap().slot.clone();
        let (mut sendq, _recvq) = slot.open(4096, 4096);
        assert_eq!(slot.writer().write(&[1; 4096]), 4096);
        sendq.refresh();
        sendq.release(4096);
        // What a program writes there is not believed.
        slot.header().engine.send_head.store(0, Ordering::Relaxed);
    }
    assert_eq!(blocks() - untouched, 1364);
    let passed = Passed { sent: 4096, ..Passed::default() };
    handles.iter().for_each(|handle| table.close_rings(handle.tag, passed));
    assert_eq!(blocks() - untouched, 256);
    // A socket that had such a slot before and touched nothing itself still has it.
    let again: Vec<_> = (0..1364).map(|_| add(&mut table)).collect();
    again.iter().for_each(|handle| table.release_if_unused(handle.tag));
    assert_eq!(blocks() - untouched, 256);
}

#[test]
fn exact_sizes_and_requests_bound_the_rings() {
    let defaults = Settings::default();
    let exact =
        Settings { exact_send_buffer: Some(21_720), exact_recv_buffer: Some(16_384), ..defaults.clone() };
    assert_eq!(largest_rings([&exact].into_iter()), (21_720, 16_384));
    let (send, recv) = largest_rings([&exact, &defaults].into_iter());
    assert_eq!((send, recv), (2 * defaults.wmem_max, 2 * defaults.rmem_max));
}

#[test]
fn a_watch_is_given_once_to_each_process_and_used_again() {
    let mut table = Table::new(Memory::heap(1 << 16, 1 << 16), 1);
    let (one, other) = (ClientId(1), ClientId(2));
    let list = || Arc::new(ReadyList::on_heap().unwrap());
    let shared = list();
    table.add_list(one, shared.clone());
    table.add_list(other, list());
    let first = add(&mut table);
    let second = add(&mut table);
    assert_eq!(table.watch(first.tag, one), 0);
    assert_eq!(table.watch(first.tag, one), 0, "the same again");
    assert_eq!(table.watch(second.tag, one), 1);
    assert_eq!(table.watch(first.tag, other), 0);
    assert_eq!(table.watch(first.tag, ClientId(3)), NO_WATCH, "it has no list");
    shared.join(0, 5);
    table.entry(first.tag).unwrap().post(sockeye_buffer::Mark::RX);
    assert!(shared.has_marks(5));
    table.let_go(first.tag);
    assert_eq!(shared.groups_of(0), 0, "who comes next is not told to those who waited for this one");
    assert_eq!(table.watch(second.tag, other), 0, "used again");
    table.drop_list(one);
    assert_eq!(table.watch(second.tag, one), NO_WATCH);
    assert_eq!(table.entry(second.tag).unwrap().watchers.len(), 1);
}
