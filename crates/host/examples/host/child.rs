//! Parts that tests have played by processes of their own.

use sockeye_host::{Call, HostedOptions, Net};
use sockeye_stack::Family;
use std::error::Error;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Write};
use std::net::SocketAddr;

/// Plays a part: `sender ADDRESS JOURNAL`, `waiter ADDRESS`, `survivor`.
pub(super) fn play(part: &str, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let net = Net::hosted(&HostedOptions::from_env())?;
    match (part, arguments) {
        ("sender", [address, journal]) => sender(&net, address.parse()?, journal),
        ("survivor", []) => survivor(&net),
        ("waiter", [address]) => waiter(&net, address.parse()?),
        _ => Err(format!("{part} is no part, or it needs other arguments").into()),
    }
}

/// Sends without end, and writes down after each send how many bytes were taken in all.
fn sender(net: &Net, address: SocketAddr, journal: &str) -> Result<(), Box<dyn Error>> {
    let socket = net.socket(Family::V4)?;
    let mut journal = File::create(journal)?;
    socket.connect(Call::default(), address).map_err(|error| format!("connect: {error:?}"))?;
    let mut sent = 0u64;
    loop {
        let bytes: Vec<u8> = (sent..sent + 1000).map(|position| (position % 251) as u8).collect();
        let taken = socket
            .send(Call::default(), &[IoSlice::new(&bytes)])
            .map_err(|error| format!("send: {error:?}"))?;
        sent += taken as u64;
        journal.write_all(&sent.to_le_bytes())?;
    }
}

/// Connects to itself, says so, waits until the host is killed, and finds a new one.
fn survivor(net: &Net) -> Result<(), Box<dyn Error>> {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = net.socket(Family::V4)?;
    listener.bind(local)?;
    listener.listen(1)?;
    let socket = net.socket(Family::V4)?;
    socket
        .connect(Call::default(), listener.local_address()?)
        .map_err(|error| format!("connect: {error:?}"))?;
    println!("connected");
    println!("{:?}", socket.recv(Call::default(), &mut [IoSliceMut::new(&mut [0; 10])]));
    let socket = net.socket(Family::V4)?;
    socket.bind(local)?;
    println!("again");
    Ok(())
}

/// Connects, says so, and waits for a byte that does not come.
fn waiter(net: &Net, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let socket = net.socket(Family::V4)?;
    socket.connect(Call::default(), address).map_err(|error| format!("connect: {error:?}"))?;
    println!("connected");
    let outcome = socket.recv(Call::default(), &mut [IoSliceMut::new(&mut [0; 10])]);
    println!("{outcome:?}");
    Ok(())
}
