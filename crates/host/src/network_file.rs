//! Network files: hosts, their addresses and settings, and the links between them, in TOML.
//!
//! ```toml
//! [[host]]
//! name = "server"
//! addresses = ["192.168.0.195"]
//! exact_recv_buffer = 16384
//! time_wait = "3s"
//!
//! [[host]]
//! name = "client"
//! addresses = ["192.168.0.192"]
//!
//! [[link]]
//! between = ["server", "client"]
//! mtu = 1500
//! rate = "10mbit"
//! delay = "20ms"
//! loss = "1%"
//! ```
//!
//! Any setting can be given by the name that Linux has for it (docs/sysctl.md):
//!
//! ```toml
//! [[host]]
//! name = "server"
//! sysctl = { "net.ipv4.tcp_sack" = 0, "net.ipv4.tcp_wmem" = "4096 16384 4194304" }
//! ```
//!
//! What a file leaves out has the value of [`NetworkConfig::default`] and [`LinkConfig::default`].

mod pairs;
mod units;

use crate::SetupError;
use pairs::{Ends, Ports};
use serde::Deserialize;
use sockeye_link::{ConfigError, LinkConfig};
use sockeye_stack::{HostConfig, LinkBetween, NetworkConfig, Settings, SysctlError};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use units::{Length, Probability, Rate, Size};

/// The longest name of a host, bytes: as Linux's HOST_NAME_MAX.
pub(crate) const LONGEST_NAME: usize = 64;

/// Reads a network file.
///
/// # Errors
/// One line that names the file, the line in it, the thing, and the mend.
pub fn read(path: &Path) -> Result<NetworkConfig, SetupError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        SetupError(match error.kind() {
            ErrorKind::IsADirectory => format!("{path}: is a folder; name a network file in it"),
            ErrorKind::InvalidData => {
                format!("{path}: is not text in UTF-8; name a network file, which is TOML")
            }
            ErrorKind::NotFound => {
                format!("{path}: cannot read the network file: {error}; name a file that exists")
            }
            _ => format!("{path}: cannot read the network file: {error}"),
        })
    })?;
    parse(&text, &path.display().to_string())
}

/// Reads the text of a network file; `name` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, name: &str) -> Result<NetworkConfig, SetupError> {
    let source = Source { text, name };
    let file: File = toml::from_str(text)
        .map_err(|error| source.fault(error.span().unwrap_or(0..0), &plain(error.message())))?;
    let mut config = NetworkConfig { hosts: Vec::new(), links: Vec::new() };
    if file.host.is_empty() {
        return Err(source.fault(0..0, "no host; a network needs at least one [[host]] with a name"));
    }
    for host in file.host {
        let host = checked_host(&source, &config, host)?;
        config.hosts.push(host);
    }
    for link in file.link {
        let link = checked_link(&source, &config, link)?;
        config.links.push(link);
    }
    Ok(config)
}

/// The parser's words in those of a network file, in one line.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("\n", "; "),
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("expected a sequence", "expected a list: values in [ ], or a table under [[ ]]"),
        ("expected u8", "expected a whole number from 1 to 255"),
        ("expected u32", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected usize", "expected a whole number, 0 or more"),
    ];
    WORDS.iter().fold(message.to_owned(), |message, (theirs, ours)| message.replace(theirs, ours))
}

/// The text, for errors that name a line.
struct Source<'a> {
    text: &'a str,
    name: &'a str,
}

