//! Settings by the names that Linux gives them, as `sysctl` reads and writes them.

mod rows;
mod value;

use crate::{HostId, Network, Settings};
use rows::ROWS;
use thiserror::Error;

/// Why a setting cannot be read or set by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SysctlError {
    /// There is no such host.
    #[error("there is no such host")]
    NoSuchHost,
    /// Linux has no setting of that name, or it means nothing here (docs/sysctl.md says which and why).
    #[error("there is no such setting; docs/sysctl.md and `sockeye sysctl -a` name those that there are")]
    UnknownName,
    /// It can only be read.
    #[error("it can only be read")]
    ReadOnly,
    /// The text is not what the setting consists of.
    #[error("write {expected}")]
    Malformed {
        /// What to write, as "a whole number".
        expected: &'static str,
    },
    /// A number is out of bounds.
    #[error("write a number from {least} to {most}")]
    OutOfBounds {
        /// The least that it can be.
        least: u64,
        /// The most.
        most: u64,
    },
}

/// One setting: its name and how it is read and written.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// With dots, as `sysctl -a` prints it.
    pub(crate) name: &'static str,
    /// What `sysctl` prints: numbers are separated by tabs.
    pub(crate) read: fn(&Settings) -> String,
    /// Leaves the settings as they were if the text is wrong.
    pub(crate) write: fn(&mut Settings, &str) -> Result<(), SysctlError>,
}

/// The names of all settings, in the order of the alphabet.
#[must_use]
pub fn sysctl_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names
}

/// The full name, with dots, of the setting that `name` means; `None` if there is no such setting. See [`Settings::set_sysctl`] for names.
#[must_use]
pub fn sysctl_name(name: &str) -> Option<&'static str> {
    find(name).map(|row| row.name)
}

impl Settings {
    /// Sets what Linux calls `name`. The name may have dots or slashes and begin with `/proc/sys/`; of `net.ipv4.` and
    /// `net.core.` the beginning can be left out. The text is what `sysctl` takes: numbers (decimal, or `0x` and
    /// hexadecimal), those of a list separated by blanks.
    ///
    /// # Errors
    /// [`SysctlError`]; then nothing has changed.
    pub fn set_sysctl(&mut self, name: &str, text: &str) -> Result<(), SysctlError> {
        let row = find(name).ok_or(SysctlError::UnknownName)?;
        (row.write)(self, text.trim())
    }

    /// What `sysctl` prints for `name`; `None` if there is no such setting. See [`set_sysctl`](Self::set_sysctl) for names.
    #[must_use]
    pub fn sysctl(&self, name: &str) -> Option<String> {
        find(name).map(|row| (row.read)(self))
    }
}

impl Network {
    /// Sets what Linux calls `name` on a host. It holds for what is opened from now on; `tcp_mem` holds for all at once.
    ///
    /// # Errors
    /// As [`Settings::set_sysctl`]; `NoSuchHost`.
    pub fn set_sysctl(&mut self, host: HostId, name: &str, text: &str) -> Result<(), SysctlError> {
        let host = self.hosts.get_mut(host.0 as usize).ok_or(SysctlError::NoSuchHost)?;
        host.settings.set_sysctl(name, text)?;
        host.ports.set_range(host.settings.ports);
        self.is_in_round |= host.memory.set_bounds(host.settings.memory_bounds());
        Ok(())
    }

    /// What `sysctl` prints for `name` on a host; `None` if there is no such setting or host.
    #[must_use]
    pub fn sysctl(&self, host: HostId, name: &str) -> Option<String> {
        self.hosts.get(host.0 as usize)?.settings.sysctl(name)
    }
}

fn find(name: &str) -> Option<&'static Row> {
    let name = name.trim().replace('/', ".");
    let name = name.trim_start_matches('.');
    let name = name.strip_prefix("proc.sys.").unwrap_or(name);
    ROWS.iter().find(|row| {
        let short = row.name.strip_prefix("net.ipv4.").or_else(|| row.name.strip_prefix("net.core."));
        row.name == name || short == Some(name)
    })
}

#[cfg(test)]
mod tests;
