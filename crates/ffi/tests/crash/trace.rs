//! Goes through a call of another process instruction by instruction, and stops before those that touch what others see.
//!
//! Between two of them a process neither changes what others see nor sees what they change: so whatever happens to it, or to others, at
//! any instruction is the same as at the next of these places. They are system calls, reads and writes of shared memory, and writes of
//! the list by which the kernel finds the locks of a thread that ends.

pub use super::code::Stop;
use super::code::{Access, Code, Effect};
use crate::common::{LIMIT, pause};
use nix::errno::Errno;
use nix::libc::{self, user_regs_struct};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::thread::CpuSet;
use std::collections::HashSet;
use std::time::Duration;

/// The system call between two executions of which the call of interest lies.
const MARKER: u64 = libc::SYS_getppid as u64;
/// A system call that takes longer than this sleeps.
const ASLEEP: Duration = Duration::from_millis(15);
/// System calls that make another process of this one's memory.
const FORKS: [i64; 4] = [libc::SYS_fork, libc::SYS_vfork, libc::SYS_clone, libc::SYS_clone3];
/// System calls that change what is mapped.
const MAPPERS: [i64; 3] = [libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap];

/// A process that is held before an instruction.
#[derive(Debug)]
pub struct Tracer {
    process: Pid,
    code: Code,
    stands: Stands,
    /// Of the instruction that matters.
    address: u64,
    /// Reads since the last change: who looks at something again and again stands at one place.
    reads: HashSet<(u64, u64)>,
    /// A breakpoint to set again.
    passed: Option<u64>,
    /// How it was let go last.
    resumed: Resume,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// Nobody has looked at the next instruction.
    Anywhere,
    /// Before an instruction that matters.
    Before(Touch),
    /// In a system call.
    Asleep,
}

/// The way in which an instruction matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    SystemCall(u64),
    Write(u64),
    Read(u64),
}

/// A place in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before an instruction that touches what others see.
    Before(String),
    /// In a system call that sleeps.
    Asleep,
    /// Behind the call.
    End,
}

/// The future of a process that sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleeper {
    /// It is woken, or wakes by itself.
    GoesOn,
    /// It has done all that it was to do.
    IsDone,
}

/// What a process does once it is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    RunsOn,
    /// SIGSTOP comes first.
    Stops,
}

impl Tracer {
    /// Takes hold of a process. `robust_head` is the address of its list of robust locks.
    pub fn seize(process: u32, robust_head: Option<u64>) -> Self {
        let process = Pid::from_raw(process.cast_signed());
        ptrace::seize(process, Options::PTRACE_O_TRACESYSGOOD).unwrap_or_else(|error| {
            panic!(
                "these tests need ptrace, which is not permitted here: {error}; set kernel.yama.ptrace_scope to 1 or 0, \
                 or start the container with --cap-add=SYS_PTRACE"
            )
        });
        let code = Code::new(process, robust_head);
        let (stands, reads) = (Stands::Anywhere, HashSet::new());
        let mut tracer =
            Self { process, code, stands, address: 0, reads, passed: None, resumed: Resume::Step };
        tracer.interrupt();
        tracer.code.look_at_maps();
        tracer
    }

    /// Lets the process run through its marker.
    pub fn run_to_marker(&mut self) {
        loop {
            self.resume(Resume::ToSystemCall);
            self.wait();
            if self.registers().orig_rax == MARKER {
                // That was its entry.
                self.resume(Resume::ToSystemCall);
                self.wait();
                self.code.look_at_maps();
                return;
            }
        }
    }

    /// Lets the process go on until it sleeps.
    pub fn run_to_sleep(&mut self) {
        while self.next(|| Sleeper::IsDone) != Place::Asleep {}
    }

    /// The instructions that have mattered so far, for [`hurry`](Self::hurry).
    pub fn stops(&self) -> HashSet<Stop> {
        self.code.stops()
    }

    /// From now on only these instructions are looked at, and those between run at full speed.
    pub fn hurry(&mut self, stops: &HashSet<Stop>) {
        self.code.set_breakpoints(stops);
    }

