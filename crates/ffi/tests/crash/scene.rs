//! One combination, played once: a call up to a step of it, who dies there, and what the others then find.

use super::cast::{Caller, Far, start_clients, start_far};
use super::found::CLIENTS;
use super::stage::Stage;
use super::table::{Death, Other, Row, Wake};
use super::trace::{Place, Sleeper, Stop, Then, Tracer};
use crate::common::{LIMIT, pause};
use rustix::process::Signal;
use sockeye_clock::{Instant, monotonic};
use std::collections::HashSet;
use std::time::Duration;

/// How long all may take to find that somebody has died, beyond what the machine is late.
const SECOND: Duration = Duration::from_secs(1);
/// How long a sibling works beside a caller that is held, before that dies.
const BESIDE: Duration = Duration::from_millis(3);
/// How long others may take while a caller is stopped, beyond what the machine is late.
const AT_ONCE: Duration = Duration::from_millis(250);

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub enum Until<'a> {
    /// To the place of this number, stopping at these instructions only.
    Place(usize, &'a HashSet<Stop>),
    /// To the end, by these instructions.
    End(&'a HashSet<Stop>),
    /// To the end, by each instruction.
    EndInSteps,
}

/// The way that was gone.
#[derive(Debug, Default)]
pub struct Way {
    pub places: Vec<Place>,
    pub stops: HashSet<Stop>,
}

/// Says what is not as it must be.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}
pub(super) use ensure;

/// The processes of a combination.
pub(super) struct Scene<'a> {
    stage: &'a mut Stage,
    pub(super) row: &'a Row,
    pub(super) caller: Caller,
    pub(super) far: Far,
    port: String,
    is_woken: bool,
    is_drained: bool,
    /// The clients are connected.
    is_crowded: bool,
}

/// Plays a combination.
pub fn play(stage: &mut Stage, row: &Row, death: Death, until: Until<'_>) -> Result<Way, String> {
    let mut scene = Scene::open(stage, row, row.sibling_for(death));
    let (way, tracer) = match death {
        Death::HostItself => scene.step_host(until),
        _ => scene.step_caller(until),
    };
    let is_at_end = way.places.last() == Some(&Place::End);
    scene.stage.pulse.reset();
    let start = monotonic();
    let result = match death {
        Death::Caller => scene.kill_caller(tracer, is_at_end),
        Death::Sharer => scene.kill_sharer(tracer),
        Death::Peer => scene.kill_peer(tracer),
        Death::Both => scene.kill_both(tracer),
        Death::Host | Death::HostItself => scene.kill_host(tracer, death),
        Death::Nobody => scene.stop_caller(tracer, is_at_end),
        Death::NobodyOfTwo => scene.hold_caller(tracer),
    };
    let took = monotonic().since(start);
    let Scene { stage, caller, far, .. } = scene;
    let second = stage.pulse.allow(SECOND);
    result.map_err(|why| format!("{why}; {}", caller.errors()))?;
    ensure!(took < second, "it took {took:?}, of {second:?}");
    drop((caller, far));
    if death.kills_host() {
        stage.check_without_host();
    } else {
        stage.check()?;
    }
    Ok(way)
}

/// Getting there.
impl<'a> Scene<'a> {
    fn open(stage: &'a mut Stage, row: &'a Row, sibling: &str) -> Self {
        let (mut far, port) = start_far(&stage.world, row);
        let mut caller = Caller::start(&stage.world, row, &port, sibling);
        let port = if row.other == Other::Clients { caller.line("listening on port ") } else { port };
        caller.prepare(sibling);
        if row.other == Other::Clients && row.wake != Wake::Clients {
            far = Far::Clients(start_clients(&stage.world, &port));
        }
        if let (Far::Peer(peer), false) = (&mut far, row.call == "connect") {
            peer.line("accepted");
        }
        if row.words.0 > 0 {
            far.tell(&format!("words {}", row.words.0));
        }
        let (is_woken, is_drained, is_crowded) = (false, false, false);
        let mut scene = Self { stage, row, caller, far, port, is_woken, is_drained, is_crowded };
        scene.await_clients();
        scene
    }

    fn step_caller(&mut self, until: Until<'_>) -> (Way, Tracer) {
        let mut tracer = Tracer::seize(self.caller.number(), Some(self.caller.robust_head));
        self.caller.go();
        tracer.run_to_marker();
        hurry(&mut tracer, until);
        let way = follow(&mut tracer, until, || {
            self.wake();
            self.await_clients();
            Sleeper::GoesOn
        });
        (way, tracer)
    }

