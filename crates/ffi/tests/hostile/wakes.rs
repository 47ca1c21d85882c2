//! Attacks on what wakes others: doorbells, bells, tokens, and the control socket itself.

use crate::common::pause;
use crate::field::{Field, TURN, twice_while_it_lasts, while_it_lasts};
use crate::random::Random;
use crate::wire::{Client, dial, kind, request, request_to, send, send_with};
use crate::words::put;
use rustix::event::EventfdFlags;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use sockeye_clock::monotonic;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

/// Groups of a ready list, and the bytes of one.
const GROUPS: u64 = 64;
const GROUP: u64 = 64 + 32 * 8 + 2048 * 8;

/// Fills the doorbell, empties it, makes it block, and rings it without end.
pub fn doorbells(field: &Field, seed: u64) -> Result<(), String> {
    let client = Client::greet(field.socket()).map_err(|error| error.to_string())?;
    // Whoever writes to it from now on waits, if it is full.
    let flags = if seed.is_multiple_of(2) { OFlags::empty() } else { OFlags::NONBLOCK };
    rustix::fs::fcntl_setfl(&client.doorbell, flags).map_err(|error| error.to_string())?;
    let end = monotonic() + TURN;
    let mut bytes = [0; 8];
    while monotonic() < end {
        for _ in 0..1000 {
            // Each takes what it has rung: neither waits.
            let _ = rustix::io::write(&client.doorbell, &1u64.to_ne_bytes());
            if !seed.is_multiple_of(3) {
                let _ = rustix::io::read(&client.doorbell, &mut bytes);
            }
        }
    }
    let _ = rustix::io::write(&client.doorbell, &1u64.to_ne_bytes());
    let _ = rustix::io::read(&client.doorbell, &mut bytes);
    let _ = rustix::io::write(&client.doorbell, &(u64::MAX - 1).to_ne_bytes());
    pause(Duration::from_millis(50));
    Ok(())
}

/// Has all bells, fills them, makes them block, and says that all groups sleep while things happen to its sockets.
pub fn bells(field: &Field, seed: u64) -> Result<(), String> {
    while_it_lasts(|| {
        let (client, peer) = (Client::greet(field.socket())?, Client::greet(field.socket())?);
        let (listener, port) = client.listener()?;
        let mut bells = Vec::new();
        for group in 0..GROUPS {
            bells.extend(client.ask(&request(kind::BELL, &[group]))?.1);
        }
        for bell in &bells {
            misuse(bell, seed);
        }
        for watch in 0..64 {
            put(&client.list, GROUPS * GROUP + watch * 8, &u64::MAX.to_ne_bytes());
        }
        for _ in 0..20 {
            for group in 0..GROUPS {
                put(&client.list, group * GROUP, &1u32.to_ne_bytes());
            }
            let other = peer.socket()?;
            peer.ask(&request_to(kind::CONNECT, other.tag, port))?;
            client.ask(&request(kind::ACCEPT, &[listener.tag]))?;
            if seed.is_multiple_of(2) {
                for bell in &bells {
                    let _ = rustix::io::read(bell, &mut [0; 4096]);
                }
            }
        }
        Ok(())
    })
}

/// Fills a pipe from its reader's side, and has its reads wait.
fn misuse(bell: &OwnedFd, seed: u64) {
    let path = format!("/proc/self/fd/{}", bell.as_raw_fd());
    if let Ok(writer) = rustix::fs::open(path, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()) {
        while rustix::io::write(&writer, &[0; 4096]).is_ok() {}
    }
    if seed % 2 == 1 {
        let _ = rustix::fs::fcntl_setfl(bell, OFlags::empty());
    }
}

/// Has tokens, gives them to sockets, fills them both ways, shuts them, copies them, and sends them to itself.
pub fn tokens(field: &Field, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    while_it_lasts(|| {
        let client = Client::greet(field.socket())?;
        let (one, other) = rustix::net::socketpair(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::DGRAM,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        for _ in 0..40 {
            let (answer, descriptors) = client.ask(&request(kind::TOKEN, &[]))?;
            let (&[_, number], Some(token)) = (&answer[..], descriptors.into_iter().next()) else {
                return Err(Errno::NOBUFS);
            };
            if random.below(3) > 0 {
                let (socket, _) = client.listener()?;
                client.ask(&request(kind::GIVE, &[socket.tag, number]))?;
                client.ask(&request(kind::ARM, &[socket.tag]))?;
            }
            use_token(&token, &mut random);
            // In flight it is nobody's, and then gone with the socket that it is in.
            let _ = send_with(&one, &[0], token.as_fd());
            if random.below(2) == 0 {
                let _ = send_with(&one, &[0], other.as_fd());
            }
        }
        Ok(())
    })
}

fn use_token(token: &OwnedFd, random: &mut Random) {
    let bytes = [0; 4096];
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    match random.below(5) {
        0 => while rustix::net::send(token, &bytes, flags).is_ok() {},
        1 => drop(rustix::net::send(token, &bytes[..1], flags | SendFlags::OOB)),
        2 => drop(rustix::net::shutdown(
            token,
            random.one_of(&[Shutdown::Read, Shutdown::Write, Shutdown::Both]),
        )),
        3 => drop(rustix::fs::fcntl_setfl(token, OFlags::empty())),
        _ => drop(rustix::net::recv(token, &mut [0; 64][..], RecvFlags::DONTWAIT)),
    }
}

/// Sends descriptors of all kinds to who wants none.
pub fn rights(field: &Field, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    let (reader, _writer) = rustix::pipe::pipe().map_err(|error| error.to_string())?;
    let event = rustix::event::eventfd(0, EventfdFlags::CLOEXEC).map_err(|error| error.to_string())?;
    while_it_lasts(|| {
        let (client, stranger) = (Client::greet(field.socket())?, dial(field.socket())?);
        let (_, tokens) = client.ask(&request(kind::TOKEN, &[]))?;
        let token = tokens.first().ok_or(Errno::NOBUFS)?;
        for _ in 0..20 {
            let to = random.one_of(&[&client.socket, &stranger, token]);
            let what = random.one_of(&[&reader, &event, &client.socket, token, &client.list]);
            let bytes = random.one_of(&[&[31][..], &[0, 6, 0], &[0xff]]);
            // A kernel before Linux 6.16 passes them, and the host process closes them.
            let _ = send_with(to, bytes, what.as_fd());
        }
        client.drain();
        Ok(())
    })
}

/// Comes and goes, as fast as it can, greeting or not.
pub fn connections(field: &Field, seed: u64) -> Result<(), String> {
    let path = field.socket();
    twice_while_it_lasts(|| {
        let socket = dial(path)?;
        if seed.is_multiple_of(2) {
            send(&socket, &[0, 6, 0])?;
        }
        Ok(())
    })
}
