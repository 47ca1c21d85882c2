//! Where libsockeye.so is.

use crate::failure::Failure;
use crate::preload::has_library;
use std::fs;
use std::path::{Path, PathBuf};

/// The library to preload: `$SOCKEYE_LIBRARY`, or the one that was installed or built with this command.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    let named = std::env::var_os("SOCKEYE_LIBRARY").filter(|path| !path.is_empty());
    if let Some(path) = named.map(PathBuf::from) {
        return named_library(&path)
            .map_err(|why| Failure::usage(format!("SOCKEYE_LIBRARY={}: {why}", path.display())));
    }
    let command = std::env::current_exe().map_err(|error| {
        Failure::usage(format!("cannot tell where this command is: {error}; set SOCKEYE_LIBRARY"))
    })?;
    let folder = command.parent().unwrap_or(Path::new("/"));
    beside(folder).ok_or_else(|| {
        let text = format!(
            "no libsockeye.so beside {}; build it (make lib), or set SOCKEYE_LIBRARY",
            command.display()
        );
        Failure::usage(text)
    })
}

/// The dynamic linker ignores what it cannot preload, and the program would run over the kernel's TCP.
fn named_library(path: &Path) -> Result<PathBuf, String> {
    match fs::read(path) {
        Ok(file) if has_library(&file) => path.canonicalize().map_err(|error| error.to_string()),
        Ok(_) => Err("this is not libsockeye.so".into()),
        Err(error) => Err(format!("{error}; name libsockeye.so")),
    }
}

/// Looks where `make` builds and installs to, and where cargo builds to.
fn beside(folder: &Path) -> Option<PathBuf> {
    let places = ["../lib/libsockeye.so", "libsockeye.so", "libsockeye_ffi.so"];
    places.iter().find_map(|place| folder.join(place).canonicalize().ok())
}

#[cfg(test)]
mod tests;
