//! What commands of scripts ask the host for: `nstat`, and `grep` in /proc/net/tcp. The stand-ins read it from files.

use sockeye_stack::{HostId, Network};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// The files, beside that of the settings.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    path: Option<PathBuf>,
    /// Counters as they were told last.
    told: u64,
    table: String,
}

impl Reports {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, ..Self::default() }
    }

    /// Brings the files up to date.
    pub(crate) fn update(&mut self, network: &mut Network, host: HostId) {
        let Some(path) = &self.path else { return };
        let beside = |name: &str| {
            let mut path = path.clone().into_os_string();
            path.push(name);
            path
        };
        // What cannot be written is missed by the script that asks for it.
        let counters = network.counters(host).unwrap_or_default();
        if counters.out_of_window_icmps != self.told {
            self.told = counters.out_of_window_icmps;
            let line = format!("TcpExtOutOfWindowIcmps          {}                  0.0\n", self.told);
            let _ = fs::write(beside(".nstat"), line);
        }
        let mut table = String::new();
        for (index, socket) in network.sockets(Some(host)).iter().enumerate() {
            if socket.state == "LISTEN" {
                let port = socket.local.port();
                let _ = writeln!(table, "{index:4}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000");
            }
        }
        if table != self.table {
            let _ = fs::write(beside(".tcp"), &table);
            self.table = table;
        }
    }
}
