//! A client that asks anything, and writes anything into all the memory that it shares: others must not notice.
//!
//! Random, in virtual time, from a printed seed. `SOCKEYE_STRESS_SECONDS` says how long new seeds are tried.

use super::*;
use crate::proto::Request;
use rustix::fs::SeekFrom;
use std::collections::HashMap;
use std::time::Duration;

const HOSTILE: Caller = Caller { client: ClientId(66), host: HostId(0) };
const SENDER: Caller = Caller { client: ClientId(11), host: HostId(0) };
const RECEIVER: Caller = Caller { client: ClientId(12), host: HostId(0) };
/// Steps of the client between two looks at the others.
const STEPS: u32 = 40;
/// Rounds of a seed.
const ROUNDS: u32 = 30;
/// Kinds of requests, and some that there are not.
const KINDS: u64 = 36;
/// A page of memory, bytes.
const PAGE: u64 = 4096;
/// Where the words of a slot or of a header are, from the start of a half of a page.
const NEAR: u64 = 1024;

/// Knuth's linear congruential generator: any will do that gives the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len() as u64) as usize]
    }
}

/// One direction of a connection between two clients that keep to the rules.
struct Stream {
    sender: Handle,
    receiver: Handle,
    sent: u64,
    received: u64,
}

/// Memory that the client shares with the engine, by its descriptor: how it is laid out does not matter here.
struct Shared {
    file: OwnedFd,
    pages: Vec<u64>,
    uses: u64,
}

impl Shared {
    fn new(file: OwnedFd) -> Self {
        Self { file, pages: Vec::new(), uses: 0 }
    }

    /// A page that somebody has touched.
    fn page(&mut self, random: &mut Random) -> Option<u64> {
        if self.uses.is_multiple_of(64) {
            self.pages.clear();
            let mut at = 0;
            while let Ok(found) = rustix::fs::seek(&self.file, SeekFrom::Data(at)) {
                self.pages.push(found);
                at = found + PAGE;
            }
        }
        self.uses += 1;
        (!self.pages.is_empty()).then(|| random.one_of(&self.pages))
    }

    /// Writes a value that is likely to hurt.
    fn scribble(&mut self, random: &mut Random, tags: &[u64]) {
        let Some(page) = self.page(random) else { return };
        let half = random.below(2) * PAGE / 2;
        let (from, within) = match random.below(5) {
            0 => (0, PAGE),
            // Where a listener has its accept queue.
            1 => (half + NEAR, NEAR),
            _ => (half, NEAR),
        };
        let at = page + from + random.below(within / 4) * 4;
        let mut old = [0; 8];
        let _ = rustix::io::pread(&self.file, &mut old, at);
        let old = u64::from_ne_bytes(old);
        let near = random.one_of(&[1, 2, 4095, 4096, 65_536, u64::from(u32::MAX), 1 << 32]);
        let tag = if tags.is_empty() { 0 } else { random.one_of(tags) };
        let new = match random.below(7) {
            // A claim, of whoever it may be, on what is offered early.
            6 => random.one_of(&[10, 12, 13, 67, 5000]) << 40 | random.below(64) << 24 | random.below(40),
            0 => random.one_of(&[0, 1, 2, 3, u64::from(u32::MAX), 1 << 31, i64::MAX as u64, u64::MAX]),
            1 => old.wrapping_add(near),
            2 => old.wrapping_sub(near),
            3 => random.one_of(&[tag, tag >> 32, tag & 0xffff]),
            4 => old ^ 1 << random.below(64),
            _ => random.below(1 << 31) << random.below(33),
        };
        let len = random.one_of(&[4, 8]);
        let _ = rustix::io::pwrite(&self.file, &new.to_ne_bytes()[..len], at);
    }
}

/// The engine, two clients that keep to the rules, and one that does not.
struct Scene {
    engine: Engine,
    now: Instant,
    random: Random,
    listener: Handle,
    port: u16,
    stream: Stream,
    /// What the receiver accepted that is not the stream's.
    guests: Vec<Handle>,
    /// What the hostile client has, or may guess.
    tags: Vec<u64>,
    numbers: Vec<u64>,
    descriptors: Vec<OwnedFd>,
    memory: HashMap<u64, Shared>,
    list: Shared,
}

fn ask(engine: &mut Engine, now: Instant, caller: Caller, request: Request) -> Reply {
    engine.execute(now, caller, request).reply
}

fn handle_of(reply: &Reply) -> Handle {
    match reply {
        Reply::Socket(handle) | Reply::Accepted(handle, _) => *handle,
        _ => panic!("{reply:?}"),
    }
}

