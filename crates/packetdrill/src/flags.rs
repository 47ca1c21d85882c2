//! What `--so_flags` says: `mtu=1500,address=192.168.0.1,verbose`.

use std::net::IpAddr;

/// How the host is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Of the link to the outside, bytes.
    pub(crate) mtu: usize,
    /// The host's addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether settings that are not known are told on stderr.
    pub(crate) is_verbose: bool,
}

impl Flags {
    /// Reads the flags; what makes no sense is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut flags = Self { mtu: 1500, addresses: Vec::new(), is_verbose: false };
        for word in text.split(',').map(str::trim) {
            match word.split_once('=') {
                Some(("mtu", value)) => flags.mtu = value.parse().unwrap_or(flags.mtu),
                Some(("address", value)) => flags.add(value),
                _ if word == "verbose" => flags.is_verbose = true,
                _ => {}
            }
        }
        if flags.addresses.is_empty() {
            flags.addresses =
                ["192.168.0.1", "fd3d:a0b:17d6::1"].iter().filter_map(|text| text.parse().ok()).collect();
        }
        flags
    }

    /// A script may say what the command line says.
    fn add(&mut self, text: &str) {
        if let Ok(address) = text.parse()
            && !self.addresses.contains(&address)
        {
            self.addresses.push(address);
        }
    }
}
