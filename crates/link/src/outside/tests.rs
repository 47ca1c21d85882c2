use super::*;

#[test]
fn packets_pass_in_order_in_both_directions() {
    let outside = Outside::new(1500);
    let mut link = outside.clone();
    assert_eq!(link.mtu(), 1500);
    link.transmit(Instant::from_nanos(5), vec![1]);
    link.transmit(Instant::from_nanos(6), vec![2]);
    assert_eq!(outside.take(), Some((Instant::from_nanos(5), vec![1])));
    assert_eq!(outside.take(), Some((Instant::from_nanos(6), vec![2])));
    assert_eq!(outside.take(), None);
    assert_eq!(link.poll_timeout(), None);
    outside.put(vec![3]);
    assert_eq!(link.poll_timeout(), Some(Instant::ZERO));
    assert_eq!(link.poll_receive(Instant::ZERO), Some(vec![3]));
    assert_eq!(link.poll_receive(Instant::ZERO), None);
}

#[test]
fn queues_are_bounded() {
    let outside = Outside::new(1500);
    let mut link = outside.clone();
    for _ in 0..=QUEUE_MAX {
        link.transmit(Instant::ZERO, Vec::new());
        outside.put(Vec::new());
    }
    assert_eq!(std::iter::from_fn(|| outside.take()).count(), QUEUE_MAX);
    assert_eq!(std::iter::from_fn(|| link.poll_receive(Instant::ZERO)).count(), QUEUE_MAX);
}

#[test]
fn a_full_queue_takes_nothing() {
    let outside = Outside::new(1500);
    let mut link = outside.clone();
    outside.set_full(true);
    assert!(link.is_full());
    link.transmit(Instant::ZERO, vec![1]);
    assert_eq!(outside.take(), None);
    outside.set_full(false);
    assert!(!link.is_full());
    link.transmit(Instant::ZERO, vec![2]);
    assert_eq!(outside.take(), Some((Instant::ZERO, vec![2])));
}
