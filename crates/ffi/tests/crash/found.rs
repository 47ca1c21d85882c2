//! What the others find once somebody has died.

use super::cast::Far;
use super::scene::{Scene, ensure};
use std::time::Duration;

/// How long a peer may need to accept a connection, if there is one.
const UNTIL_ACCEPTED: Duration = Duration::from_millis(100);
/// Bytes that the caller sends after the call, its sibling, and the child that fork() makes: see `crash_calls.h`.
const AFTER: u64 = 500;
const FROM_SIBLING: u64 = 2000;
const FROM_CHILD: u64 = 100;
/// Connections that wait to be accepted.
pub(super) const CLIENTS: usize = 3;

/// What a peer has received, and how that ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) caller: u64,
    sibling: u64,
    child: u64,
    pub(super) why: String,
}

impl End {
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse().expect("a number");
        Self { caller: number(1), sibling: number(2), child: number(3), why: words[4].to_string() }
    }
}

/// What the others find.
impl Scene<'_> {
    /// How the stream ended at the peer; `None` if it never came to be.
    pub(super) fn end_of_stream(&mut self) -> Result<Option<End>, String> {
        let Far::Peer(peer) = &mut self.far else { return Ok(None) };
        // "accepted" is what it says first.
        if self.row.call == "connect" && peer.is_silent_for(UNTIL_ACCEPTED) {
            return Ok(None);
        }
        Ok(Some(End::parse(&peer.line("end "))))
    }

    /// All bytes of the call and of those after it have arrived, and all words.
    pub(super) fn check_whole(&mut self, result: i64, finished: &str) -> Result<(), String> {
        let Far::Peer(peer) = &mut self.far else { return Ok(()) };
        let end = End::parse(&peer.line("end "));
        let sends = if self.row.sends > 0 { result.cast_unsigned() } else { 0 };
        let (after, how) = match self.row.call {
            "close" => (0, "0".to_string()),
            "shutdown" => (0, "EPIPE 0 0 EOF".to_string()),
            _ => {
                let taken = if self.row.takes > 0 { result.cast_unsigned() / 4 } else { 0 };
                let words = u64::from(self.row.words.0 + self.row.words.1) - taken;
                (AFTER, format!("all {words} 0 EOF"))
            }
        };
        ensure!(finished == how, "the caller finishes with {finished:?} instead of {how:?}");
        let all = self.caller.sent + sends + after;
        let child = if self.row.call == "fork" { FROM_CHILD } else { 0 };
        ensure!(
            end.caller == all && end.child == child && end.why == "EOF",
            "of {all} and {child} bytes arrive {end:?}"
        );
        Ok(())
    }

    /// What the sibling wrote has arrived.
    pub(super) fn check_writer(&mut self, said: &[&str]) -> Result<(), String> {
        let is_shut = self.row.call == "shutdown" && said[1] == "EPIPE";
        ensure!(said[1] == "all" || is_shut, "the sibling's send() gives {said:?}");
        let Some(end) = self.end_of_stream()? else { return Err("the peer has no connection".into()) };
        let sibling: u64 = said[0].parse().expect("a number");
        ensure!(is_shut || sibling == FROM_SIBLING, "the sibling sends {said:?}");
        let sent = self.caller.sent;
        let range = sent..=sent + self.row.sends;
        let is_right = end.sibling == sibling && range.contains(&end.caller) && end.why == "EOF";
        ensure!(is_right, "of {range:?} and {sibling} bytes arrive {end:?}");
        Ok(())
    }

    /// All that the dead caller has not taken the sibling has read.
    pub(super) fn check_reader(&mut self, said: &[&str]) -> Result<(), String> {
        let number = |index: usize| said[index].parse::<u64>().expect("a number");
        let (count, gaps) = (number(0), number(1));
        let words = u64::from(self.row.words.0 + self.row.words.1);
        // What the caller took last leaves no gap behind it.
        let taken = words.saturating_sub(count);
        ensure!(
            gaps <= taken && taken * 4 <= self.row.takes && said[2] == "EOF",
            "of {words} words the sibling reads {said:?}"
        );
        let Some(end) = self.end_of_stream()? else { return Err("the peer has no connection".into()) };
        ensure!(
            end.caller == self.caller.sent && end.why == "EOF",
            "of {} bytes arrive {end:?}",
            self.caller.sent
        );
        Ok(())
    }

    /// What the caller and its sibling wrote has arrived, and all words were read by one of them.
    pub(super) fn check_both(&mut self, result: i64, said: &str, finished: &str) -> Result<(), String> {
        let Far::Peer(peer) = &mut self.far else { return Ok(()) };
        let end = End::parse(&peer.line("end "));
        let number =
            |text: &str, index: usize| text.split(' ').nth(index).and_then(|word| word.parse::<u64>().ok());
        let done = result.max(0).cast_unsigned();
        let after = if ["close", "shutdown"].contains(&self.row.call) { 0 } else { AFTER };
        let caller = self.caller.sent + after + if self.row.sends > 0 { done } else { 0 };
        let is_reader = self.row.sibling == "reader";
        let sibling = if is_reader { 0 } else { number(said, 0).expect("a number") };
        let is_shut = self.row.call == "shutdown" && said.ends_with("EPIPE");
        ensure!(is_reader || sibling == FROM_SIBLING || is_shut, "the sibling sends {said}");
        let child = if self.row.call == "fork" { FROM_CHILD } else { 0 };
        let is_right = (end.caller, end.sibling, end.child) == (caller, sibling, child) && end.why == "EOF";
        ensure!(is_right, "of {caller}, {sibling} and {child} bytes arrive {end:?}");
        if is_reader {
            let taken = if self.row.takes > 0 { done / 4 } else { 0 };
            let read = taken + number(said, 0).unwrap_or(0) + number(finished, 1).unwrap_or(0);
            let words = u64::from(self.row.words.0 + self.row.words.1);
            ensure!(
                read == words,
                "of {words} words {read} were read: {gave}, {said}, {finished}",
                gave = result
            );
        }
        Ok(())
    }

    /// Each client has its answer, or an end; at least so many have an answer.
    pub(super) fn check_clients(&mut self, served: usize) -> Result<(), String> {
        let Far::Clients(clients) = &mut self.far else { return Ok(()) };
        let lines: Vec<String> = (0..CLIENTS).map(|_| clients.line("client ")).collect();
        let count = |how: &str| lines.iter().filter(|line| line.ends_with(how)).count();
        let ended = count("EOF") + count("ECONNRESET") + count("ECONNABORTED");
        ensure!(count("served") >= served, "{served} are served, and the clients find {lines:?}");
        ensure!(count("served") + ended == CLIENTS, "the clients find {lines:?}");
        Ok(())
    }

    /// The peer's calls end.
    pub(super) fn end_without_host(&mut self) -> Result<(), String> {
        let Far::Peer(peer) = &mut self.far else { return Ok(()) };
        // In accept() it ends.
        if self.row.call == "connect" && peer.ends_within(Duration::from_millis(300)).is_some() {
            return Ok(());
        }
        let end = End::parse(&peer.line("end "));
        let sent = self.caller.sent + self.row.sends + AFTER;
        let is_known = ["ECONNABORTED", "EOF"].contains(&&*end.why);
        ensure!(end.caller <= sent && is_known, "the peer finds {end:?}");
        Ok(())
    }
}
