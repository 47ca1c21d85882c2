//! Where an experiment plays: two programs, and the view of their connection. Waits for events, never for time alone.

use super::program::Program;
use super::signals::Signals;
use super::view::{Row, Sample, View};
use crate::failure::Failure;
use crate::pause::pause;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockeye_clock::{Instant, monotonic};
use std::io::{self, Write};
use std::time::Duration;

/// How long anything may take that should take no time, on a machine under load.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two samples of netstat, if no program prints.
const TICK: Duration = Duration::from_millis(10);

/// The two programs and their connection.
pub(super) struct Stage {
    view: View,
    signals: Signals,
    began: Instant,
    pub(super) server: Option<Program>,
    pub(super) client: Option<Program>,
    shown: Option<Sample>,
}

impl Stage {
    pub(super) fn new(view: View, signals: Signals) -> Self {
        Self { view, signals, began: monotonic(), server: None, client: None, shown: None }
    }

    /// A line at a turning point.
    pub(super) fn turn(&self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(io::stdout(), "\n=== {text}")?)
    }

    /// Looks until `done`, or until patience ends: the last look, and whether it was `done`.
    ///
    /// # Errors
    /// As [`watch_for`](Self::watch_for).
    pub(super) fn watch(
        &mut self,
        done: impl FnMut(&Sample, &Self) -> bool,
    ) -> Result<(Sample, bool), Failure> {
        self.watch_for(PATIENCE, done)
    }

    /// Looks until `done`, or for so long: the last look, and whether it was `done`.
    ///
    /// # Errors
    /// A signal came; a program ended before its time; there is nothing to look at.
    pub(super) fn watch_for(
        &mut self,
        time: Duration,
        mut done: impl FnMut(&Sample, &Self) -> bool,
    ) -> Result<(Sample, bool), Failure> {
        let deadline = monotonic() + time;
        loop {
            let sample = self.look()?;
            if done(&sample, self) {
                return Ok((sample, true));
            }
            for program in [&mut self.server, &mut self.client].into_iter().flatten() {
                if let Err(failure) = program.check() {
                    // A terminal's signal is for all of them: then that is why it ended.
                    self.signals.check()?;
                    return Err(failure);
                }
            }
            if monotonic() >= deadline {
                return Ok((sample, false));
            }
        }
    }

    /// Whether `holds` is true at every look for so long.
    pub(super) fn stays(&mut self, time: Duration, holds: impl Fn(&Sample) -> bool) -> Result<bool, Failure> {
        let deadline = monotonic() + time;
        while monotonic() < deadline {
            if !holds(&self.look()?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One sample, after the programs had a tick to print; what is new in it is shown.
    fn look(&mut self) -> Result<Sample, Failure> {
        self.listen()?;
        self.signals.check()?;
        let sample = self.view.sample()?;
        if self.shown.as_ref() != Some(&sample) {
            let time = monotonic().since(self.began).as_secs_f64();
            let (server, client) = (end(sample.server.as_ref()), end(sample.client.as_ref()));
            writeln!(io::stdout(), "{time:7.2}s  server {server}   client {client}")?;
            self.shown = Some(sample.clone());
        }
        Ok(sample)
    }

    /// Prints what the programs print in the next tick.
    fn listen(&mut self) -> Result<(), Failure> {
        let programs = [&self.server, &self.client];
        let outputs = programs.into_iter().flatten().filter_map(Program::output);
        let mut outputs: Vec<PollFd<'_>> =
            outputs.map(|output| PollFd::from_borrowed_fd(output, PollFlags::IN)).collect();
        if outputs.is_empty() {
            pause(TICK);
        } else {
            let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
            // Interrupted or not: what there is to read is read next.
            let _ = poll(&mut outputs, Some(&tick));
        }
        for program in [&mut self.server, &mut self.client].into_iter().flatten() {
            for line in program.take_lines() {
                writeln!(io::stdout(), "{line}")?;
            }
        }
        Ok(())
    }
}

fn end(row: Option<&Row>) -> String {
    match row {
        Some(row) => format!("Recv-Q {:>5} Send-Q {:>5} {:<11}", row.recv_queue, row.send_queue, row.state),
        None => format!("{:<37}", "-"),
    }
}
