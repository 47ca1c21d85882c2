//! A way to an engine.

use crate::client::{Client, Unreachable};
use crate::embedded::Embedded;
use crate::proto::{Handle, HostMemory, Reply, Request};
use crate::socket::Holder;
use crate::token::Name;
use crate::transport::Way;
use crate::{Socket, network_file};
use rustix::io::Errno;
use sockeye_stack::{Error, Family, HostId, ListPlace, NetworkConfig, SocketInfo};
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A way to an engine: a host process, or an engine inside this process. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Net {
    engine: Reached,
}

#[derive(Clone, Debug)]
enum Reached {
    Hosted(Arc<Client>),
    Embedded(Arc<Embedded>, HostId),
}

/// Why there is no engine: one line that names the thing and the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub String);

/// Which host process, and which host of its network.
#[derive(Clone, Debug, Default)]
pub struct HostedOptions {
    /// Socket of the host process; `None`: that of `network`, or the user's default one. (`SOCKEYE_SOCKET`)
    pub socket: Option<PathBuf>,
    /// Network file for a host process that must be started; its path also names the default socket. (`SOCKEYE_NETWORK`)
    pub network: Option<PathBuf>,
    /// Host of the network to be on; `None`: the first. (`SOCKEYE_AS`)
    pub host: Option<String>,
}

impl HostedOptions {
    /// As `SOCKEYE_SOCKET`, `SOCKEYE_NETWORK` and `SOCKEYE_AS` say. Empty ones count as not set.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            socket: variable("SOCKEYE_SOCKET").map(PathBuf::from),
            network: variable("SOCKEYE_NETWORK").map(PathBuf::from),
            host: variable("SOCKEYE_AS").and_then(|name| name.into_string().ok()),
        }
    }
}

impl Net {
    /// An engine inside this process, with one background thread for timers and links.
    ///
    /// # Errors
    /// A faulty configuration.
    pub fn embedded(config: &NetworkConfig, host: Option<&str>) -> Result<Self, SetupError> {
        let embedded = Embedded::start(config)?;
        let host = embedded.host(host)?;
        Ok(Self { engine: Reached::Embedded(embedded, host) })
    }

    /// The host process, started if it does not run.
    ///
    /// # Errors
    /// It cannot be started or reached, or it is another user's.
    pub fn hosted(options: &HostedOptions) -> Result<Self, SetupError> {
        let client = Client::new(options)?;
        client.connection()?;
        Ok(Self { engine: Reached::Hosted(Arc::new(client)) })
    }

    /// The host process that runs. None is started, now or later.
    ///
    /// # Errors
    /// It does not run, or it cannot be reached, or it is another user's.
    pub fn connect_existing(options: &HostedOptions) -> Result<Self, SetupError> {
        let client = Client::without_start(options)?;
        client.connection()?;
        Ok(Self { engine: Reached::Hosted(Arc::new(client)) })
    }

    /// As `SOCKEYE_MODE` (`host` by default, or `embedded`), `SOCKEYE_SOCKET`, `SOCKEYE_NETWORK` and `SOCKEYE_AS` say.
    ///
    /// # Errors
    /// As the two above; an unknown mode.
    pub fn from_env() -> Result<Self, SetupError> {
        let options = HostedOptions::from_env();
        let mode = variable("SOCKEYE_MODE").unwrap_or_else(|| "host".into());
        match mode.to_str() {
            Some("host") => Self::hosted(&options),
            Some("embedded") => {
                let config = options.network.as_deref().map(network_file::read).transpose()?;
                Self::embedded(&config.unwrap_or_default(), options.host.as_deref())
            }
            _ => Err(SetupError(format!(
                "SOCKEYE_MODE={}: unknown; write `host` or `embedded`",
                Path::new(&mode).display()
            ))),
        }
    }

    /// Another host of the same network; `None` is the first.
    ///
    /// # Errors
    /// There is no such host; the host process cannot be reached.
    pub fn at(&self, host: Option<&str>) -> Result<Self, SetupError> {
        let engine = match &self.engine {
            Reached::Hosted(client) => {
                let client = client.at(host);
                client.connection()?;
                Reached::Hosted(Arc::new(client))
            }
            Reached::Embedded(embedded, _) => Reached::Embedded(embedded.clone(), embedded.host(host)?),
        };
        Ok(Self { engine })
    }

    /// A new socket, which this process holds alone until it has a token ([`Socket::give_token`]): it is closed when it is dropped, and
    /// when the process ends.
    ///
    /// # Errors
    /// `HostGone`, `NoBufferSpace`.
    pub fn socket(&self, family: Family) -> Result<Socket, Error> {
        let way = self.way()?;
        let handle = told_handle(&way.call(Request::Socket { family })?.reply)?;
        Socket::new(way, handle, Holder::ThisProcess)
    }

    /// The socket behind a token that was inherited or received.
    ///
    /// # Errors
    /// `BadDescriptor` if it is not a token of this host process.
    pub fn adopt(&self, token: BorrowedFd<'_>) -> Result<Socket, Error> {
        let name = Name::of(token).ok_or(Error::BadDescriptor)?;
        let way = self.way()?;
        if name.instance != way.instance() {
            return Err(Error::BadDescriptor);
        }
        let handle = told_handle(&way.call(Request::Adopt { token: name.id })?.reply)?;
        Socket::new(way, handle, Holder::Token)
    }

