use proptest::prelude::*;
use std::collections::BTreeSet;

use super::{Assembler, MAX_RANGES};

#[test]
fn one_range_too_many_is_refused_unless_it_joins_another() {
    let mut assembler = Assembler::default();
    for index in 1..=MAX_RANGES as u64 {
        let range = index * 10..index * 10 + 5;
        assert!(assembler.accepts(&range));
        assembler.add(range);
    }
    assert_eq!(assembler.ranges().len(), MAX_RANGES);
    assert!(
        !assembler.accepts(&(6..9))
            && !assembler.accepts(&(17..19))
            && !assembler.accepts(&(100_000..100_001))
    );
    for joins in [15..16, 9..10, 9..11, 12..13, 0..1000, 14..21] {
        assert!(assembler.accepts(&joins), "{joins:?}");
    }
    assembler.add(15..20);
    assert_eq!(assembler.ranges().len(), MAX_RANGES - 1);
    assert!(assembler.accepts(&(100_000..100_001)));
}

proptest! {
    /// Ranges, gaps and tail are what a set of positions says.
    #[test]
    fn ranges_are_those_of_a_set(
        added in prop::collection::vec((1..200_u64, 1..30_u64), 0..40),
        tail in 0..230_u64,
    ) {
        let mut assembler = Assembler::default();
        let mut held = BTreeSet::new();
        for (start, len) in added {
            let range = start..start + len;
            prop_assume!(assembler.accepts(&range));
            let gaps: Vec<u64> = assembler.gaps(range.clone()).flatten().collect();
            let missing: Vec<u64> = range.clone().filter(|position| !held.contains(position)).collect();
            prop_assert_eq!(gaps, missing);
            assembler.add(range.clone());
            held.extend(range);
            let all: Vec<u64> = assembler.ranges().iter().cloned().flatten().collect();
            prop_assert_eq!(all, held.iter().copied().collect::<Vec<_>>());
            prop_assert!(assembler.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(assembler.end(), held.last().map(|last| last + 1));
        }
        let mut expected = tail;
        while let Some(&position) = held.first().filter(|&&position| position <= expected) {
            held.remove(&position);
            expected = expected.max(position + 1);
        }
        prop_assert_eq!(assembler.advance(tail), expected);
        prop_assert_eq!(assembler.is_empty(), held.is_empty());
        let all: Vec<u64> = assembler.ranges().iter().cloned().flatten().collect();
        prop_assert_eq!(all, held.into_iter().collect::<Vec<_>>());
    }
}
