//! Attacks by number: of sockets, sessions, arenas, descriptors, bytes and processes.

use crate::common::{LIMIT, Running, Stack, World, pause};
use crate::field::{Field, TURN};
use crate::wire::{Client, dial, kind, request};
use rustix::io::Errno;
use sockeye_clock::monotonic;
use std::time::Duration;

/// Descriptors of a host process that is to have few.
pub const FEW_DESCRIPTORS: u32 = 256;
/// How long those without a descriptor look on.
const SIEGE: Duration = Duration::from_millis(500);

/// Sockets of a crowd: an optimized host process stands more.
fn many() -> &'static str {
    if cfg!(debug_assertions) { "1500" } else { "15000" }
}

fn crowd(field: &Field, kind: &str, count: &str) -> Running {
    let mut crowd = field.program("crowd", &[kind, count]);
    crowd.line("ready");
    crowd
}

/// Thousands of sockets close when their program returns.
pub fn exits(field: &Field, _seed: u64) -> Result<(), String> {
    let (status, text) = crowd(field, "sockets", many()).finish();
    if status.success() { Ok(()) } else { Err(text) }
}

/// Thousands of sockets close when their program is killed.
pub fn killed(field: &Field, _seed: u64) -> Result<(), String> {
    field.end(crowd(field, "sockets", many()))
}

/// A program whose connections hold all that they can, and that is killed.
pub fn unread(field: &Field, _seed: u64) -> Result<(), String> {
    field.end(crowd(field, "unread", "200"))
}

/// Connections whose program was killed, and whose bytes nobody reads until that program is killed as well.
pub fn orphans(field: &Field, _seed: u64) -> Result<(), String> {
    let mut sink = field.program("crowd", &["sink", "1"]);
    let port = sink.listening_port();
    let mut source = field.program("crowd", &["source", "100", &port]);
    source.line("ready");
    field.end(source)?;
    pause(TURN);
    field.end(sink)
}

/// Children share sockets, use them, and are killed at any moment, and their parent with them.
pub fn forks(field: &Field, _seed: u64) -> Result<(), String> {
    let crowd = crowd(field, "forks", "40");
    pause(TURN);
    field.end(crowd)
}

/// Sockets that nobody has a descriptor of, which listen.
pub fn nameless(field: &Field, _seed: u64) -> Result<(), String> {
    let client = Client::greet(field.socket()).map_err(|error| error.to_string())?;
    for number in 0..500 {
        client.listener().map_err(|error| format!("socket {number}: {error}"))?;
    }
    Ok(())
}

/// Sessions, as many as there may be or a thousand, each with an arena and a bell.
pub fn sessions(field: &Field, _seed: u64) -> Result<(), String> {
    let mut sessions = Vec::new();
    let open = |number| -> Result<_, Errno> {
        let client = Client::greet(field.socket())?;
        let socket = client.socket()?;
        client.ask(&request(kind::BELL, &[number % 64]))?;
        // The descriptors of the test itself are fewer.
        Ok((client.arena(socket)?, client.socket))
    };
    let end = monotonic() + 5 * TURN;
    while sessions.len() < 1000 && monotonic() < end {
        match open(sessions.len() as u64) {
            Ok(session) => sessions.push(session),
            Err(Errno::AGAIN) => return Err("the host process does not answer".into()),
            Err(_) => break,
        }
    }
    pause(TURN);
    Ok(())
}

/// Control connections that say nothing, more than the host process can have.
pub fn silent(field: &Field, _seed: u64) -> Result<(), String> {
    let open = |_| dial(field.socket());
    let sessions: Vec<_> = (0..FEW_DESCRIPTORS + 100).map_while(|number| open(number).ok()).collect();
    let found = besieged(field);
    drop(sessions);
    found
}

/// Sessions that have greeted, until there may be no more.
pub fn greedy(field: &Field, _seed: u64) -> Result<(), String> {
    let sessions: Vec<_> = (0..FEW_DESCRIPTORS).map_while(|_| Client::greet(field.socket()).ok()).collect();
    let found = besieged(field);
    drop(sessions);
    found
}

