use super::*;

#[test]
fn room_behind_the_last_entry_goes_if_it_is_too_much() {
    let mut slab: Slab<[u64; 16]> = (0..1000).map(|number| (number, [0; 16])).collect();
    shrink_slab(&mut slab);
    assert!(slab.capacity() >= 1000, "it is used");
    for number in 10..1000 {
        slab.remove(number);
    }
    assert!(has_spare(&slab));
    shrink_slab(&mut slab);
    assert!(slab.capacity() < 20, "{}", slab.capacity());
    assert!(!has_spare(&slab));
    assert!(slab.contains(9) && !slab.contains(10));
    assert_eq!(slab.insert([0; 16]), 10);
}

#[test]
fn little_room_stays() {
    let mut queue: VecDeque<u64> = (0..1000).collect();
    queue.clear();
    shrink_queue(&mut queue);
    assert!(queue.capacity() >= 1000, "8 KB are worth no work");
}
