//! Settings that scripts change with commands: the stand-ins append them to a file, which is read before every call.

use sockeye_link::Outside;
use sockeye_stack::{HostId, Network};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Names the file.
pub(crate) const VARIABLE: &str = "SOCKEYE_PACKETDRILL_SETTINGS";

/// The file of settings, and how much of it was read.
#[derive(Debug, Default)]
pub(crate) struct SettingsFile {
    path: Option<PathBuf>,
    read: u64,
    is_verbose: bool,
}

impl SettingsFile {
    pub(crate) fn new(path: Option<PathBuf>, is_verbose: bool) -> Self {
        Self { path, read: 0, is_verbose }
    }

    /// Applies what was added.
    pub(crate) fn apply(&mut self, network: &mut Network, host: HostId, outside: &Outside) {
        for line in self.added().lines() {
            self.apply_line(network, host, outside, line);
        }
    }

    fn added(&mut self) -> String {
        let mut text = String::new();
        let Some(path) = &self.path else { return text };
        let Ok(mut file) = File::open(path) else { return text };
        let is_read = file
            .metadata()
            .is_ok_and(|data| data.len() > self.read)
            .then(|| file.seek(SeekFrom::Start(self.read)).and_then(|_| file.read_to_string(&mut text)));
        if let Some(Ok(count)) = is_read {
            self.read += count as u64;
        }
        text
    }

    fn apply_line(&self, network: &mut Network, host: HostId, outside: &Outside, line: &str) {
        let outcome = match line.split_once(' ') {
            // What forgot all cookies before there were metrics of paths.
            Some(("sysctl", "net.ipv4.tcp_fastopen_cookies=0")) => {
                network.flush_metrics(host);
                Ok(())
            }
            Some(("sysctl", rest)) => match rest.split_once('=') {
                Some((name, text)) => network.set_sysctl(host, name, text).map_err(|error| error.to_string()),
                None => Err("NAME=VALUE is missing".to_owned()),
            },
            Some(("ip", rest)) if rest.starts_with("tcp_metrics flush") => {
                network.flush_metrics(host);
                Ok(())
            }
            Some(("ip", rest)) if rest.contains("route change") => change_route(outside, rest),
            // There is no queue that would pace or drop, and no offload.
            Some(("tc" | "ethtool", _)) => Ok(()),
            _ => Err("it is not known here".to_owned()),
        };
        if let Err(why) = outcome
            && self.is_verbose
        {
            tell(&format!("sockeye: {line}: {why}"));
        }
    }
}

/// `ip route change ... mtu lock N ...`.
fn change_route(outside: &Outside, text: &str) -> Result<(), String> {
    let mut words = text.split_whitespace().skip_while(|&word| word != "mtu").skip(1);
    let mtu = words.find(|&word| word != "lock").and_then(|word| word.parse().ok());
    outside.set_mtu(mtu.ok_or("mtu N is missing")?);
    Ok(())
}

#[allow(clippy::print_stderr)]
fn tell(line: &str) {
    eprintln!("{line}");
}
