//! `include/sockeye.h` is what cbindgen makes of the exported functions.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn generate() -> String {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_directory.join("cbindgen.toml"))
        .expect("cbindgen.toml is well formed");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for module in [
        "lifecycle",
        "names",
        "io",
        "message",
        "sendfile",
        "splice",
        "options",
        "cancel",
        "descriptors",
        "ready",
        "epoll",
        "select",
        "stdio",
    ] {
        builder = builder.with_src(crate_directory.join(format!("src/{module}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("cbindgen understands the sources").write(&mut text);
    // C has no section on safety.
    let text = String::from_utf8(text).expect("UTF-8");
    drop_safety_sections(&text)
}

/// Leaves out `# Safety` and what follows it in each comment.
fn drop_safety_sections(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut in_safety = false;
    for line in text.lines() {
        if line.trim() == "* # Safety" {
            in_safety = true;
            while lines.last().is_some_and(|last| last.trim() == "*") {
                lines.pop();
            }
        }
        in_safety &= line.trim() != "*/";
        if !in_safety {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn header_is_up_to_date() {
    let path = root().join("include/sockeye.h");
    let generated = generate();
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(checked_in, generated, "run SOCKEYE_BLESS=1 cargo test -p sockeye-ffi --test header");
}

#[test]
fn header_compiles_as_c() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = directory.path().join("header.c");
    std::fs::write(&source, "#include <sockeye.h>\nint main(void) { return sockeye_socket == 0; }\n")
        .expect("written");
    let status = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-address", "-c", "-o", "/dev/null", "-I"])
        .arg(root().join("include"))
        .arg(&source)
        .status()
        .expect("cc runs");
    assert!(status.success(), "the header does not compile");
}
