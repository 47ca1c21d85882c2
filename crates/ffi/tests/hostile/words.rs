//! Attacks by words in shared memory.

use crate::common::pause;
use crate::field::{Field, TURN, while_it_lasts};
use crate::random::Random;
use crate::wire::{Client, Socket, kind, request, request_to};
use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// A page of memory, bytes.
const PAGE: u64 = 4096;
/// Before the slots of an arena.
const ARENA_HEADER: u64 = 4096;
/// A slot's words, and the near rings behind them, bytes.
const SLOT: u64 = 2048;
/// Where the doorbells are in an arena: a summary, and behind it a bit for each slot.
const DOORBELLS: u64 = 64;
/// The bit of a slot's first word that says that the token is closed.
const TOKEN_CLOSED: u32 = 1 << 9;

/// What a client that speaks for itself has open.
struct Scene {
    client: Client,
    peer: Client,
    arena: OwnedFd,
    sockets: Vec<Socket>,
}

impl Scene {
    /// Two clients with connections to each other.
    fn open(field: &Field, pairs: usize) -> Result<Self, Errno> {
        let (client, peer) = (Client::greet(field.socket())?, Client::greet(field.socket())?);
        let (listener, port) = client.listener()?;
        let arena = client.arena(listener)?;
        let mut sockets = vec![listener];
        for _ in 0..pairs {
            let other = peer.socket()?;
            peer.ask(&request_to(kind::CONNECT, other.tag, port))?;
            if let [_, tag, arena, index, _, _, ..] =
                client.ask(&request(kind::ACCEPT, &[listener.tag]))?.0[..]
            {
                sockets.push(Socket { tag, arena, index });
            }
        }
        Ok(Self { client, peer, arena, sockets })
    }

    /// Rings the doorbells of all sockets.
    fn ring(&self) {
        put(&self.arena, DOORBELLS + 8, &u64::MAX.to_ne_bytes());
        put(&self.arena, DOORBELLS, &u64::MAX.to_ne_bytes());
        self.client.ring();
    }

    fn slot(&self, random: &mut Random) -> u64 {
        ARENA_HEADER + random.one_of(&self.sockets).index * SLOT
    }
}

/// Writes into memory by its descriptor.
pub fn put(file: &OwnedFd, at: u64, bytes: &[u8]) {
    // What is not there is not written.
    let _ = rustix::io::pwrite(file, bytes, at);
}

fn look(file: &OwnedFd, at: u64) -> u64 {
    let mut bytes = [0; 8];
    let _ = rustix::io::pread(file, &mut bytes, at);
    u64::from_ne_bytes(bytes)
}

/// A program over the library writes into all that it has mapped: `hostile.c`.
pub fn scribble(field: &Field, seed: u64) -> Result<(), String> {
    // The bystander would have to have memory for so many guests from then on.
    let mut victim = field.program("bystander", &["serve"]);
    let port = victim.listening_port();
    let mut program = field.program("hostile", &[&seed.to_string(), &port]);
    program.line("scribbling");
    pause(TURN);
    field.end(program)?;
    field.end(victim)
}

/// Sleeps on every word that it can reach, and wakes, moves and locks others there: `sleepers.c`.
pub fn sleepers(field: &Field, seed: u64) -> Result<(), String> {
    let mut program = field.program("sleepers", &[&seed.to_string()]);
    program.line("ready");
    pause(TURN);
    field.end(program)
}

/// Each word of a slot, one after the other, gets each of some values while the socket is used.
pub fn each_word(field: &Field, seed: u64) -> Result<(), String> {
    const VALUES: [u32; 6] = [0, 1, 0xff00, u32::MAX, 1 << 31, 0xffff_fe00];
    const WORDS: u64 = SLOT / 4;
    /// In a seed.
    const SHARE: u64 = 64;
    let mut random = Random::new(seed);
    while_it_lasts(|| {
        let scene = Scene::open(field, 6)?;
        for word in 0..SHARE {
            let slot = scene.slot(&mut random);
            // The words that are used most are at the start.
            let word = if word < SHARE / 2 { (seed * SHARE / 2 + word) % 64 } else { random.below(WORDS) };
            for value in VALUES {
                put(&scene.arena, slot + word * 4, &value.to_ne_bytes());
                scene.ring();
                let tag = random.one_of(&scene.sockets).tag;
                scene
                    .client
                    .ask(&request(random.one_of(&[kind::ARM, kind::ACCEPT, kind::LOCAL_ADDRESS]), &[tag]))?;
            }
        }
        drop(scene.peer);
        Ok(())
    })
}

