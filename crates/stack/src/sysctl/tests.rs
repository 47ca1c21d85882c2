use super::{ROWS, SysctlError, sysctl_names};
use crate::Settings;
use std::time::Duration;

#[test]
fn every_setting_takes_back_what_it_shows() {
    for row in ROWS {
        let mut settings = Settings::default();
        let shown = (row.read)(&settings);
        match (row.write)(&mut settings, &shown) {
            Ok(()) | Err(SysctlError::ReadOnly) => {}
            Err(error) => panic!("{}: {error}", row.name),
        }
        if row.name == "net.ipv4.tcp_fastopen_key" {
            // A secret key is shown as zeros, but zeros can be set.
            settings.fast_open_keys = None;
        }
        if row.name == "net.ipv4.tcp_mem" {
            // What was set is not changed by the memory of a machine.
            settings.memory = None;
        }
        assert_eq!(settings, Settings::default(), "{}", row.name);
    }
}

#[test]
fn every_setting_refuses_words_and_keeps_its_value() {
    for row in ROWS {
        for wrong in ["", "no", "-1", "1 2 3 4", "99999999999999999999999"] {
            let mut settings = Settings::default();
            assert!((row.write)(&mut settings, wrong).is_err(), "{} = {wrong}", row.name);
            assert_eq!(settings, Settings::default(), "{} = {wrong}", row.name);
        }
    }
}

#[test]
fn no_name_stands_twice() {
    let names = sysctl_names();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
}

#[test]
fn a_name_may_be_spelled_as_sysctl_or_as_a_path_or_in_short() {
    let mut settings = Settings::default();
    for (spelled, seconds) in [
        ("net.ipv4.tcp_fin_timeout", 7),
        ("net/ipv4/tcp_fin_timeout", 8),
        ("/proc/sys/net/ipv4/tcp_fin_timeout", 9),
        ("tcp_fin_timeout", 10),
    ] {
        settings.set_sysctl(spelled, &format!("{seconds}\n")).expect("it is a setting");
        assert_eq!(settings.fin_timeout, Duration::from_secs(seconds), "{spelled}");
        assert_eq!(settings.sysctl(spelled), Some(seconds.to_string()), "{spelled}");
    }
    assert_eq!(settings.set_sysctl("net.ipv4.tcp_fin", "1"), Err(SysctlError::UnknownName));
    assert_eq!(settings.sysctl("net.core.tcp_fin_timeout"), None);
}

#[test]
fn lists_are_shown_with_tabs_and_read_with_blanks() {
    let mut settings = Settings::default();
    settings.set_sysctl("net.ipv4.tcp_wmem", "4096 0x40000  4194304").expect("three numbers");
    assert_eq!(settings.sysctl("net.ipv4.tcp_wmem").as_deref(), Some("4096\t262144\t4194304"));
    assert_eq!((settings.send_buffer, settings.send_buffer_bounds), (262_144, (4096, 4_194_304)));
    settings.set_sysctl("ip_local_port_range", "40000\t40009").expect("two ports");
    assert_eq!(settings.ports, (40_000, 40_009));
    assert!(settings.set_sysctl("ip_local_port_range", "40009 40000").is_err());
}

#[test]
fn numbers_out_of_bounds_name_the_bounds() {
    let mut settings = Settings::default();
    assert_eq!(
        settings.set_sysctl("tcp_syn_retries", "128"),
        Err(SysctlError::OutOfBounds { least: 1, most: 127 })
    );
    assert_eq!(settings.set_sysctl("tcp_sack", "2"), Err(SysctlError::OutOfBounds { least: 0, most: 1 }));
}

/// docs/sysctl.md has a row for each setting, with its default, and no other.
#[test]
fn every_setting_is_documented() {
    let text = include_str!("../../../../docs/sysctl.md");
    let documented: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `net.")?.split_once("` | "))
        .filter_map(|(name, rest)| Some((name, rest.split_once(" | ")?.0)))
        .collect();
    let settings = Settings::default();
    let there: Vec<(String, String)> = sysctl_names()
        .iter()
        .map(|name| (name.to_string(), settings.sysctl(name).unwrap_or_default().replace('\t', " ")))
        .collect();
    let there: Vec<(&str, &str)> =
        there.iter().map(|(name, value)| (name.trim_start_matches("net."), value.as_str())).collect();
    assert_eq!(documented, there, "the table of docs/sysctl.md is sorted by name: | `NAME` | DEFAULT | … |");
}
