use super::*;

#[test]
fn numbers_of_lines_that_begin_with_a_word() {
    let text = "Node 0, zone   Normal\n  pages free     12\n        high     19065\n        high:    7\n  high     32\nhigh";
    assert_eq!(field(text, "high").collect::<Vec<_>>(), [19_065, 32]);
    assert_eq!(field("MemTotal:       24684100 kB\n", "MemTotal:").next(), Some(24_684_100));
    assert_eq!(field("", "high").next(), None);
}

/// 6.25 per cent of the memory, but for what is kept free.
#[test]
fn the_bounds_are_those_of_this_machine() {
    let config = with_memory(&NetworkConfig::default());
    let bounds = config.hosts[0].settings.memory.expect("there is a /proc");
    let memory = field(&fs::read_to_string("/proc/meminfo").unwrap(), "MemTotal:").next().unwrap() / 4;
    assert!((memory / 20..=memory / 16).contains(&bounds.pressure), "{bounds:?} of {memory}");
    assert!(bounds.low < bounds.pressure && bounds.pressure < bounds.most);
}

#[test]
fn what_a_file_says_stays() {
    let mut config = NetworkConfig::default();
    let own = MemoryBounds { low: 1, pressure: 2, most: 3 };
    config.hosts[0].settings.memory = Some(own);
    assert_eq!(with_memory(&config).hosts[0].settings.memory, Some(own));
}
