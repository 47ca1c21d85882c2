//! `sockeye netstat`: sockets, in netstat's own columns.

mod memory;

use crate::args::Netstat;
use crate::failure::Failure;
use crate::pause::pause;
use crate::waiting::ask;
use crate::way::reach;
use sockeye_stack::SocketInfo;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Prints once, or again and again.
pub(crate) fn netstat(netstat: &Netstat) -> Result<(), Failure> {
    let options = netstat.way.checked()?;
    let net = reach(&options)?;
    let choice = Choice::new(netstat);
    let all_hosts = options.host.is_none();
    loop {
        let text = if netstat.memory {
            ask(|| net.memory(all_hosts)).map(|hosts| memory::report(&hosts))
        } else {
            ask(|| net.sockets(all_hosts)).map(|sockets| report(choice, &sockets))
        };
        io::stdout().write_all(text.map_err(|error| Failure::failed(error.to_string()))?.as_bytes())?;
        let Some(seconds) = netstat.continuous else { return Ok(()) };
        io::stdout().flush()?;
        pause(Duration::from_secs(seconds.into()));
    }
}

/// Which sockets are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Connections,
    All,
    Listeners,
}

impl Choice {
    fn new(netstat: &Netstat) -> Self {
        // As netstat: -l wins unless -a is there.
        match (netstat.all, netstat.listening) {
            (true, _) => Self::All,
            (false, true) => Self::Listeners,
            (false, false) => Self::Connections,
        }
    }

    fn shows(self, socket: &SocketInfo) -> bool {
        let listens = socket.state == "LISTEN";
        match self {
            Self::Connections => !listens,
            Self::All => true,
            Self::Listeners => listens,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Connections => "(w/o servers)",
            Self::All => "(servers and established)",
            Self::Listeners => "(only servers)",
        }
    }
}

/// One table; or, when several hosts have sockets, one for each, under its name.
fn report(choice: Choice, sockets: &[(String, SocketInfo)]) -> String {
    let mut hosts: BTreeMap<u32, (&str, Vec<&SocketInfo>)> = BTreeMap::new();
    for (host, socket) in sockets {
        let (_, rows) = hosts.entry(socket.host.0).or_insert((host, Vec::new()));
        if choice.shows(socket) {
            rows.push(socket);
        }
    }
    if hosts.len() <= 1 {
        return table(choice, &hosts.into_values().next().map_or(Vec::new(), |(_, rows)| rows));
    }
    hosts
        .into_values()
        .fold(String::new(), |text, (name, rows)| text + "Host " + name + "\n" + &table(choice, &rows))
}

fn table(choice: Choice, sockets: &[&SocketInfo]) -> String {
    let mut text = format!(
        "Active Internet connections {}\nProto Recv-Q Send-Q Local Address           Foreign Address         State      \n",
        choice.title()
    );
    for socket in sockets {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", Row(socket));
    }
    text
}

/// A socket as a line of netstat.
pub(crate) struct Row<'a>(pub(crate) &'a SocketInfo);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SocketInfo { local, foreign, state, recv_queue, send_queue, .. } = self.0;
        let protocol = if local.is_ipv4() { "tcp" } else { "tcp6" };
        let (local, foreign) = (address(*local), address(*foreign));
        write!(f, "{protocol:<4}  {recv_queue:>6} {send_queue:>6} {local:<23} {foreign:<23} {state:<11}")
    }
}

/// netstat puts no brackets around an IPv6 address, and shows IPv4 addresses of IPv6 sockets as such.
fn address(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        ip @ IpAddr::V4(_) => ip,
    };
    match address.port() {
        0 => format!("{ip}:*"),
        port => format!("{ip}:{port}"),
    }
}

#[cfg(test)]
mod tests;