    /// Brings the process to the processor of this thread, and keeps both there: steps are a third as long then. Returns where both may run
    /// again after that.
    pub fn come_here(&self) -> Option<CpuSet> {
        let mut here = CpuSet::new();
        here.set(rustix::thread::sched_getcpu());
        let before = rustix::thread::sched_getaffinity(None).ok()?;
        self.stay_on(&here);
        Some(before)
    }

    /// Keeps the process and this thread on these processors.
    pub fn stay_on(&self, cpus: &CpuSet) {
        let process = rustix::process::Pid::from_raw(self.process.as_raw());
        // It may not be ours to decide: then steps are slow.
        let _ = rustix::thread::sched_setaffinity(None, cpus);
        let _ = rustix::thread::sched_setaffinity(process, cpus);
    }

    /// Goes to the next place. `wake` is called while the process sleeps.
    pub fn next(&mut self, wake: impl FnMut() -> Sleeper) -> Place {
        match self.stands {
            Stands::Anywhere => {}
            Stands::Before(touch) => {
                if !self.execute(touch) {
                    self.stands = Stands::Asleep;
                    return Place::Asleep;
                }
            }
            Stands::Asleep => {
                if self.sleep(wake) == Sleeper::IsDone {
                    return Place::End;
                }
            }
        }
        self.find_touch()
    }

    /// Lets the process go.
    pub fn release(mut self, then: Then) {
        if self.stands == Stands::Asleep {
            self.interrupt();
        }
        self.code.remove_breakpoints();
        self.passed = None;
        if self.has_pending_trap() {
            // The step through the system call, which was interrupted, is over: untraced that would be the end of the process.
            self.resume(Resume::ToBreakpoint);
            self.wait();
        }
        if then == Then::Stops {
            signal::kill(self.process, Signal::SIGSTOP).expect("it lives");
        }
        ptrace::detach(self.process, None).expect("it is held");
    }