impl Source<'_> {
    fn fault(&self, span: Range<usize>, message: &str) -> SetupError {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        SetupError(format!("{}:{line}: {message}", self.name))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    host: Vec<HostEntry>,
    #[serde(default)]
    link: Vec<LinkEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostEntry {
    name: Spanned<String>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    send_buffer: Option<Size>,
    recv_buffer: Option<Size>,
    buffer_max: Option<Size>,
    exact_send_buffer: Option<Spanned<Size>>,
    exact_recv_buffer: Option<Spanned<Size>>,
    #[serde(default)]
    packet_accounting: bool,
    time_wait: Option<Length>,
    fin_timeout: Option<Length>,
    ports: Option<Spanned<Ports>>,
    backlog_max: Option<u32>,
    loopback_mtu: Option<Spanned<Size>>,
    hop_limit: Option<Spanned<u8>>,
    #[serde(default)]
    sysctl: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkEntry {
    between: Spanned<Ends>,
    mtu: Option<Spanned<Size>>,
    rate: Option<Rate>,
    delay: Option<Spanned<Length>>,
    jitter: Option<Spanned<Length>>,
    loss: Option<Probability>,
    reorder: Option<Probability>,
    duplicate: Option<Probability>,
    corrupt: Option<Probability>,
    inner_mtu: Option<Spanned<Size>>,
    black_hole: Option<bool>,
    queue: Option<Spanned<usize>>,
    mark: Option<usize>,
    seed: Option<u64>,
    capture: Option<Spanned<String>>,
}

fn checked_host(
    source: &Source<'_>,
    network: &NetworkConfig,
    entry: HostEntry,
) -> Result<HostConfig, SetupError> {
    let name = entry.name.as_ref().clone();
    if name.is_empty() {
        return Err(source.fault(entry.name.span(), "the name of a host is empty; give it one"));
    }
    if name.len() > LONGEST_NAME || name.contains(char::is_control) {
        let message = format!("the name of a host is not one line of up to {LONGEST_NAME} bytes; shorten it");
        return Err(source.fault(entry.name.span(), &message));
    }
    if network.hosts.iter().any(|host| host.name == name) {
        let message = format!("host \"{name}\" stands here a second time; rename one of the two");
        return Err(source.fault(entry.name.span(), &message));
    }
    let mut addresses = Vec::new();
    for text in &entry.addresses {
        let address = checked_address(network, &addresses, text.as_ref(), &name)
            .map_err(|message| source.fault(text.span(), &message))?;
        addresses.push(address);
    }
    let settings = checked_settings(source, entry)?;
    Ok(HostConfig { name, addresses, settings })
}

fn checked_address(
    network: &NetworkConfig,
    own: &[IpAddr],
    text: &str,
    name: &str,
) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| {
        format!(
            "\"{text}\" is not an IP address; write one like \"192.168.0.1\" or \"fd00::1\", without a mask"
        )
    })?;
    if address.is_loopback() {
        return Err(format!("{address}: every host owns the loopback addresses already; leave it out"));
    }
    if address.is_unspecified() || address.is_multicast() {
        return Err(format!("{address} cannot be the address of one host; write a unicast address"));
    }
    let owner =
        network.hosts.iter().find(|host| host.addresses.contains(&address)).map(|host| host.name.as_str());
    let owner = owner.or(own.contains(&address).then_some(name));
    match owner {
        Some(owner) => Err(format!("{address} is an address of \"{owner}\" already; give each address once")),
        None => Ok(address),
    }
}

fn checked_settings(source: &Source<'_>, entry: HostEntry) -> Result<Settings, SetupError> {
    let mut settings = Settings::default();
    // First, so that a key of its own counts more.
    for (name, value) in &entry.sysctl {
        set_sysctl(source, &mut settings, name, value)?;
    }
    for exact in [&entry.exact_send_buffer, &entry.exact_recv_buffer].into_iter().flatten() {
        if exact.as_ref().0 == 0 {
            return Err(source.fault(exact.span(), "a buffer of 0 bytes carries nothing; write 1 or more"));
        }
    }
    if let Some(mtu) = &entry.loopback_mtu {
        let config = LinkConfig { mtu: mtu.as_ref().0, ..LinkConfig::default() };
        config.validate().map_err(|error| source.fault(mtu.span(), &error.to_string()))?;
        settings.loopback_mtu = config.mtu;
    }
    if let Some(ports) = &entry.ports {
        let Ports(first, last) = *ports.as_ref();
        if first == 0 || first > last {
            let message =
                format!("ports = [{first}, {last}]: write the first and the last port, as in [32768, 60999]");
            return Err(source.fault(ports.span(), &message));
        }
        settings.ports = (first, last);
    }
    if let Some(limit) = &entry.hop_limit {
        settings.hop_limit = *limit.as_ref();
        if settings.hop_limit == 0 {
            return Err(
                source.fault(limit.span(), "hop_limit = 0: no packet would arrive; write 1 to 255, as 64")
            );
        }
    }
    settings.exact_send_buffer = entry.exact_send_buffer.map(|size| size.into_inner().0);
    settings.exact_recv_buffer = entry.exact_recv_buffer.map(|size| size.into_inner().0);
    settings.packet_accounting = entry.packet_accounting;
    settings.send_buffer = entry.send_buffer.map_or(settings.send_buffer, |size| size.0);
    settings.recv_buffer = entry.recv_buffer.map_or(settings.recv_buffer, |size| size.0);
    settings.wmem_max = entry.buffer_max.as_ref().map_or(settings.wmem_max, |size| size.0);
    settings.rmem_max = entry.buffer_max.map_or(settings.rmem_max, |size| size.0);
    settings.time_wait = entry.time_wait.map_or(settings.time_wait, |length| length.0);
    settings.fin_timeout = entry.fin_timeout.map_or(settings.fin_timeout, |length| length.0);
    settings.backlog_max = entry.backlog_max.unwrap_or(settings.backlog_max);
    Ok(settings)
}