    /// Whether a descriptor is a token of any Sockeye host process (by its peer's abstract name).
    #[must_use]
    pub fn is_token(descriptor: BorrowedFd<'_>) -> bool {
        Name::of(descriptor).is_some()
    }

    /// What `sysctl` prints for a setting of the host named in the options; `None` if there is no such setting.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn sysctl(&self, name: &str) -> Result<Option<String>, Error> {
        match self.way()?.call(Request::Sysctl { name: name.to_owned() })?.reply {
            Reply::Sysctl(text) => Ok(text),
            _ => Err(Error::HostGone),
        }
    }

    /// Changes a setting of the host named in the options, for what is opened from now on.
    ///
    /// # Errors
    /// `HostGone`; the inner one says in words why the setting stays as it is.
    pub fn set_sysctl(&self, name: &str, text: &str) -> Result<Result<(), String>, Error> {
        let request = Request::SetSysctl { name: name.to_owned(), text: text.to_owned() };
        match self.way()?.call(request)?.reply {
            Reply::SysctlSet(set) => Ok(set),
            _ => Err(Error::HostGone),
        }
    }

    /// netstat's lines: of the host named in the options, or of all. They are read in pages, which are not of one moment: a connection that has
    /// been there all the time is listed once.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn sockets(&self, all_hosts: bool) -> Result<Vec<(String, SocketInfo)>, Error> {
        let way = self.way()?;
        let mut all = Vec::new();
        let mut from = Some(ListPlace::default());
        while let Some(place) = from {
            let Reply::Sockets { lines, next } = way.call(Request::Sockets { all_hosts, from: place })?.reply
            else {
                return Err(Error::HostGone);
            };
            all.extend(lines);
            from = next.filter(|next| *next > place);
        }
        Ok(without_earlier(all))
    }

    /// What the host named in the options, or each host of its network, holds and has counted.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn memory(&self, all_hosts: bool) -> Result<Vec<HostMemory>, Error> {
        let way = self.way()?;
        let mut all = Vec::new();
        loop {
            let offset = u32::try_from(all.len()).unwrap_or(u32::MAX);
            match way.call(Request::Memory { all_hosts, offset })?.reply {
                Reply::Memory { hosts, more } => {
                    let is_last = !more || hosts.is_empty();
                    all.extend(hosts);
                    if is_last {
                        return Ok(all);
                    }
                }
                _ => return Err(Error::HostGone),
            }
        }
    }

    /// Whether the engine is inside this process. Such a way does not outlive `fork()` in the child; one to a host process also outlives that: the
    /// next socket is made by the next host process.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        matches!(self.engine, Reached::Embedded(..))
    }

    /// To be called before fork(): no other thread is amid a request then. Follow it up with
    /// [`after_fork_in_parent`](Self::after_fork_in_parent) and [`after_fork_in_child`](Self::after_fork_in_child).
    pub fn before_fork(&self) {
        if let Reached::Hosted(client) = &self.engine {
            client.before_fork();
        }
    }

    /// After `HostGone`: why the host process cannot be used although it may live, in words. `None` if it is gone.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        match &self.engine {
            Reached::Hosted(client) => client.refusal(),
            Reached::Embedded(..) => None,
        }
    }

    /// To be called in the parent after fork().
    pub fn after_fork_in_parent(&self) {
        if let Reached::Hosted(client) = &self.engine {
            client.after_fork_in_parent();
        }
    }

    /// To be called in a child after fork(), before anything else: opens a control connection of its own on next use.
    pub fn after_fork_in_child(&self) {
        match &self.engine {
            Reached::Hosted(client) => client.after_fork_in_child(),
            Reached::Embedded(embedded, _) => embedded.after_fork_in_child(),
        }
    }

    fn way(&self) -> Result<Way, Error> {
        match &self.engine {
            Reached::Hosted(client) => client.connection().map(Way::Hosted).map_err(|why| match why {
                Unreachable::Short(Errno::NOMEM) => Error::NoBufferSpace,
                Unreachable::Short(_) => Error::TooManyFiles,
                Unreachable::Because(why) => {
                    tracing::warn!(%why);
                    Error::HostGone
                }
            }),
            Reached::Embedded(embedded, host) => Ok(Way::Embedded(embedded.clone(), *host)),
        }
    }
}

/// Lines without those of connections that have come to another state while they were listed, and are listed once more.
fn without_earlier(lines: Vec<(String, SocketInfo)>) -> Vec<(String, SocketInfo)> {
    let connection = |line: &SocketInfo| (line.host.0, line.local, line.foreign);
    let last: HashMap<_, usize> =
        lines.iter().enumerate().map(|(at, (_, line))| (connection(line), at)).collect();
    let is_last = |at: usize, line: &SocketInfo| line.foreign.port() == 0 || last[&connection(line)] == at;
    lines.into_iter().enumerate().filter(|(at, (_, line))| is_last(*at, line)).map(|(_, line)| line).collect()
}

fn told_handle(reply: &Reply) -> Result<Handle, Error> {
    match reply {
        Reply::Socket(handle) => Ok(*handle),
        _ => Err(Error::HostGone),
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
