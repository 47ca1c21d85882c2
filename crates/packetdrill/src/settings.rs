//! Settings that scripts change with commands: the stand-ins append them to a file, which is read before every call.

use sockeye_link::Outside;
use sockeye_stack::{HostId, Network, RouteMetrics};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::IpAddr;
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
            if let Some(is_full) = is_queue_full(line) {
                outside.set_full(is_full);
            }
            self.apply_line(network, host, line);
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

    fn apply_line(&self, network: &mut Network, host: HostId, line: &str) {
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
            Some(("ip", rest)) => apply_route(network, host, rest),
            // The host paces itself, and has no offload.
            Some(("tc", rest)) if rest.ends_with("root fq") => {
                network.set_sysctl(host, "net.core.default_qdisc", "fq").map_err(|error| error.to_string())
            }
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

/// `route change ADDRESS ... advmss 600 mtu lock 640 initcwnd 11`, perhaps after `-6`. Other commands mean nothing here.
fn apply_route(network: &mut Network, host: HostId, rest: &str) -> Result<(), String> {
    let mut words = rest.split_ascii_whitespace().skip_while(|word| word.starts_with('-'));
    if words.next() != Some("route") || !matches!(words.next(), Some("change" | "replace" | "add")) {
        return Ok(());
    }
    let address = words.next().ok_or("an address is missing")?;
    let destination: IpAddr = address.parse().map_err(|_| format!("{address} is no address"))?;
    let mut metrics = RouteMetrics::default();
    while let Some(word) = words.next() {
        match word {
            "mtu" => {
                let mut value = words.next();
                metrics.is_mtu_locked = value == Some("lock");
                if metrics.is_mtu_locked {
                    value = words.next();
                }
                metrics.mtu = Some(number(value)?);
            }
            "advmss" => metrics.advertised_mss = Some(number(words.next())?),
            "initcwnd" => metrics.initial_window = Some(number(words.next())?),
            // via GATEWAY, dev NAME
            _ => {
                words.next();
            }
        }
    }
    network.set_route_metrics(host, destination, metrics);
    Ok(())
}

/// `tc qdisc add dev tun0 root pfifo limit 0`: a queue that takes nothing; any other takes all.
fn is_queue_full(line: &str) -> Option<bool> {
    line.starts_with("tc qdisc ").then(|| line.ends_with(" limit 0"))
}

fn number<T: std::str::FromStr>(word: Option<&str>) -> Result<T, String> {
    let word = word.ok_or("a number is missing")?;
    word.parse().map_err(|_| format!("{word} is no number"))
}

#[allow(clippy::print_stderr)]
fn tell(line: &str) {
    eprintln!("{line}");
}
