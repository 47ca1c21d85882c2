//! Sends of a program that is linked with the library, whose embedded engine makes segments of them.

use super::{TIMES, counted_part};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const MESSAGE: [u8; 64] = [7; 64];
/// Sends before the count begins.
const WARM_UP: usize = 64;

fn send(client: &mut TcpStream, times: usize) -> std::io::Result<()> {
    (0..times).try_for_each(|_| client.write_all(&MESSAGE))
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    client.set_nodelay(true)?;
    let (mut server, _) = listener.accept()?;
    send(&mut client, WARM_UP)?;
    server.read_exact(&mut [0; WARM_UP * MESSAGE.len()])?;
    counted_part(|| send(&mut client, TIMES))?;
    server.read_exact(&mut vec![0; TIMES * MESSAGE.len()])?;
    Ok(())
}
