//! The log of the host processes at a socket.

use crate::SetupError;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{Result, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use tracing_subscriber::EnvFilter;

/// The first line of each log: what does not begin so is another's file.
const FIRST_LINE: &[u8] = b"sockeye log\n";

/// What SOCKEYE_LOG asks for.
///
/// # Errors
/// It is neither a level nor a filter.
pub(super) fn filter(wanted: &str) -> std::result::Result<EnvFilter, SetupError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_known = |word: &str| {
        // Any other word would be a module that says nothing.
        word.contains(['=', '[']) || word.starts_with("sockeye") || LEVELS.contains(&&*word.to_lowercase())
    };
    let filter = EnvFilter::try_new(wanted).ok().filter(|_| wanted.split(',').map(str::trim).all(is_known));
    filter.ok_or_else(|| {
        SetupError(format!(
            "SOCKEYE_LOG={wanted}: no such level; write error, warn, info, debug or trace, or MODULE=LEVEL"
        ))
    })
}

/// The log at that path, to be written on.
///
/// # Errors
/// One line: it cannot be opened, or something else lies there.
pub(super) fn open(path: &Path) -> std::result::Result<File, SetupError> {
    let fault = |why: &dyn std::fmt::Display| {
        let path = path.display();
        SetupError(format!("{path}: {why}; move it away, unset SOCKEYE_LOG, or choose another socket"))
    };
    let is_there = std::fs::symlink_metadata(path).is_ok();
    match try_open(path) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(fault(&"what is there is no log of a host process")),
        Err(_) if is_there => Err(fault(&"what is there is no log of a host process")),
        Err(error) => {
            let path = path.display();
            Err(SetupError(format!(
                "{path}: cannot write the log: {error}; unset SOCKEYE_LOG, or choose another socket"
            )))
        }
    }
}

/// `None` if something else lies there: a link, which may lead to a file of another kind, a pipe, for which one would wait, or a file of the
/// user's own.
fn try_open(path: &Path) -> Result<Option<File>> {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC;
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
    let about = file.metadata()?;
    if !about.is_file() || about.uid() != rustix::process::geteuid().as_raw() {
        return Ok(None);
    }
    if about.len() == 0 {
        file.write_all(FIRST_LINE)?;
        return Ok(Some(file));
    }
    let mut line = [0; FIRST_LINE.len()];
    let len = file.read_at(&mut line, 0)?;
    Ok((&line[..len] == FIRST_LINE).then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_level_is_refused() {
        for wanted in ["debug", "WARN", "sockeye_host=trace", "info,sockeye_stack::network=debug", "off"] {
            assert!(filter(wanted).is_ok(), "{wanted}");
        }
        for wanted in ["dbug", "info,dbug", "=,=", "sockeye_host=dbug"] {
            let why = filter(wanted).unwrap_err().to_string();
            assert!(why.starts_with(&format!("SOCKEYE_LOG={wanted}: no such level")), "{why}");
        }
    }

    #[test]
    fn a_log_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for line in ["one\n", "two\n"] {
            open(&path).unwrap().write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sockeye log\none\ntwo\n");
        std::fs::write(&path, "").unwrap();
        open(&path).unwrap().write_all(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sockeye log\nthree\n");
    }

    #[test]
    fn what_is_no_log_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        open(&path("log")).unwrap();
        std::fs::write(path("file"), "precious").unwrap();
        std::fs::write(path("short"), "sockeye").unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(path("log"), path("link")).unwrap();
        let pipe = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), pipe, Mode::RWXU, 0).unwrap();
        for name in ["file", "short", "folder", "link", "pipe"] {
            let why = open(&path(name)).unwrap_err().to_string();
            assert!(why.contains(&format!("{name}: what is there is no log")), "{why}");
        }
        assert_eq!(std::fs::read_to_string(path("file")).unwrap(), "precious");
        assert_eq!(std::fs::read_to_string(path("log")).unwrap(), "sockeye log\n");
        let why = open(&path("no/such/folder")).unwrap_err().to_string();
        assert!(why.contains("cannot write the log") && why.lines().count() == 1, "{why}");
    }
}
