//! Long streams arrive whole, in order, and unchanged. 16 MiB; with `SOCKEYE_HEAVY=1`, 1 GiB (`make heavy`, optimized).
#![allow(missing_docs)]

use sockeye::{Net, TcpStream};
use std::io::{Read, Write};
use std::thread;

const BLOCK: usize = 64 * 1024;

fn length() -> usize {
    match std::env::var_os("SOCKEYE_HEAVY") {
        Some(_) => 1 << 30,
        None => 16 << 20,
    }
}

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

/// Sends `length` bytes, a multiple of a block, and compares every byte that arrives.
fn transfer(mut sender: TcpStream, mut receiver: TcpStream, length: usize) {
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

fn pair(net: &Net) -> (TcpStream, TcpStream) {
    let listener = net.bind("127.0.0.1:0").unwrap();
    let client = net.connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn embedded() {
    let (client, server) = pair(&Net::loopback().unwrap());
    transfer(client, server, length());
}