    fn step_host(&mut self, until: Until<'_>) -> (Way, Tracer) {
        let mut tracer = Tracer::seize(self.stage.host(), None);
        hurry(&mut tracer, until);
        tracer.run_to_sleep();
        self.caller.go();
        let way = follow(&mut tracer, until, || {
            if self.caller.has_line("gave ") {
                return Sleeper::IsDone;
            }
            self.wake();
            Sleeper::GoesOn
        });
        (way, tracer)
    }

    /// Makes a call go on that sleeps.
    fn wake(&mut self) {
        if std::mem::replace(&mut self.is_woken, true) {
            return;
        }
        match self.row.wake {
            Wake::Nothing => {}
            Wake::Drain => self.drain(),
            Wake::Words => self.far.tell(&format!("words {}", self.row.words.1)),
            Wake::Clients => self.far = Far::Clients(start_clients(&self.stage.world, &self.port)),
        }
    }

    /// Waits until clients that come are connected.
    fn await_clients(&mut self) {
        if let Far::Clients(clients) = &mut self.far
            && !std::mem::replace(&mut self.is_crowded, true)
        {
            clients.line("connected");
        }
    }

    fn drain(&mut self) {
        if !std::mem::replace(&mut self.is_drained, true) {
            self.far.tell("drain");
        }
    }
}

/// How to get from place to place.
fn hurry(tracer: &mut Tracer, until: Until<'_>) {
    match until {
        Until::Place(_, stops) | Until::End(stops) => tracer.hurry(stops),
        Until::EndInSteps => {}
    }
}

/// Goes through the places of a call.
fn follow(tracer: &mut Tracer, until: Until<'_>, mut wake: impl FnMut() -> Sleeper) -> Way {
    let last = match until {
        Until::Place(last, _) => last,
        Until::End(_) | Until::EndInSteps => usize::MAX,
    };
    let home = if matches!(until, Until::EndInSteps) { tracer.come_here() } else { None };
    let mut places = Vec::new();
    while places.last() != Some(&Place::End) && places.len() <= last {
        places.push(tracer.next(&mut wake));
    }
    home.inspect(|cpus| tracer.stay_on(cpus));
    Way { places, stops: tracer.stops() }
}

