//! Attacks by messages: on the control socket, and in the mailboxes.

use crate::field::{Field, TURN, twice_while_it_lasts, while_it_lasts};
use crate::random::Random;
use crate::wire::{
    Client, MAILBOX_TEXT, MAILBOX_WORDS, MAILBOXES, dial, kind, numbers, receive, request, request_to, send,
    varint,
};
use crate::words::put;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use sockeye_clock::monotonic;
use std::os::fd::OwnedFd;
use std::thread;

/// Sessions at once.
const SESSIONS: usize = 6;

/// What a client learns that asks anything.
struct Guesser {
    random: Random,
    tags: Vec<u64>,
    tokens: Vec<u64>,
    ports: Vec<u16>,
    held: Vec<OwnedFd>,
}

impl Guesser {
    fn new(seed: u64, port: &str) -> Self {
        let port = port.parse().expect("a port");
        // The first sockets are the bystander's.
        let tags = (1..6).flat_map(|generation| (0..6).map(move |index| generation << 32 | index)).collect();
        Self {
            random: Random::new(seed),
            tags,
            tokens: vec![1 << 32],
            ports: vec![0, 7, port],
            held: Vec::new(),
        }
    }

    /// The bytes of a request, of which many are understood.
    fn message(&mut self) -> Vec<u8> {
        use kind::{ACCEPT, BELL, BIND, CONNECT, GIVE, KINDS, LISTEN, SET_SYSCTL, SOCKET, TOKEN};
        let random = &mut self.random;
        let common =
            [SOCKET, SOCKET, TOKEN, GIVE, BIND, LISTEN, LISTEN, ACCEPT, CONNECT, CONNECT, 13, 14, 14];
        let kind = if random.below(2) == 0 { random.one_of(&common) } else { random.below(KINDS) };
        // Whoever may use the host process may set it, for all.
        if kind == SET_SYSCTL {
            return request(kind::WAKE, &[]);
        }
        let mut bytes = varint(kind);
        if matches!(kind, SOCKET | BELL | kind::ARENA | kind::SOCKETS) || random.below(16) == 0 {
            bytes.push(random.below(3) as u8);
        } else if kind != 4 {
            let recent = if random.below(4) == 0 { 0 } else { self.tags.len().saturating_sub(8) };
            let tag = random.one_of(&self.tags[recent..]);
            bytes.extend(varint(random.one_of(&[tag, tag, tag, tag, tag, tag + 1, 0, u64::MAX])));
        }
        if matches!(kind, GIVE | 4) {
            bytes.extend(varint(random.one_of(&self.tokens)));
        }
        if random.below(2) == 0 {
            bytes.extend([0, 127, 0, 0, 1]);
            bytes.extend(varint(random.one_of(&self.ports).into()));
        }
        for _ in 0..random.below(40) {
            let any = random.below(256) as u8;
            bytes.push(random.one_of(&[0, 1, 1, 2, 10, 127, 255, any]));
        }
        bytes
    }

    /// Keeps what an answer brings for further guesses.
    fn learn(&mut self, answer: &[u8], descriptors: Vec<OwnedFd>) {
        match numbers(answer)[..] {
            [3, token] => self.tokens.push(token),
            [4 | 5, tag, ..] => self.tags.push(tag),
            [15, .., port] => self.ports.extend(u16::try_from(port)),
            _ => {}
        }
        self.held.extend(descriptors);
        if self.held.len() > 32 {
            self.held.swap_remove(self.random.below(32) as usize);
        }
    }
}

/// Anything is asked, of which much is understood: some of it about the bystander's sockets.
pub fn random_requests(field: &Field, seed: u64) -> Result<(), String> {
    let mut guesser = Guesser::new(seed, field.port());
    while_it_lasts(|| {
        let sessions: Vec<Client> =
            (0..SESSIONS).map(|_| Client::greet(field.socket())).collect::<Result<_, _>>()?;
        for client in sessions.iter().cycle().take(SESSIONS * 30) {
            if send(&client.socket, &guesser.message()).is_err() {
                continue;
            }
            if let Ok((answer, descriptors)) = receive(&client.socket, RecvFlags::empty())
                && !answer.is_empty()
            {
                guesser.learn(&answer, descriptors);
            }
        }
        Ok(())
    })
}