/// One program has all of the descriptors that it is given: tokens, and sessions.
pub fn hoarder(field: &Field, _seed: u64) -> Result<(), String> {
    let client = Client::greet(field.socket()).map_err(|error| error.to_string())?;
    let mut tokens = Vec::new();
    while let Ok((_, descriptors)) = client.ask(&request(kind::TOKEN, &[])) {
        if descriptors.is_empty() {
            break;
        }
        tokens.extend(descriptors);
    }
    let found = besieged(field);
    drop(tokens);
    found
}

/// While others have taken what they could: the host process sleeps, and a new program is let in, or refused at once and by EMFILE.
fn besieged(field: &Field) -> Result<(), String> {
    let used = crate::holdings::processor(field.host());
    let start = monotonic();
    pause(SIEGE);
    let used = crate::holdings::processor(field.host()).saturating_sub(used);
    // The bystander works meanwhile.
    if used > monotonic().since(start) / 2 {
        return Err(format!("the host process was busy for {used:?} of {SIEGE:?}"));
    }
    let start = monotonic();
    let mut newcomer = field.program("crowd", &["refused", "1"]);
    let answer = newcomer.line("refused");
    let waited = monotonic().since(start);
    field.end(newcomer)?;
    match &answer[..] {
        "refused nothing" | "refused EMFILE" if waited < Duration::from_secs(1) => Ok(()),
        _ => Err(format!("a new program: {answer}, after {waited:?}")),
    }
}

/// The socket of the host process is removed: it serves there again, and new programs come to it.
pub fn removed(field: &Field, _seed: u64) -> Result<(), String> {
    std::fs::remove_file(field.socket()).map_err(|error| error.to_string())?;
    let deadline = monotonic() + Duration::from_secs(2);
    while dial(field.socket()).is_err() {
        if monotonic() > deadline {
            // For what is looked at afterwards.
            return Err("the host process does not serve at its path again".into());
        }
        pause(Duration::from_millis(20));
    }
    field.newcomer()
}

/// Programs with hardly any rights to resources start the host process, which others then use. A limit that may not be raised stays.
pub fn limits(_field: &Field, seed: u64) -> Result<(), String> {
    const LIMITS: [&str; 7] =
        ["-S -t 2", "-S -f 0", "-c 0", "-S -v 8000000", "-n 32", "-S -s 128", "-S -d 100000"];
    let at = seed as usize;
    [LIMITS[at % 7], LIMITS[(at + 3) % 7]].into_iter().try_for_each(|limit| {
        started_under(limit)
            .map_err(|why| format!("a host process that was started with ulimit {limit}: {why}"))
    })
}

fn started_under(limit: &str) -> Result<(), String> {
    let world = World::new(Stack::Sockeye);
    let program = world.caller("bystander", &[]);
    let mut command = world.command("sh");
    command.args(["-c", &format!("ulimit {limit}; exec \"$0\" serve")]).arg(program.get_program());
    let mut server = Running::start(command);
    let port = server.next_line(LIMIT).ok_or_else(|| server.errors())?;
    let port = port.rsplit(' ').next().unwrap_or_default();
    let hosts = world.host_processes();
    let &[host] = &hosts[..] else { return Err(format!("{hosts:?} run")) };
    let limits =
        std::fs::read_to_string(format!("/proc/{host}/limits")).map_err(|error| error.to_string())?;
    let line = |name| limits.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    // It is to live for long, and to write its log.
    for name in ["Max cpu time", "Max file size"] {
        let soft = line(name).split_whitespace().nth(3).unwrap_or_default();
        if soft != "unlimited" {
            return Err(format!("it inherits that: {}", line(name)));
        }
    }
    let newcomer = Running::start(world.caller("bystander", &["once", port]));
    match newcomer.ends_within(LIMIT) {
        Some(status) if status.success() => Ok(()),
        Some(_) | None => Err(newcomer.errors()),
    }
}
