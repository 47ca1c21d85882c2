//! Sends long streams and compares every byte that arrives.

use sockeye::{Net, TcpStream};
use std::io::{Read, Write};
use std::thread;

const BLOCK: usize = 64 * 1024;

/// Blocks that differ from each other everywhere (xorshift64*), the same each time.
struct Pattern(u64);

impl Pattern {
    fn fill(&mut self, block: &mut [u8]) {
        for chunk in block.chunks_mut(8) {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            chunk.copy_from_slice(&self.0.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Sends `length` bytes, a multiple of a block, and compares every byte that arrives; then comes end of file.
pub fn transfer(mut sender: TcpStream, mut receiver: TcpStream, length: usize) {
    let writer = thread::spawn(move || {
        let (mut pattern, mut block) = (Pattern(1), vec![0; BLOCK]);
        for _ in 0..length / BLOCK {
            pattern.fill(&mut block);
            sender.write_all(&block).unwrap();
        }
    });
    let (mut pattern, mut expected, mut block) = (Pattern(1), vec![0; BLOCK], vec![0; BLOCK]);
    for number in 0..length / BLOCK {
        receiver.read_exact(&mut block).unwrap();
        pattern.fill(&mut expected);
        assert!(block == expected, "block {number} differs");
    }
    assert_eq!(receiver.read(&mut block).unwrap(), 0, "end of file follows");
    writer.join().unwrap();
}

/// A network file, from a crate's folder, whose link loses 5%, reorders 2%, duplicates 1% and damages 1%; and how many bytes
/// to send over it. Every loss that is noticed by a timeout costs 200 ms, so the long stream has large packets.
pub fn bad_link() -> (&'static str, usize) {
    let is_heavy = length(0, 1) == 1;
    if is_heavy {
        ("../../networks/lossy-large.toml", 1 << 30)
    } else {
        ("../../networks/lossy.toml", 512 << 10)
    }
}

/// `heavy` bytes with `SOCKEYE_HEAVY`, or `light` ones.
pub fn length(light: usize, heavy: usize) -> usize {
    if std::env::var_os("SOCKEYE_HEAVY").is_some() { heavy } else { light }
}

/// A client in one view of a network, and a server at `address` in another.
pub fn pair(client: &Net, server: &Net, address: &str) -> (TcpStream, TcpStream) {
    let listener = server.bind(address).unwrap();
    let client = client.connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}
