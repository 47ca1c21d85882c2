//! A setting that is accepted and does nothing would be a lie: each has a test that names it and shows what it does.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of all tests of the workspace, but for this one and those of the table itself.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && name != "sysctl" {
            sources(&entry, found);
        } else if name == "fast_open.rs" || (name.starts_with("settings_") && name != "settings_table.rs") {
            found.push(entry);
        }
    }
}

#[test]
fn every_setting_has_a_test() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut found);
    let text: String = found.iter().map(|path| fs::read_to_string(path).expect("a source")).collect();
    let is_named = |name: &&str| {
        let short = name.rsplit('.').next().unwrap_or(name);
        !text.contains(&format!("{short}\"")) && !text.contains(&format!("{short} "))
    };
    let missing: Vec<&str> = sockeye_stack::sysctl_names().into_iter().filter(is_named).collect();
    assert!(missing.is_empty(), "no test shows what they do: {missing:?}");
}
