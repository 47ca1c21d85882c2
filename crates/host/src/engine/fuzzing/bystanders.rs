//! Two programs that keep to the rules, and a connection between them whose bytes are compared.

use crate::engine::{Caller, Engine};
use crate::proto::{Handle, Reply, Request};
use crate::table::ClientId;
use sockeye_clock::Instant;
use sockeye_stack::{Family, HostId};
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

const SENDER: Caller = Caller { client: ClientId(1), host: HostId(0) };
const RECEIVER: Caller = Caller { client: ClientId(2), host: HostId(0) };
/// Both, and the first that is neither.
pub(super) const CLIENTS: [ClientId; 2] = [SENDER.client, RECEIVER.client];
pub(super) const FIRST_GUEST: u64 = 3;
/// How long bytes may be under way.
const SOON: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Bystanders {
    listener: Handle,
    pub(super) port: u16,
    sender: Handle,
    receiver: Handle,
    sent: u64,
    received: u64,
}

fn ask(engine: &mut Engine, now: Instant, caller: Caller, request: Request) -> Reply {
    engine.execute(now, caller, request).reply
}

fn handle_of(reply: &Reply) -> Handle {
    match reply {
        Reply::Socket(handle) | Reply::Accepted(handle, _) => *handle,
        other => panic!("{other:?}"),
    }
}

/// The stream's bytes, which begin anew after so many: made once, for a fuzzer watches each.
static STREAM: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..PERIOD).cycle().take(LONGEST + PERIOD as usize).collect());
const PERIOD: u8 = 251;
/// Most bytes that are compared at once.
const LONGEST: usize = 1 << 17;

fn stream(position: u64, len: usize) -> &'static [u8] {
    &STREAM[(position % u64::from(PERIOD)) as usize..][..len]
}

impl Bystanders {
    pub(super) fn new(engine: &mut Engine, now: Instant) -> Self {
        for client in CLIENTS {
            engine.add_client(client).expect("memory");
        }
        let listener = handle_of(&ask(engine, now, RECEIVER, Request::Socket { family: Family::V4 }));
        ask(engine, now, RECEIVER, Request::Listen { tag: listener.tag, backlog: 128 });
        let reply = ask(engine, now, RECEIVER, Request::LocalAddress { tag: listener.tag });
        let Reply::Address(at) = reply else { panic!("{reply:?}") };
        let sender = handle_of(&ask(engine, now, SENDER, Request::Socket { family: Family::V4 }));
        let address = SocketAddr::from(([127, 0, 0, 1], at.port()));
        let connected = ask(engine, now, SENDER, Request::Connect { tag: sender.tag, address });
        assert!(matches!(connected, Reply::Done), "{connected:?}");
        let receiver = handle_of(&ask(engine, now, RECEIVER, Request::Accept { tag: listener.tag }));
        Self { listener, port: at.port(), sender, receiver, sent: 0, received: 0 }
    }

    /// What others may guess.
    pub(super) fn tags(&self) -> [u64; 3] {
        [self.listener.tag, self.sender.tag, self.receiver.tag]
    }

    /// `len` bytes go from one to the other as they are, and soon.
    pub(super) fn go_on(&mut self, engine: &mut Engine, now: &mut Instant, len: u64) {
        let (start, end) = (*now, self.sent + len);
        while self.received < end {
            self.send_until(engine, *now, end);
            engine.answer_doorbells(*now);
            engine.timeout(*now);
            self.receive(engine, *now);
            *now += Duration::from_micros(100);
            assert!(now.since(start) < SOON, "others' bytes wait");
        }
        // Whoever came by the port is sent away.
        while let Reply::Accepted(guest, _) =
            ask(engine, *now, RECEIVER, Request::Accept { tag: self.listener.tag })
        {
            ask(engine, *now, RECEIVER, Request::Close { tag: guest.tag });
        }
    }

    fn send_until(&mut self, engine: &mut Engine, now: Instant, end: u64) {
        let writer = engine.slot(self.sender.tag).expect("the sender's").writer();
        let len = (end - self.sent).min(writer.free() as u64) as usize;
        self.sent += writer.write(stream(self.sent, len.min(LONGEST))) as u64;
        engine.ring(now, self.sender.tag);
    }

    fn receive(&mut self, engine: &mut Engine, now: Instant) {
        let reader = engine.slot(self.receiver.tag).expect("the receiver's").reader();
        let mut bytes = vec![0; reader.len().min(LONGEST)];
        let len = reader.peek(0, &mut bytes);
        assert!(bytes[..len] == *stream(self.received, len), "after {} bytes", self.received);
        self.received += len as u64;
        if reader.consume(len) {
            engine.ring(now, self.receiver.tag);
        }
    }
}
