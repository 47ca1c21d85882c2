//! Long streams arrive whole, in order, and unchanged. With `SOCKEYE_HEAVY=1` they are long (`make heavy`, optimized).
#![allow(missing_docs)]

#[path = "transfer/stream.rs"]
mod stream;

use sockeye::{Net, network_file};
use std::path::Path;
use stream::{bad_link, length, pair, transfer};

#[test]
fn through_loopback() {
    let net = Net::loopback().unwrap();
    let (client, server) = pair(&net, &net, "127.0.0.1:0");
    transfer(client, server, length(16 << 20, 1 << 30));
}

/// 5% loss, 2% reordering, 1% duplication, 1% corruption.
#[test]
fn through_a_bad_link() {
    let (network, length) = bad_link();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(network);
    let server = Net::with_config(&network_file::read(&file).unwrap(), Some("server")).unwrap();
    let client = server.on_host("client").unwrap();
    let (client, server) = pair(&client, &server, "10.0.0.1:0");
    transfer(client, server, length);
}

#[test]
fn between_hosts_over_ipv6() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../networks/lossy.toml");
    let mut config = network_file::read(&file).unwrap();
    config.links[0].config = Default::default();
    let server = Net::with_config(&config, Some("server")).unwrap();
    let client = server.on_host("client").unwrap();
    let (client, server) = pair(&client, &server, "[fd00::1]:0");
    transfer(client, server, length(4 << 20, 64 << 20));
}