/// Messages of random bytes, before and after a hello.
pub fn noise(field: &Field, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    while_it_lasts(|| {
        let stranger = dial(field.socket())?;
        let client = Client::greet(field.socket())?;
        for _ in 0..20 {
            let length = random.one_of(&[1, 2, 5, 20, 300, 65_535, 65_536]);
            let bytes: Vec<u8> = (0..random.below(length) + 1).map(|_| random.below(256) as u8).collect();
            let mut bytes = bytes;
            bytes[0] = random.below(kind::KINDS) as u8;
            if bytes[0] == kind::SET_SYSCTL as u8 {
                continue;
            }
            for socket in [&stranger, &client.socket] {
                // Whoever spoke nonsense is not heard any more.
                let _ = send(socket, &bytes);
                let _ = receive(socket, RecvFlags::DONTWAIT);
            }
        }
        Ok(())
    })
}

/// Each kind of request, cut off behind each of its bytes, and with too many.
pub fn halves(field: &Field, seed: u64) -> Result<(), String> {
    let first = seed % 4;
    for kind in (first..kind::KINDS).step_by(4).filter(|&kind| kind != kind::SET_SYSCTL) {
        let whole = request_to(kind, 1 << 32, 7);
        for length in 0..whole.len() {
            let client = Client::greet(field.socket()).map_err(|error| format!("a greeting: {error}"))?;
            // No bytes at all are an end.
            let _ = send(&client.socket, &whole[..length]);
            let answer = receive(&client.socket, RecvFlags::empty());
            if answer.as_ref().err() == Some(&Errno::AGAIN) {
                return Err(format!("no answer and no end: {length} bytes of a request of kind {kind}"));
            }
        }
    }
    Ok(())
}

/// Messages as long as the kernel carries them.
pub fn huge(field: &Field, seed: u64) -> Result<(), String> {
    let mut random = Random::new(seed);
    while_it_lasts(|| {
        let client = Client::greet(field.socket())?;
        rustix::net::sockopt::set_socket_send_buffer_size(&client.socket, 8 << 20)?;
        let length = random.one_of(&[65_536, 65_537, 66_000, 150_000, 200_000]);
        let mut bytes = vec![random.one_of(&[0, 1, 0x80, 0xff]); length];
        // A name that is said to be longer than the message, or as long.
        bytes.splice(..3, [0, 6, 1]);
        bytes.splice(3..6, varint(random.one_of(&[length as u64 - 10, u64::MAX])));
        let _ = send(&client.socket, &bytes);
        match receive(&client.socket, RecvFlags::empty()) {
            Err(Errno::AGAIN) => Err(Errno::AGAIN),
            Ok(_) | Err(_) => Ok(()),
        }
    })
}

/// Requests without end, whose answers nobody reads.
pub fn endless(field: &Field, seed: u64) -> Result<(), String> {
    let asks = [request(kind::WAKE, &[]), request(kind::SOCKETS, &[1, 0]), request(kind::SOCKET, &[0])];
    let asked = &asks[(seed % 3) as usize];
    let path = field.socket();
    twice_while_it_lasts(|| {
        let client = Client::greet(path)?;
        let end = monotonic() + TURN;
        while monotonic() < end {
            match send(&client.socket, asked) {
                Ok(_) => {}
                Err(Errno::AGAIN) => thread::yield_now(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    })
}

/// Requests in the mailboxes: of random bytes and lengths, without end, while their words change.
pub fn mailboxes(field: &Field, seed: u64) -> Result<(), String> {
    /// Bytes before the text.
    const WORDS: u64 = MAILBOX_WORDS + MAILBOXES * MAILBOX_WORDS;
    let mut guesser = Guesser::new(seed, field.port());
    while_it_lasts(|| {
        let client = Client::greet(field.socket())?;
        for _ in 0..200 {
            let at = guesser.random.below(MAILBOXES);
            let message = guesser.message();
            put(&client.mailboxes, WORDS + at * MAILBOX_TEXT, &message);
            let length =
                guesser.random.one_of(&[message.len() as u32, message.len() as u32, 0, 4096, 4097, u32::MAX]);
            let words = MAILBOX_WORDS + at * MAILBOX_WORDS;
            let turn = guesser.random.one_of(&[1, 1, 1, 0, 2, 3, u32::MAX]);
            let asleep = guesser.random.below(2) as u32;
            put(&client.mailboxes, words + 4, &asleep.to_ne_bytes());
            put(&client.mailboxes, words + 8, &length.to_ne_bytes());
            put(&client.mailboxes, words, &turn.to_ne_bytes());
            put(&client.mailboxes, 0, &u32::MAX.to_ne_bytes());
            client.ring();
            if !client.drain() {
                return Err(Errno::CONNRESET);
            }
        }
        Ok(())
    })
}
