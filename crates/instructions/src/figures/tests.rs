use super::*;

fn counts(of: &[(&str, u64)]) -> Counts {
    of.iter().map(|&(work, count)| (work.to_owned(), count)).collect()
}

fn verdict(stored: u64, measured: u64) -> Verdict {
    compare(&counts(&[("work", stored)]), &counts(&[("work", measured)]))[0].verdict
}

#[test]
fn within_the_tolerance_counts_are_alike() {
    for measured in [9_800, 9_999, 10_000, 10_001, 10_200] {
        assert_eq!(verdict(10_000, measured), Verdict::Alike, "{measured}");
    }
}

#[test]
fn a_count_above_the_tolerance_has_risen() {
    assert_eq!(verdict(10_000, 10_201), Verdict::Risen);
    assert_eq!(verdict(10_000, u64::from(u32::MAX)), Verdict::Risen);
}

#[test]
fn a_count_below_the_tolerance_has_fallen() {
    assert_eq!(verdict(10_000, 9_799), Verdict::Fallen);
    assert_eq!(verdict(10_000, 0), Verdict::Fallen);
}

#[test]
fn a_stored_figure_of_nothing_is_no_figure_that_anything_is_like() {
    assert_eq!(verdict(0, 1), Verdict::Risen);
}

#[test]
fn a_work_without_a_stored_figure_is_new() {
    let rows = compare(&counts(&[]), &counts(&[("work", 1)]));
    assert_eq!(rows, [Row { work: "work".into(), stored: None, measured: Some(1), verdict: Verdict::New }]);
}

#[test]
fn a_stored_figure_that_is_not_measured_is_gone() {
    let rows = compare(&counts(&[("a", 5), ("b", 1)]), &counts(&[("b", 1)]));
    assert_eq!(rows[0], Row { work: "a".into(), stored: Some(5), measured: None, verdict: Verdict::Gone });
    assert_eq!(rows[1].verdict, Verdict::Alike);
}

#[test]
fn the_difference_is_a_part_of_the_stored_figure() {
    let rows = compare(&counts(&[("work", 200)]), &counts(&[("work", 150)]));
    assert_eq!(rows[0].difference(), Some(-25.0));
}

#[test]
fn what_is_written_is_read_again() {
    let figures = Figures { rustc: "1.95.0".into(), counts: counts(&[("a", 1), ("b", 2)]) };
    let text = toml::to_string(&figures).expect("it can be written");
    assert_eq!(toml::from_str::<Figures>(&text).as_ref(), Ok(&figures));
}

/// Each work has a figure, and each figure a work.
#[test]
fn stored_figures_are_those_of_the_works() {
    let stored: Figures = toml::from_str(include_str!("../../figures.toml")).expect("the stored figures");
    let mut works: Vec<_> = crate::works::Work::ALL.map(crate::works::Work::name).to_vec();
    works.sort_unstable();
    assert!(stored.counts.keys().eq(works), "run SOCKEYE_BLESS=1 make instructions");
}