/// Random words of touched pages of all the memory of a client that speaks for itself: slots, doorbells, lists, and mailboxes.
pub fn all_memory(field: &Field, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    while_it_lasts(|| {
        let scene = Scene::open(field, 6)?;
        for _ in 0..40 {
            let files = [&scene.arena, &scene.client.list, &scene.client.mailboxes];
            let file = random.one_of(&files);
            let pages = touched(file);
            for _ in 0..50 {
                if pages.is_empty() {
                    break;
                }
                let at = random.one_of(&pages) + random.below(PAGE / 4) * 4;
                let value = random.nasty(look(file, at)).to_ne_bytes();
                put(file, at, &value[..random.one_of(&[4, 8])]);
            }
            scene.ring();
        }
        Ok(())
    })
}

/// The pages that somebody has touched.
fn touched(file: &OwnedFd) -> Vec<u64> {
    let mut pages = Vec::new();
    let mut at = 0;
    while let Ok(found) = rustix::fs::seek(file, SeekFrom::Data(at)) {
        pages.push(found);
        at = found + PAGE;
    }
    pages
}

/// A program that clears the bit by which the host process once knew that it had closed its end of a token, or sets it where it has not.
pub fn closed_tokens(field: &Field, seed: u64) -> Result<(), String> {
    const SOCKETS: usize = 60;
    let scribble = || -> Result<(), Errno> {
        let client = Client::greet(field.socket())?;
        let mut arena = None;
        for number in 0..SOCKETS {
            let (socket, _) = client.listener()?;
            let arena = match &mut arena {
                Some(arena) => arena,
                none @ None => none.insert(client.arena(socket)?),
            };
            let slot = ARENA_HEADER + socket.index * SLOT;
            let is_set = number as u64 % 2 == seed % 2;
            // An error: who polls is shown a reset, and the host process closes its end.
            put(arena, slot + 4, &1u32.to_ne_bytes());
            if is_set {
                client.ask(&request(kind::ARM, &[socket.tag]))?;
            }
            let word = look(arena, slot) as u32;
            let word = if is_set { word & !TOKEN_CLOSED } else { word | TOKEN_CLOSED };
            put(arena, slot, &word.to_ne_bytes());
        }
        Ok(())
    };
    scribble().map_err(|error| format!("its own session: {error}"))
}

/// Takes pages of shared memory away while they are used, and fills them again.
pub fn holes(field: &Field, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    while_it_lasts(|| {
        let scene = Scene::open(field, 6)?;
        for _ in 0..100 {
            let file = random.one_of(&[&scene.arena, &scene.client.list, &scene.client.mailboxes]);
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let size = rustix::fs::fstat(file)?.st_size.cast_unsigned();
            let start = if random.below(2) == 0 { 0 } else { random.below(size) / PAGE * PAGE };
            let _ = rustix::fs::fallocate(file, hole, start, random.one_of(&[PAGE, 64 * PAGE, size]));
            scene.ring();
            let _ = scene.client.ask(&request(kind::ARM, &[random.one_of(&scene.sockets).tag]));
        }
        Ok(())
    })
}

/// Touches a quarter of a gigabyte of its slots' memory that no connection uses.
pub fn pages(field: &Field, seed: u64) -> Result<(), String> {
    const BYTES: u64 = 256 << 20;
    /// Who has so many gets larger arenas.
    const SOCKETS: usize = 100;
    let touch = || -> Result<(), Errno> {
        let client = Client::greet(field.socket())?;
        let mut socket = client.socket()?;
        for _ in 1..SOCKETS {
            socket = client.socket()?;
        }
        let arena = client.arena(socket)?;
        let size = rustix::fs::fstat(&arena)?.st_size.cast_unsigned();
        let first = seed % 4 * BYTES % size;
        rustix::fs::fallocate(&arena, FallocateFlags::empty(), first, BYTES.min(size - first))?;
        client.ask(&request(kind::WAKE, &[]))?;
        pause(Duration::from_millis(50));
        Ok(())
    };
    touch().map_err(|error| format!("its own memory: {error}"))
}