/// A new connection between the two.
fn new_stream(engine: &mut Engine, now: Instant, listener: Handle, port: u16) -> (Stream, Vec<Handle>) {
    let sender = handle_of(&ask(engine, now, SENDER, Request::Socket { family: Family::V4 }));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let connected = ask(engine, now, SENDER, Request::Connect { tag: sender.tag, address });
    assert!(matches!(connected, Reply::Done), "{connected:?}");
    let Reply::Address(own) = ask(engine, now, SENDER, Request::LocalAddress { tag: sender.tag }) else {
        panic!("connected");
    };
    let mut others = Vec::new();
    loop {
        let reply = ask(engine, now, RECEIVER, Request::Accept { tag: listener.tag });
        let Reply::Accepted(receiver, peer) = reply else { panic!("{reply:?}") };
        if peer == own {
            return (Stream { sender, receiver, sent: 0, received: 0 }, others);
        }
        others.push(receiver);
    }
}

impl Scene {
    fn new(seed: u64) -> Self {
        let now = Instant::from_millis(1);
        let mut engine = Engine::new(now, &NetworkConfig::default(), Storage::Shared(Quota::NONE)).unwrap();
        let _lists = [SENDER, RECEIVER].map(|caller| engine.add_client(caller.client).unwrap());
        let list = Shared::new(engine.add_client(HOSTILE.client).unwrap());
        let listener = handle_of(&ask(&mut engine, now, RECEIVER, Request::Socket { family: Family::V4 }));
        ask(&mut engine, now, RECEIVER, Request::Listen { tag: listener.tag, backlog: 128 });
        let reply = ask(&mut engine, now, RECEIVER, Request::LocalAddress { tag: listener.tag });
        let Reply::Address(at) = reply else { panic!("{reply:?}") };
        let (stream, guests) = new_stream(&mut engine, now, listener, at.port());
        let tags = vec![listener.tag, stream.sender.tag, stream.receiver.tag];
        Self {
            engine,
            now,
            random: Random(seed),
            listener,
            port: at.port(),
            stream,
            guests,
            tags,
            numbers: Vec::new(),
            descriptors: Vec::new(),
            memory: HashMap::new(),
            list,
        }
    }

    /// The bytes of a request, of which many are understood.
    fn message(&mut self) -> Vec<u8> {
        let common = [1, 1, 1, 2, 3, 8, 9, 9, 10, 10, 10, 13, 14, 14];
        let kind =
            if self.random.below(2) == 0 { self.random.one_of(&common) } else { self.random.below(KINDS) };
        let mut bytes = varint(kind);
        if matches!(kind, 1 | 6 | 29 | 30) || self.random.below(16) == 0 {
            bytes.push(self.random.below(3) as u8);
        } else if kind != 4 {
            let recent = self.tags.len().saturating_sub(8);
            let from = if self.random.below(4) == 0 { 0 } else { recent };
            let tag = self.random.one_of(&self.tags[from..]);
            bytes.extend(varint(self.random.one_of(&[tag, tag, tag, tag, tag, tag + 1, 0, u64::MAX])));
        }
        if matches!(kind, 3 | 4) && !self.numbers.is_empty() {
            bytes.extend(varint(self.random.one_of(&self.numbers)));
        }
        if self.random.below(2) == 0 {
            let port = self.random.one_of(&[self.port, self.port, 0, 7, 65_535]);
            bytes.extend([0, 127, 0, 0, 1]);
            bytes.extend(varint(port.into()));
        }
        for _ in 0..self.random.below(40) {
            let any = self.random.below(256) as u8;
            bytes.push(self.random.one_of(&[0, 1, 1, 2, 10, 127, 255, any]));
        }
        bytes
    }

    fn hostile_request(&mut self) {
        let Ok(request) = postcard::from_bytes::<Request>(&self.message()) else { return };
        // Whoever may use the host process may set it, for all.
        if matches!(request, Request::SetSysctl { .. }) {
            return;
        }
        let arena = if let Request::Arena { id } = request { Some(id) } else { None };
        let mut answer = self.engine.execute(self.now, HOSTILE, request);
        match answer.reply {
            Reply::Socket(handle) | Reply::Accepted(handle, _) => {
                self.tags.push(handle.tag);
                self.map(handle.arena);
            }
            Reply::Token(number) => self.numbers.push(number),
            // Whatever is given is written to.
            Reply::Arena => {
                let file = answer.descriptors.remove(0);
                self.memory.entry(arena.unwrap()).or_insert_with(|| Shared::new(file));
            }
            _ => {}
        }
        self.descriptors.extend(answer.descriptors);
        if self.descriptors.len() > 32 {
            let at = self.random.below(32) as usize;
            drop(self.descriptors.swap_remove(at));
        }
    }

    /// Gets the memory of a socket that the hostile client was given.
    fn map(&mut self, arena: u64) {
        if self.memory.contains_key(&arena) {
            return;
        }
        let answer = self.engine.execute(self.now, HOSTILE, Request::Arena { id: arena });
        let file = answer.descriptors.into_iter().next().expect("it was given a socket there");
        self.memory.insert(arena, Shared::new(file));
    }

