//! The steps of a script.

use super::{Notation, Scene, Seen, byte_at};
use crate::SimSocket;
use sockeye_stack::{Error, Family, Shutdown, SocketOption};
use std::time::Duration;

/// How far a time may be off that a script gives exactly.
const TOLERANCE: Duration = Duration::from_millis(1);

/// When a segment must be sent, counted from the step before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    earliest: Duration,
    latest: Duration,
}

impl Scene {
    /// Plays a script, and checks that nothing is left that it did not expect.
    ///
    /// # Errors
    /// The line that failed, and what was sent instead.
    pub fn run(&mut self, script: &str) -> Result<(), String> {
        for (index, line) in script.lines().enumerate() {
            let step = line.split('#').next().unwrap_or_default().trim();
            if !step.is_empty() {
                self.step(step).map_err(|error| format!("line {}: {step}: {error}", index + 1))?;
            }
        }
        self.nothing_else("the end of the script")
    }

    fn step(&mut self, step: &str) -> Result<(), String> {
        let (word, rest) = step.split_once(' ').unwrap_or((step, ""));
        let rest = rest.trim();
        if word == ">" {
            return self.expect(rest);
        }
        if word == "flush" {
            return self.sent().map(|_| ());
        }
        self.nothing_else("this step")?;
        match word {
            "<" => self.segment_arrives(rest),
            "icmp" => self.icmp(rest),
            "wait" => self.wait(time(rest)?),
            "state" => same(rest, &self.state()),
            "error" => {
                let error = self.socket.and_then(|socket| self.sim.take_error(socket));
                same(rest, &error.map_or_else(|| "none".to_owned(), |error| format!("{error:?}")))
            }
            "send" => self.send(number(rest)?),
            "recv" => self.recv(number(rest)?),
            _ => self.call(word),
        }
    }

    fn call(&mut self, word: &str) -> Result<(), String> {
        let (local, remote) = (self.local(), self.remote());
        let family = if local.is_ipv4() { Family::V4 } else { Family::V6 };
        let failed = |error: Error| format!("{error:?}");
        match word {
            "listen" => {
                let listener = SimSocket::listen(&mut self.sim, "server", local, 5).map_err(failed)?;
                self.listener = Some(listener);
            }
            "connect" => {
                let socket = SimSocket::new(&mut self.sim, "server", family).map_err(failed)?;
                socket.with(&mut self.sim, |network, id| network.bind(id, local)).map_err(failed)?;
                socket.try_connect(&mut self.sim, remote).map_err(failed)?;
                self.socket = Some(socket);
            }
            "accept" => {
                let listener = self.listener.ok_or("nothing listens")?;
                self.socket = Some(listener.try_accept(&mut self.sim).map_err(failed)?);
            }
            "end" => {
                let end = self.connection()?.try_read(&mut self.sim, 1);
                return same("Ok([])", &format!("{end:?}"));
            }
            "shutdown" => self.connection()?.shutdown(&mut self.sim, Shutdown::Write).map_err(failed)?,
            "close" => self.connection()?.close(&mut self.sim),
            "abort" => {
                let (socket, linger) = (self.connection()?, SocketOption::Linger(Some(0)));
                socket.set_option(&mut self.sim, linger).map_err(failed)?;
                socket.close(&mut self.sim);
            }
            _ => return Err("no such step".to_owned()),
        }
        Ok(())
    }

    fn connection(&self) -> Result<SimSocket, String> {
        self.socket.ok_or_else(|| "there is no connection".to_owned())
    }

    fn send(&mut self, len: u32) -> Result<(), String> {
        self.connection()?;
        same(&len.to_string(), &self.write(len).to_string())
    }

    fn recv(&mut self, len: u32) -> Result<(), String> {
        let socket = self.connection()?;
        let bytes = socket.try_read(&mut self.sim, len as usize).map_err(|error| format!("{error:?}"))?;
        let expected: Vec<u8> = (self.read..self.read + len).map(byte_at).collect();
        self.read += bytes.len() as u32;
        same(&len.to_string(), &bytes.len().to_string())?;
        if bytes == expected { Ok(()) } else { Err("other bytes than were sent".to_owned()) }
    }

    fn wait(&mut self, time: Duration) -> Result<(), String> {
        self.sim.run_for(time);
        self.nothing_else("the time was over")
    }

    fn expect(&mut self, rest: &str) -> Result<(), String> {
        let (span, segment) = match rest.strip_prefix("after ") {
            None => (None, rest),
            Some(rest) => {
                let (times, segment) = rest.split_once(' ').ok_or("no segment is given")?;
                (Some(span(times)?), segment)
            }
        };
        let expected: Notation = segment.parse()?;
        let start = self.sim.now();
        if let Some(span) = span {
            self.nothing_else("the time began")?;
            let output = self.output.clone();
            self.sim.run_until(span.latest, |_| !output.is_empty());
        }
        let seen = self.next()?;
        let shown = self.written_as(&seen);
        if !expected.is_met_by(&shown) {
            return Err(format!("sent was {shown}"));
        }
        match span {
            Some(span) if seen.at.since(start) < span.earliest => {
                Err(format!("it was sent after {:?}", seen.at.since(start)))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn next(&mut self) -> Result<Seen, String> {
        self.collect()?;
        self.pending.pop_front().ok_or_else(|| "nothing was sent".to_owned())
    }

    fn nothing_else(&mut self, before: &str) -> Result<(), String> {
        self.collect()?;
        match self.pending.front() {
            None => Ok(()),
            Some(seen) => Err(format!("before {before} also this was sent: {}", self.written_as(seen))),
        }
    }
}

fn same(expected: &str, actual: &str) -> Result<(), String> {
    if expected == actual { Ok(()) } else { Err(format!("it is {actual}")) }
}

fn number(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| format!("{word} is no number"))
}

/// `20ms`, `1.5s`, `2m`.
fn time(word: &str) -> Result<Duration, String> {
    let wrong = || format!("{word} is no time: 20ms, 1.5s, 2m");
    let split = word.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (digits, unit) = word.split_at(split);
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

fn span(word: &str) -> Result<Span, String> {
    match word.split_once("..") {
        Some((earliest, latest)) => Ok(Span { earliest: time(earliest)?, latest: time(latest)? }),
        None => {
            let at = time(word)?;
            Ok(Span { earliest: at.saturating_sub(TOLERANCE), latest: at + TOLERANCE })
        }
    }
}

#[cfg(test)]
mod tests;