/// A setting by Linux's name: a number, a boolean, or text.
fn set_sysctl(
    source: &Source<'_>,
    settings: &mut Settings,
    name: &Spanned<String>,
    value: &Spanned<toml::Value>,
) -> Result<(), SetupError> {
    let text = match value.as_ref() {
        toml::Value::String(text) => text.clone(),
        toml::Value::Boolean(on) => u8::from(*on).to_string(),
        other => other.to_string(),
    };
    let name_text = name.as_ref();
    settings.set_sysctl(name_text, &text).map_err(|error| match error {
        SysctlError::UnknownName => source.fault(name.span(), &format!("{name_text}: {error}")),
        error => source.fault(value.span(), &format!("{name_text} = {text}: {error}")),
    })
}

fn checked_link(
    source: &Source<'_>,
    network: &NetworkConfig,
    entry: LinkEntry,
) -> Result<LinkBetween, SetupError> {
    let Ends(one, other) = entry.between.as_ref();
    for end in [one, other] {
        if !network.hosts.iter().any(|host| host.name == *end.as_ref()) {
            let message =
                format!("no host is named \"{}\"; the hosts are {}", end.as_ref(), host_names(network));
            return Err(source.fault(end.span(), &message));
        }
    }
    let between = (one.as_ref().clone(), other.as_ref().clone());
    if between.0 == between.1 {
        let message =
            format!("a link from \"{}\" to itself; a host has its loopback, name two hosts", between.0);
        return Err(source.fault(entry.between.span(), &message));
    }
    let reverse = (between.1.clone(), between.0.clone());
    if network.links.iter().any(|link| link.between == between || link.between == reverse) {
        let message = format!("a second link between \"{}\" and \"{}\"; keep one", between.0, between.1);
        return Err(source.fault(entry.between.span(), &message));
    }
    if let Some(capture) = &entry.capture {
        let message = "capture: captures are not written yet; remove the line";
        return Err(source.fault(capture.span(), message));
    }
    Ok(LinkBetween { between, config: checked_link_config(source, &entry)? })
}

fn checked_link_config(source: &Source<'_>, entry: &LinkEntry) -> Result<LinkConfig, SetupError> {
    let perfect = LinkConfig::default();
    let probability = |given: &Option<Probability>| given.as_ref().map_or(0.0, |value| value.0);
    let config = LinkConfig {
        mtu: entry.mtu.as_ref().map_or(perfect.mtu, |mtu| mtu.as_ref().0),
        rate: entry.rate.as_ref().map_or(perfect.rate, |rate| rate.0),
        delay: entry.delay.as_ref().map_or(perfect.delay, |delay| delay.as_ref().0),
        jitter: entry.jitter.as_ref().map_or(perfect.jitter, |jitter| jitter.as_ref().0),
        loss: probability(&entry.loss),
        reorder: probability(&entry.reorder),
        duplicate: probability(&entry.duplicate),
        corrupt: probability(&entry.corrupt),
        inner_mtu: entry.inner_mtu.as_ref().map(|mtu| mtu.as_ref().0),
        black_hole: entry.black_hole.unwrap_or(perfect.black_hole),
        queue: entry.queue.as_ref().map_or(perfect.queue, |queue| *queue.as_ref()),
        mark: entry.mark.unwrap_or(perfect.mark),
        seed: entry.seed.unwrap_or(perfect.seed),
    };
    config.validate().map_err(|error| {
        let span = match &error {
            ConfigError::Mtu(_) => entry.mtu.as_ref().map(Spanned::span),
            ConfigError::InnerMtu(_) => entry.inner_mtu.as_ref().map(Spanned::span),
            ConfigError::Delay { field: "jitter", .. } => entry.jitter.as_ref().map(Spanned::span),
            ConfigError::Delay { .. } => entry.delay.as_ref().map(Spanned::span),
            ConfigError::Queue => entry.queue.as_ref().map(Spanned::span),
            ConfigError::Probability { .. } => None,
        };
        source.fault(span.unwrap_or_else(|| entry.between.span()), &error.to_string())
    })?;
    Ok(config)
}

fn host_names(network: &NetworkConfig) -> String {
    network.hosts.iter().map(|host| format!("\"{}\"", host.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
