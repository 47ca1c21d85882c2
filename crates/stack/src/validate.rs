//! Which configurations make no sense, and how to mend them.

use crate::route::is_unicast;
use crate::{HostConfig, NetworkConfig};
use hashbrown::HashMap;
use sockeye_link::MIN_MTU;
use std::net::IpAddr;

impl NetworkConfig {
    /// Checks that names and addresses are unique and that links join hosts that there are.
    ///
    /// # Errors
    /// The first fault: one line that names the thing and the mend.
    pub fn validate(&self) -> Result<(), String> {
        if self.hosts.is_empty() {
            return Err("the network has no host; give it one at least".to_owned());
        }
        let mut owners: HashMap<IpAddr, &str> = HashMap::new();
        for (index, host) in self.hosts.iter().enumerate() {
            if self.hosts[..index].iter().any(|other| other.name == host.name) {
                return Err(format!("two hosts are named {:?}; rename one of them", host.name));
            }
            host.validate()?;
            for address in &host.addresses {
                if let Some(other) = owners.insert(address.to_canonical(), &host.name) {
                    return Err(format!(
                        "{address} is given to host {other:?} and to host {:?}; give one of them another address",
                        host.name
                    ));
                }
            }
        }
        self.validate_links()
    }

    fn validate_links(&self) -> Result<(), String> {
        for link in &self.links {
            let (a, b) = (&link.between.0, &link.between.1);
            for name in [a, b] {
                if !self.hosts.iter().any(|host| host.name == *name) {
                    return Err(format!(
                        "a link is between {a:?} and {b:?}, but there is no host {name:?}; add the host or correct the name"
                    ));
                }
            }
            if a == b {
                return Err(format!("a link joins host {a:?} to itself; loopback needs no link, remove it"));
            }
            link.config.validate().map_err(|error| format!("the link between {a:?} and {b:?}: {error}"))?;
        }
        Ok(())
    }
}

impl HostConfig {
    fn validate(&self) -> Result<(), String> {
        let name = &self.name;
        if let Some(address) = self.addresses.iter().find(|ip| !is_unicast(ip.to_canonical())) {
            return Err(format!("host {name:?}: {address} is not the address of one host; give another"));
        }
        if let Some(address) = self.addresses.iter().find(|ip| ip.to_canonical().is_loopback()) {
            return Err(format!(
                "host {name:?}: every host owns {address} as it is; remove it from its addresses"
            ));
        }
        let (first, last) = self.settings.ports;
        if first == 0 || first > last {
            return Err(format!(
                "host {name:?}: ports {first} to {last} is no range; write the first, 1 or more, and then the last"
            ));
        }
        let mtu = self.settings.loopback_mtu;
        if !(MIN_MTU..=65_536).contains(&mtu) {
            return Err(format!(
                "host {name:?}: loopback_mtu = {mtu}; write a number from {MIN_MTU} to 65536"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
