//! Where libsockeye.so is.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// The library to preload: `$SOCKEYE_LIBRARY`, or the one that was installed or built with this command.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    let named = std::env::var_os("SOCKEYE_LIBRARY").filter(|path| !path.is_empty());
    if let Some(path) = named.map(PathBuf::from) {
        return path.canonicalize().map_err(|error| {
            Failure::usage(format!("SOCKEYE_LIBRARY={}: {error}; name libsockeye.so", path.display()))
        });
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

/// Looks where `make` builds and installs to, and where cargo builds to.
fn beside(folder: &Path) -> Option<PathBuf> {
    let places = ["../lib/libsockeye.so", "libsockeye.so", "libsockeye_ffi.so"];
    places.iter().find_map(|place| folder.join(place).canonicalize().ok())
}

#[cfg(test)]
mod tests;
