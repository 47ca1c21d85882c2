//! What connections cost a host process and a program: opened and closed, idle, and left behind.

use rustix::event::{Timespec, poll};
use sockeye::{HostedOptions, Net, TcpListener, TcpStream};
use sockeye_stack::MemoryUsage;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Listeners: ephemeral ports are used again for another of them.
const LISTENERS: usize = 8;
/// Into how many parts connections are divided that are opened and closed.
const ROUNDS: usize = 4;
/// How often anything is looked at that is waited for: for a minute.
const PATIENCE: usize = 6000;
/// 2MSL, and how long nobody's connection is half closed: what both need, timers too, is free after that.
const NETWORK: &str = "[[host]]\nname = \"localhost\"\ntime_wait = \"100ms\"\nfin_timeout = \"100ms\"\n";
const TIMERS: Duration = Duration::from_millis(300);

/// A host process of its own, which ends with it.
pub struct World {
    host: Child,
    folder: TempDir,
    stats: sockeye_host::Net,
    net: Net,
}

impl Drop for World {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.host.kill();
        let _ = self.host.wait();
    }
}

/// Bytes that the host process and this one have in memory.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub host: u64,
    pub program: u64,
}

impl Memory {
    /// How much more than before each of `count` connections takes.
    pub fn each(self, before: Self, count: usize) -> Self {
        let each = |now: u64, before: u64| now.saturating_sub(before) / count as u64;
        Self { host: each(self.host, before.host), program: each(self.program, before.program) }
    }

    pub fn all(self) -> u64 {
        self.host + self.program
    }
}

impl World {
    /// Starts the command `sockeye`, with these settings.
    pub fn start(program: &Path, settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (socket, network) = (folder.path().join("host.sock"), folder.path().join("network.toml"));
        fs::write(&network, NETWORK).unwrap();
        let mut command = Command::new(program);
        command.arg("host").arg("--socket").arg(&socket).arg("--network").arg(&network);
        for setting in settings {
            command.arg("--set").arg(setting);
        }
        let host = command.stdout(Stdio::null()).spawn().unwrap();
        let options = HostedOptions { socket: Some(socket), network: Some(network), host: None };
        let mut stats = None;
        wait_until("the host process serves", || {
            stats = sockeye_host::Net::connect_existing(&options).ok();
            stats.is_some()
        });
        let net = Net::hosted_with(&options).unwrap();
        Self { host, folder, stats: stats.unwrap(), net }
    }

    /// Where the host process serves.
    #[allow(dead_code, reason = "the table asks nothing else there")]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("host.sock")
    }

    pub fn usage(&self) -> MemoryUsage {
        self.stats.memory(false).unwrap().first().unwrap().usage
    }

    /// Changes a setting.
    pub fn set(&self, name: &str, value: &str) {
        self.stats.set_sysctl(name, value).unwrap().unwrap();
    }

    /// Memory of both processes, pages that they share half to each, and page tables.
    pub fn memory(&self) -> Memory {
        pause(Duration::from_millis(100));
        Memory { host: memory_of(&self.host.id().to_string()), program: memory_of("self") }
    }

    fn listeners(&self) -> Vec<TcpListener> {
        (0..LISTENERS).map(|_| self.net.bind("127.0.0.1:0").unwrap()).collect()
    }

    fn pair(&self, listener: &TcpListener) -> (TcpStream, TcpStream) {
        let client = self.net.connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// Opens and closes connections, with a request each, one after the other, in twice `ROUNDS` rounds: memory at first, the most
    /// after a round of the first half, and the least after one of the second, when no connection was left. malloc() keeps now more, now less
    /// of what was freed.
    pub fn opened_and_closed(&self, count: usize) -> [Memory; 3] {
        let listeners = self.listeners();
        let run = |_: usize| {
            for index in 0..count / ROUNDS {
                let (mut client, mut server) = self.pair(&listeners[index % LISTENERS]);
                client.write_all(b"request").unwrap();
                std::io::Read::read_exact(&mut server, &mut [0; 7]).unwrap();
            }
            self.wait_for_none(LISTENERS);
            pause(TIMERS);
            self.memory()
        };
        let fresh = self.memory();
        let most = (0..ROUNDS).map(run).max_by_key(|memory| memory.all()).unwrap();
        let least = (0..ROUNDS).map(run).min_by_key(|memory| memory.all()).unwrap();
        [fresh, most, least]
    }

    /// Waits until there are so many sockets only.
    fn wait_for_none(&self, sockets: usize) {
        wait_until("all connections end", || {
            let usage = self.usage();
            usage.time_waits == 0 && usage.allocated == sockets as u64
        });
    }

    /// What each of so many connections takes that carry nothing, with both ends.
    pub fn idle(&self, count: usize) -> Memory {
        let listeners = self.listeners();
        let first = self.pair(&listeners[0]);
        let before = self.memory();
        let pairs: Vec<_> = (0..count).map(|index| self.pair(&listeners[index % LISTENERS])).collect();
        let each = self.memory().each(before, count);
        drop((first, pairs));
        each
    }

    /// Connections whose program has filled SendQ and is gone, while the peer takes hardly any of it: what each takes, and what they hold.
    pub fn orphans(&self, count: usize) -> (Memory, MemoryUsage) {
        // The peers' RecvQ is not what is measured.
        self.set("tcp_rmem", "4096 4096 4096");
        let listeners = self.listeners();
        let text = vec![7; 1 << 20];
        let before = self.memory();
        let mut peers = Vec::new();
        for index in 0..count {
            let (mut client, server) = self.pair(&listeners[index % LISTENERS]);
            client.set_nonblocking(true).unwrap();
            loop {
                match client.write(&text) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
            peers.push(server);
        }
        let usage = self.usage();
        let each = self.memory().each(before, count);
        drop(peers);
        (each, usage)
    }
}

/// Proportional set size and page tables, bytes.
fn memory_of(process: &str) -> u64 {
    let kilobytes = |file: &str, name: &str| -> u64 {
        let text = fs::read_to_string(format!("/proc/{process}/{file}")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (kilobytes("smaps_rollup", "Pss:") + kilobytes("status", "VmPTE:")) * 1024
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut tries = 0;
    while !is_so() {
        tries += 1;
        assert!(tries < PATIENCE, "{what}: it does not come to that");
        pause(Duration::from_millis(10));
    }
}

fn pause(time: Duration) {
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
    let _ = poll(&mut [], Some(&time));
}