    fn hostile_step(&mut self) {
        if self.random.below(3) == 0 {
            self.hostile_request();
            return;
        }
        if self.random.below(8) == 0 {
            self.list.scribble(&mut self.random, &self.tags);
            return;
        }
        let mut arenas: Vec<u64> = self.memory.keys().copied().collect();
        arenas.sort_unstable();
        if let Some(arena) = (!arenas.is_empty()).then(|| self.random.one_of(&arenas)) {
            let memory = self.memory.get_mut(&arena).unwrap();
            memory.scribble(&mut self.random, &self.tags);
        }
    }

    /// What the host process does in each round.
    fn serve(&mut self) {
        self.engine.answer_doorbells(self.now);
        self.engine.answer_hang_ups(self.now);
        self.engine.timeout(self.now);
    }

    /// The others' bytes arrive as they are, and soon.
    fn others_go_on(&mut self) {
        let (start, end) = (self.now, self.stream.sent + 1 + self.random.below(200_000));
        while self.stream.received < end {
            self.send_until(end);
            self.serve();
            self.receive();
            self.now += Duration::from_micros(100);
            assert!(self.now.since(start) < Duration::from_secs(2), "the others' bytes wait");
        }
        while let Reply::Accepted(guest, _) =
            ask(&mut self.engine, self.now, RECEIVER, Request::Accept { tag: self.listener.tag })
        {
            self.guests.push(guest);
        }
        if self.random.below(4) == 0 {
            for Handle { tag, .. } in std::mem::take(&mut self.guests) {
                ask(&mut self.engine, self.now, RECEIVER, Request::Close { tag });
            }
            self.reopen();
        }
    }

    fn send_until(&mut self, end: u64) {
        let Stream { sender, sent, .. } = self.stream;
        let writer = self.engine.slot(sender.tag).expect("the sender's").writer();
        let len = (end - sent).min(writer.free() as u64);
        let bytes: Vec<u8> = (sent..sent + len).map(|at| (at % 251) as u8).collect();
        self.stream.sent += writer.write(&bytes) as u64;
        self.engine.ring(self.now, sender.tag);
    }

    fn receive(&mut self) {
        let tag = self.stream.receiver.tag;
        let reader = self.engine.slot(tag).expect("the receiver's").reader();
        let mut bytes = vec![0; reader.len()];
        let len = reader.peek(0, &mut bytes);
        for (at, byte) in (self.stream.received..).zip(&bytes[..len]) {
            assert_eq!(*byte, (at % 251) as u8, "at {at}");
        }
        self.stream.received += len as u64;
        if reader.consume(len) {
            self.engine.ring(self.now, tag);
        }
    }

    fn reopen(&mut self) {
        for (caller, handle) in [(SENDER, self.stream.sender), (RECEIVER, self.stream.receiver)] {
            ask(&mut self.engine, self.now, caller, Request::Close { tag: handle.tag });
        }
        let (stream, guests) = new_stream(&mut self.engine, self.now, self.listener, self.port);
        self.stream = stream;
        self.guests.extend(guests);
        self.tags.extend([self.stream.sender.tag, self.stream.receiver.tag]);
    }

    /// When the hostile client is gone, so are its sockets.
    fn end(mut self) {
        self.descriptors.clear();
        self.engine.client_gone(self.now, HOSTILE.client);
        let pool = HOSTILE.pool();
        let held = |entry: &&Entry| entry.pool == pool && entry.held != Held::Nobody;
        assert_eq!(self.engine.table.lock().entries().filter(held).count(), 0);
        for caller in [SENDER, RECEIVER] {
            self.engine.client_gone(self.now, caller.client);
        }
        for _ in 0..100 {
            self.now += Duration::from_secs(60);
            self.engine.timeout(self.now);
        }
        assert!(self.engine.is_empty(), "{:?}", self.engine.network.sockets(None));
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// Prints the seed if what follows fails.
struct Seed(u64);

impl Drop for Seed {
    #[allow(clippy::print_stderr, reason = "a test that fails says why")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with seed {}; SOCKEYE_SEED={0} tries it alone", self.0);
        }
    }
}

fn play(seed: u64) {
    let _seed = Seed(seed);
    let mut scene = Scene::new(seed);
    for _ in 0..ROUNDS {
        for _ in 0..STEPS {
            scene.hostile_step();
            if scene.random.below(4) == 0 {
                scene.serve();
            }
            scene.now += Duration::from_micros(scene.random.below(20_000));
        }
        scene.others_go_on();
    }
    scene.end();
}

#[test]
fn a_client_that_scribbles_and_asks_anything_hurts_only_itself() {
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    if let Some(seed) = number("SOCKEYE_SEED") {
        play(seed);
        return;
    }
    let time = number("SOCKEYE_STRESS_SECONDS").map_or(Duration::from_secs(2), Duration::from_secs);
    let start = sockeye_clock::monotonic();
    let first = start.as_nanos();
    for seed in first.. {
        play(seed);
        if sockeye_clock::monotonic().since(start) >= time {
            return;
        }
    }
}
