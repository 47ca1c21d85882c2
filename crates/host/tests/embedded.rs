//! Embedded mode: sockets over an engine in this process.

mod common;

use common::{address, check_pattern, fill_pattern, pair};
use sockeye_host::{Call, CallError, Net};
use sockeye_stack::{Error, Family, NetworkConfig, Shutdown};
use std::io::{IoSlice, IoSliceMut};
use std::thread;

fn net() -> Net {
    Net::embedded(&NetworkConfig::default(), None).unwrap()
}

#[test]
fn echo() {
    let net = net();
    let (client, server) = pair(&net, false);
    assert_eq!(client.socket.send(Call::default(), &[IoSlice::new(b"hel"), IoSlice::new(b"lo")]), Ok(5));
    let (mut first, mut second) = ([0; 2], [0; 10]);
    let buffers = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(server.socket.recv(Call::default(), buffers), Ok(5));
    assert_eq!((&first, &second[..3]), (b"he", &b"llo"[..]));
    client.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut first)]), Ok(0));
    assert_eq!(
        client.socket.send(Call::default(), &[IoSlice::new(b"x")]),
        Err(CallError::Failed(Error::BrokenPipe))
    );
}

#[test]
fn bulk() {
    const TOTAL: usize = 64 << 20;
    let net = net();
    let (client, server) = pair(&net, false);
    let sender = thread::spawn(move || {
        let mut bytes = vec![0; 1 << 20];
        for start in (0..TOTAL).step_by(bytes.len()) {
            fill_pattern(&mut bytes, start as u64);
            assert_eq!(client.socket.send(Call::default(), &[IoSlice::new(&bytes)]), Ok(bytes.len()));
        }
    });
    let mut received = 0;
    let mut bytes = vec![0; 300_000];
    loop {
        let len = server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]).unwrap();
        if len == 0 {
            break;
        }
        check_pattern(&bytes[..len], received as u64);
        received += len;
    }
    assert_eq!(received, TOTAL);
    sender.join().unwrap();
}

#[test]
fn refused() {
    let net = net();
    let (socket, _) = net.socket(Family::V4, false).unwrap();
    assert_eq!(socket.connect(Call::default(), address(1)), Err(CallError::Failed(Error::ConnectionRefused)));
    assert_eq!(
        socket.recv(Call::default(), &mut [IoSliceMut::new(&mut [0])]),
        Err(CallError::Failed(Error::NotConnected))
    );
}
