//! From arguments to the options of the host crate.

use crate::args::Way;
use crate::failure::Failure;
use crate::waiting::ask;
use sockeye_host::{HostedOptions, Net, network_file};
use sockeye_stack::NetworkConfig;
use std::path::{Path, PathBuf};

impl Way {
    /// Checks the network file and the host in it, so that what is wrong with them is reported once and at once. The paths of the
    /// outcome are absolute: they name the same for a program that changes its folder.
    pub(crate) fn checked(&self) -> Result<HostedOptions, Failure> {
        let environment = HostedOptions::from_env();
        let network = self.network.clone().or(environment.network);
        let host = self.host.clone().or(environment.host);
        let socket = self.socket.clone().or(environment.socket);
        // It fails without a folder to be in; then a relative path means nothing to anybody.
        let socket = socket.map(|path| std::path::absolute(&path).unwrap_or(path));
        let network = network.as_deref().map(checked_network).transpose()?;
        if let Some((path, names)) = &network
            && let Some(host) = &host
            && !names.contains(host)
        {
            let names = names.join(", ");
            return Err(Failure::usage(format!(
                "--as {host}: no such host in {}; its hosts are {names}",
                path.display()
            )));
        }
        if let (None, None, Some(host)) = (&network, &socket, &host) {
            check_default(host)?;
        }
        Ok(HostedOptions { socket, network: network.map(|(path, _)| path), host })
    }
}

/// The host process that runs.
///
/// # Errors
/// Status 1 if none runs, and 2 if its network has no such host.
pub(crate) fn reach(options: &HostedOptions) -> Result<Net, Failure> {
    let first = HostedOptions { host: None, ..options.clone() };
    let net = ask(|| Net::connect_existing(&first)).map_err(|error| Failure::failed(error.to_string()))?;
    match &options.host {
        None => Ok(net),
        Some(host) => Ok(ask(|| net.at(Some(host)))?),
    }
}

/// The user's own host process has the network that there is without a file.
fn check_default(host: &str) -> Result<(), Failure> {
    let hosts = NetworkConfig::default().hosts;
    if hosts.iter().any(|known| known.name == host) {
        return Ok(());
    }
    let names = hosts.into_iter().map(|host| host.name).collect::<Vec<_>>().join(", ");
    Err(Failure::usage(format!(
        "--as {host}: no such host; without a network file (--network) there is only {names}"
    )))
}

/// The file's absolute path, which names the same network from every folder, and the names of its hosts.
fn checked_network(path: &Path) -> Result<(PathBuf, Vec<String>), Failure> {
    let config = network_file::read(path)?;
    let path = path.canonicalize().map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok((path, config.hosts.into_iter().map(|host| host.name).collect()))
}
