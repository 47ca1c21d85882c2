use proptest::prelude::*;

use super::Text;

fn bytes(text: &Text<'_>) -> Vec<u8> {
    let mut out = vec![0; text.len() + 1];
    let len = text.copy_to(&mut out);
    out.truncate(len);
    out
}

#[test]
fn no_text_has_no_bytes() {
    let text = Text::empty();
    assert!(text.is_empty() && Text::default().is_empty());
    assert_eq!(text.copy_to(&mut [1]), 0);
    assert!(text.slice(usize::MAX, usize::MAX).is_empty());
}

proptest! {
    #[test]
    fn a_slice_is_what_a_slice_of_both_runs_would_be(
        all in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<prop::sample::Index>(),
        offset in prop_oneof![0..50_usize, Just(usize::MAX)],
        len in prop_oneof![0..50_usize, Just(usize::MAX)],
        room in 0..50_usize,
    ) {
        let (first, second) = all.split_at(cut.index(all.len() + 1));
        let text = Text::pair(first, second);
        prop_assert_eq!(bytes(&text), &all[..]);
        let start = offset.min(all.len());
        let end = start + len.min(all.len() - start);
        let slice = text.slice(offset, len);
        prop_assert_eq!(bytes(&slice), &all[start..end]);
        let mut out = vec![0; room];
        let copied = slice.copy_to(&mut out);
        prop_assert_eq!(copied, room.min(end - start));
        prop_assert_eq!(&out[..copied], &all[start..start + copied]);
    }
}