/// Dying there.
impl Scene<'_> {
    fn kill_caller(&mut self, tracer: Tracer, is_at_end: bool) -> Result<(), String> {
        self.caller.kill();
        drop(tracer);
        self.drain();
        self.far.tell("fin");
        if self.row.other == Other::Clients {
            return self.check_clients(0);
        }
        let Some(end) = self.end_of_stream()? else { return Ok(()) };
        let sent = self.caller.sent;
        let least = if is_at_end { sent + self.row.sends } else { sent };
        let is_reset = self.row.may_reset() && end.why == "ECONNRESET";
        ensure!(end.why == "EOF" || is_reset, "the peer finds {end:?}");
        ensure!(is_reset || end.caller >= least, "of {least} bytes {} arrive", end.caller);
        ensure!(end.caller <= sent + self.row.sends, "of {sent} bytes {} arrive", end.caller);
        Ok(())
    }

    fn kill_sharer(&mut self, tracer: Tracer) -> Result<(), String> {
        self.caller.wake_sibling();
        if self.row.wake != Wake::Drain {
            self.wake();
        }
        pause(BESIDE);
        self.caller.kill();
        drop(tracer);
        self.drain();
        self.far.tell("fin");
        let said = self.caller.line("sibling ");
        let words: Vec<&str> = said.split(' ').collect();
        match self.row.sibling {
            "acceptor" => {
                let served = words[0].parse::<usize>().expect("a number");
                ensure!(served + 1 >= CLIENTS, "the sibling serves {served} of {CLIENTS}");
                self.check_clients(served)
            }
            "reader" => self.check_reader(&words),
            _ => self.check_writer(&words),
        }
    }

    fn kill_peer(&mut self, tracer: Tracer) -> Result<(), String> {
        self.far.kill();
        let is_dead = self.far.running().is_some_and(|far| far.ends_within(LIMIT).is_some());
        assert!(is_dead, "a peer that was killed lives");
        tracer.release(Then::RunsOn);
        let gave = self.caller.line("gave ");
        let (result, error) = gave.split_once(' ').expect("two words");
        let errors: &[&str] = match self.row.call {
            "connect" => &["ECONNREFUSED", "ECONNRESET"],
            "shutdown" => &["ENOTCONN"],
            // A stop and a continuation end it, as the kernel's.
            "epoll" | "epoll-token" => &["EINTR"],
            _ => &["ECONNRESET", "EPIPE"],
        };
        ensure!(result != "-1" || errors.contains(&error), "the call gives {gave}");
        self.caller.go();
        let finished = self.caller.line("finished ");
        let ends = ["all", "ECONNRESET", "EPIPE", "ENOTCONN", "0", "3", "2", "1"];
        let why = finished.split(' ').next().expect("a word");
        ensure!(ends.contains(&why), "the caller finishes with {finished}");
        Ok(())
    }

    fn kill_both(&mut self, tracer: Tracer) -> Result<(), String> {
        self.caller.kill();
        self.far.kill();
        drop(tracer);
        let is_dead = self.far.running().is_none_or(|far| far.ends_within(LIMIT).is_some());
        assert!(is_dead, "a peer that was killed lives");
        Ok(())
    }

    fn kill_host(&mut self, tracer: Tracer, death: Death) -> Result<(), String> {
        self.stage.kill_host();
        if death != Death::HostItself {
            tracer.release(Then::RunsOn);
        }
        let gave = self.caller.line("gave ");
        let (result, error) = gave.split_once(' ').expect("two words");
        let is_known = ["ENETDOWN", "ECONNABORTED"].contains(&error);
        let is_interrupted = self.row.call.starts_with("epoll") && error == "EINTR";
        ensure!(result != "-1" || is_known || is_interrupted, "the call gives {gave}");
        self.caller.go();
        self.caller.line("finished ");
        self.drain();
        match &self.far {
            // They came while the host was held.
            Far::Clients(_) if !self.is_crowded => Ok(()),
            Far::Clients(_) | Far::Awaited => self.check_clients(0),
            Far::Peer(_) => self.end_without_host(),
        }
    }

    fn stop_caller(&mut self, tracer: Tracer, is_at_end: bool) -> Result<(), String> {
        tracer.release(Then::Stops);
        let start = monotonic();
        self.stage.turn();
        self.caller.wake_sibling();
        let turned = self.caller.line("sibling ");
        self.check_at_once(start)?;
        ensure!(turned == "1000", "the sibling's other socket gives {turned}");
        self.caller.signal(Signal::CONT);
        self.wake();
        let gave = self.caller.line("gave ");
        let result: i64 = gave.split(' ').next().expect("a word").parse().expect("a number");
        let is_interrupted = self.row.call.starts_with("epoll") && gave.ends_with("EINTR");
        let is_right = self.row.gives.map_or(result >= 0, |gives| result == gives);
        ensure!(is_right || (is_interrupted && !is_at_end), "the call gives {gave}");
        self.drain();
        self.caller.go();
        self.far.tell("fin");
        let finished = self.caller.line("finished ");
        match self.row.other {
            Other::Clients => {
                ensure!(finished == CLIENTS.to_string(), "{finished} of {CLIENTS} are served");
                self.check_clients(CLIENTS)
            }
            Other::Peer => self.check_whole(result, &finished),
        }
    }

    /// While the caller is held, its sibling changes the buffers of the same socket and uses it.
    fn hold_caller(&mut self, tracer: Tracer) -> Result<(), String> {
        self.caller.wake_sibling();
        self.wake();
        self.drain();
        pause(BESIDE);
        tracer.release(Then::RunsOn);
        if self.row.sibling == "reader" {
            // Whoever of the two finds nothing more waits for that.
            self.far.tell("fin");
        }
        let gave = self.caller.line("gave ");
        let (result, error) = gave.split_once(' ').expect("two words");
        let result: i64 = result.parse().expect("a number");
        let is_in_use = self.row.call == "connect" && ["EISCONN", "EALREADY"].contains(&error);
        let is_interrupted = self.row.call.starts_with("epoll") && error == "EINTR";
        ensure!(result >= 0 || is_in_use || is_interrupted, "the call gives {gave}");
        let said = self.caller.line("sibling ");
        self.caller.go();
        self.far.tell("fin");
        let finished = self.caller.line("finished ");
        self.check_both(result, &said, &finished)
    }

    fn check_at_once(&self, start: Instant) -> Result<(), String> {
        let (took, most) = (monotonic().since(start), self.stage.pulse.allow(AT_ONCE));
        ensure!(took < most, "others wait {took:?} for a stopped program");
        Ok(())
    }
}