    fn has_pending_trap(&self) -> bool {
        const SIGTRAP: u64 = 1 << (Signal::SIGTRAP as i32 - 1);
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).expect("it lives");
        let pending = status.lines().find_map(|line| line.strip_prefix("SigPnd:")).expect("a line");
        u64::from_str_radix(pending.trim(), 16).is_ok_and(|pending| pending & SIGTRAP != 0)
    }

    fn sleep(&mut self, mut wake: impl FnMut() -> Sleeper) -> Sleeper {
        let deadline = sockeye_clock::monotonic() + LIMIT;
        while !self.is_stopped_within(ASLEEP) {
            if wake() == Sleeper::IsDone {
                return Sleeper::IsDone;
            }
            assert!(sockeye_clock::monotonic() < deadline, "the process sleeps for ever");
        }
        Sleeper::GoesOn
    }

    /// Goes on to what matters, from where the process stands.
    fn find_touch(&mut self) -> Place {
        self.stands = Stands::Anywhere;
        loop {
            let registers = self.registers();
            match self.touch(&registers) {
                Some(Touch::SystemCall(MARKER)) => {
                    self.code.note_stop(registers.rip);
                    return Place::End;
                }
                Some(touch) if self.is_new(touch, registers.rip) => {
                    self.stands = Stands::Before(touch);
                    self.address = registers.rip;
                    self.code.note_stop(registers.rip);
                    return Place::Before(format!("{touch:x?} at {}", self.code.name(registers.rip)));
                }
                Some(_) | None => {}
            }
            if !self.go_on(registers.rip) {
                self.stands = Stands::Asleep;
                return Place::Asleep;
            }
        }
    }

    /// To the next instruction, or the next breakpoint. Whether it was reached: the process may sleep.
    fn go_on(&mut self, address: u64) -> bool {
        if !self.code.has_breakpoints() || self.code.lift(address) {
            self.passed = Some(address).filter(|_| self.code.has_breakpoints());
            self.resume(Resume::Step);
            self.wait();
            return true;
        }
        self.resume(Resume::ToBreakpoint);
        self.is_stopped_within(ASLEEP)
    }

    /// Executes an instruction that matters. Whether it is done: it may be a system call that sleeps.
    fn execute(&mut self, touch: Touch) -> bool {
        let address = self.address;
        let Touch::SystemCall(number) = touch else {
            self.go_on(address);
            return true;
        };
        let number = number.cast_signed();
        // A child that nobody traces must not find breakpoints in its memory.
        let hidden = FORKS.contains(&number).then(|| self.code.remove_breakpoints());
        if hidden.is_none() && self.code.lift(address) {
            self.passed = Some(address);
        }
        self.resume(Resume::Step);
        let is_done = self.is_stopped_within(ASLEEP);
        if is_done && MAPPERS.contains(&number) {
            self.code.look_at_maps();
        }
        hidden.into_iter().flatten().for_each(|address| self.code.set_breakpoint(address));
        is_done
    }

    fn touch(&mut self, registers: &user_regs_struct) -> Option<Touch> {
        match &*self.code.effect_at(registers.rip) {
            Effect::SystemCall if registers.rax == libc::SYS_sched_yield as u64 => None,
            Effect::SystemCall => Some(Touch::SystemCall(registers.rax)),
            // A copy is one place.
            Effect::Repeated(_) if self.address == registers.rip => None,
            Effect::Memory(operands) | Effect::Repeated(operands) => operands.iter().find_map(|operand| {
                let address = operand.address(registers)?;
                match operand.access {
                    Access::Write if self.code.is_watched(address) => Some(Touch::Write(address)),
                    Access::Read if self.code.is_shared(address) => Some(Touch::Read(address)),
                    Access::Write | Access::Read => None,
                }
            }),
        }
    }

    fn is_new(&mut self, touch: Touch, instruction: u64) -> bool {
        match touch {
            Touch::SystemCall(_) | Touch::Write(_) => {
                self.reads.clear();
                true
            }
            Touch::Read(address) => self.reads.insert((instruction, address)),
        }
    }

    fn registers(&self) -> user_regs_struct {
        ptrace::getregs(self.process).expect("it is held")
    }

    fn interrupt(&mut self) {
        ptrace::interrupt(self.process).expect("it lives");
        self.wait();
    }

    fn resume(&mut self, how: Resume) {
        self.resumed = how;
        self.resume_with(how, None);
    }

    fn resume_with(&self, how: Resume, signal: Option<Signal>) {
        match how {
            Resume::Step => ptrace::step(self.process, signal),
            Resume::ToBreakpoint => ptrace::cont(self.process, signal),
            Resume::ToSystemCall => ptrace::syscall(self.process, signal),
        }
        .expect("it is held");
    }

    fn wait(&mut self) {
        while !self.is_held(waitpid(self.process, Some(WaitPidFlag::__WALL))) {}
    }

    fn is_stopped_within(&mut self, time: Duration) -> bool {
        let start = sockeye_clock::monotonic();
        let mut looks = 0;
        loop {
            if self.is_held(waitpid(self.process, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG))) {
                return true;
            }
            if sockeye_clock::monotonic().since(start) > time {
                return false;
            }
            looks += 1;
            if looks < 50 { std::thread::yield_now() } else { pause(Duration::from_micros(200)) }
        }
    }

    /// Whether it is held. A signal of its own is passed on.
    fn is_held(&mut self, status: nix::Result<WaitStatus>) -> bool {
        match status {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
            Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {
                self.after_trap();
                true
            }
            Ok(WaitStatus::Stopped(_, signal @ (Signal::SIGSEGV | Signal::SIGILL | Signal::SIGBUS))) => {
                let registers = self.registers();
                let (name, stack) = (self.code.name(registers.rip), registers.rsp);
                panic!(
                    "{signal} at {name}, with the stack at {stack:#x}, {:?}, address {:#x}",
                    self.stands, self.address
                );
            }
            Ok(WaitStatus::Stopped(_, signal)) => {
                // As before: a breakpoint may be lifted.
                self.resume_with(self.resumed, Some(signal));
                false
            }
            Ok(WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_)) => true,
            other => panic!("process {} is not held: {other:?}", self.process),
        }
    }

    /// After a step, or behind a breakpoint.
    fn after_trap(&mut self) {
        if let Some(address) = self.passed.take() {
            self.code.set_breakpoint(address);
            return;
        }
        if !self.code.has_breakpoints() {
            return;
        }
        let mut registers = self.registers();
        if self.code.is_breakpoint(registers.rip - 1) {
            registers.rip -= 1;
            ptrace::setregs(self.process, registers).expect("it is held");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Resume {
    Step,
    ToBreakpoint,
    ToSystemCall,
}
