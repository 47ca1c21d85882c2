//! C programs as processes, over Sockeye with a host process of their own, or over the kernel.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take before a test fails: the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Whose TCP a program is to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stack {
    Kernel,
    Sockeye,
    /// Sockeye inside the program.
    Embedded,
}

/// A place for processes that see each other: their host process has its socket here. What still runs is killed at the end.
pub struct World {
    stack: Stack,
    directory: TempDir,
}

impl World {
    pub fn new(stack: Stack) -> Self {
        Self { stack, directory: tempfile::Builder::new().prefix("sockeye-").tempdir().expect("a directory") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command in this world.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("SOCKEYE_SOCKET", self.path("host"))
            .env("SOCKEYE_HOST_PROGRAM", &built().sockeye)
            .env_remove("SOCKEYE_MODE")
            .env_remove("SOCKEYE_NETWORK")
            .env_remove("SOCKEYE_AS");
        if self.stack == Stack::Embedded {
            command.env("SOCKEYE_MODE", "embedded");
        }
        command
    }

    /// An example, linked as this world's stack asks.
    pub fn example(&self, name: &str, arguments: &[&str]) -> Running {
        let mut command = self.command(example(name, self.stack));
        command.args(arguments);
        Running::start(command)
    }

    /// A program of `tests/calls`, linked as this world's stack asks.
    pub fn caller(&self, name: &str, arguments: &[&str]) -> Command {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/calls/{name}.c"));
        let mut command = self.command(compiled(name, source, self.stack));
        command.args(arguments);
        command
    }

    /// The path of an example, linked as this world's stack asks.
    pub fn program(&self, name: &str) -> PathBuf {
        example(name, self.stack)
    }

    /// An example that listens on a port of its choice. Its arguments begin with the address and the port.
    pub fn server(&self, name: &str, arguments: &[&str]) -> (Running, String) {
        let mut all = vec!["127.0.0.1", "0"];
        all.extend(arguments);
        let mut server = self.example(name, &all);
        let port = server.listening_port();
        (server, port)
    }

    /// What `sockeye netstat -a -n` prints.
    pub fn netstat(&self) -> String {
        let mut command = self.command(&built().sockeye);
        command.args(["netstat", "-a", "-n"]);
        Running::start(command).finish().1
    }

    /// Process numbers of the host processes of this world.
    pub fn host_processes(&self) -> Vec<u32> {
        let socket = self.path("host").into_os_string().into_encoded_bytes();
        let has_socket = |text: Vec<u8>| text.windows(socket.len()).any(|window| window == socket);
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|number: &u32| {
                let program = std::fs::read_link(format!("/proc/{number}/exe")).unwrap_or_default();
                program == built().sockeye
                    && ["cmdline", "environ"]
                        .iter()
                        .any(|file| std::fs::read(format!("/proc/{number}/{file}")).is_ok_and(has_socket))
            })
            .collect()
    }

    pub fn kill_host(&self) {
        let hosts = self.host_processes();
        assert!(!hosts.is_empty(), "there is no host process");
        hosts.into_iter().for_each(|host| signal(host, rustix::process::Signal::KILL));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.stack == Stack::Sockeye {
            self.host_processes().into_iter().for_each(|host| signal(host, rustix::process::Signal::KILL));
        }
    }
}

pub fn signal(process: u32, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(process.cast_signed()).expect("a process number");
    // It may have ended by itself.
    let _ = rustix::process::kill_process(process, signal);
}

/// A process whose output is read as it comes.
pub struct Running {
    pub number: u32,
    name: String,
    input: Option<std::process::ChildStdin>,
    lines: Receiver<String>,
    errors: Receiver<String>,
    end: Receiver<ExitStatus>,
    seen: Vec<String>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let input = child.stdin.take();
        let lines = lines_of(child.stdout.take().expect("piped"));
        let errors = lines_of(child.stderr.take().expect("piped"));
        Self { number: child.id(), name, input, lines, errors, end: end_of(child), seen: Vec::new() }
    }

    /// The next line of output that starts with `start`.
    pub fn line(&mut self, start: &str) -> String {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.starts_with(start) {
                        return line;
                    }
                }
                Err(_) => panic!("{}: no line {start:?}; {:?}; {:?}", self.name, self.seen, self.errors()),
            }
        }
    }

    /// The next line of output; `None` if there is none within the time, or no more.
    pub fn next_line(&mut self, time: Duration) -> Option<String> {
        let line = self.lines.recv_timeout(time).ok()?;
        self.seen.push(line.clone());
        Some(line)
    }

    pub fn listening_port(&mut self) -> String {
        self.line("listening on port ").rsplit(' ').next().expect("a port").to_string()
    }

    /// Whether there is a line within the time.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.lines.recv_timeout(time).is_err()
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.input.as_mut().expect("open").write_all(bytes).expect("the program reads");
    }

    /// As [`write`](Self::write), to a program that may have ended.
    pub fn try_write(&mut self, bytes: &[u8]) {
        let _ = self.input.as_mut().expect("open").write_all(bytes);
    }

    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn signal(&self, which: rustix::process::Signal) {
        signal(self.number, which);
    }

    pub fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    /// How it ended; `None` if it still runs after `time`.
    pub fn ends_within(&self, time: Duration) -> Option<ExitStatus> {
        self.end.recv_timeout(time).ok()
    }

    /// How it ended, and what it printed since the last line asked for.
    pub fn finish(mut self) -> (ExitStatus, String) {
        self.close_input();
        let status = self.ends_within(LIMIT).unwrap_or_else(|| panic!("{}: does not end", self.name));
        let mut text = String::new();
        self.lines.iter().for_each(|line| text += &(line + "\n"));
        if !status.success() {
            text += &self.errors();
        }
        (status, text)
    }

    /// As [`finish`](Self::finish), and it ended well.
    pub fn finish_well(self) -> String {
        let name = self.name.clone();
        let (status, text) = self.finish();
        assert!(status.success(), "{name}: {status}\n{text}");
        text
    }

    pub fn errors(&self) -> String {
        let mut text = String::new();
        while let Ok(line) = self.errors.recv_timeout(Duration::from_millis(100)) {
            text += &(line + "\n");
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines of a stream, as they come.
pub fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn end_of(mut child: Child) -> Receiver<ExitStatus> {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(child.wait().expect("a child")));
    receiver
}

/// Lets time pass, where the point is that it does: killing at a random moment.
pub fn pause(time: Duration) {
    let (_sender, receiver) = channel::<()>();
    let _ = receiver.recv_timeout(time);
}

/// The ports, local and remote, of the kernel's TCP sockets, as `ss -tan` would show them.
pub fn kernel_ports() -> Vec<(u16, u16)> {
    let port = |address: Option<&str>| {
        let (_, port) = address.and_then(|address| address.rsplit_once(':')).expect("an address");
        u16::from_str_radix(port, 16).expect("a port")
    };
    let ports = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        (port(words.next()), port(words.next()))
    };
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            text.lines().skip(1).map(ports).collect::<Vec<_>>()
        })
        .collect()
}

struct Built {
    library_directory: PathBuf,
    library: PathBuf,
    sockeye: PathBuf,
}

/// The preloadable library.
pub fn library() -> PathBuf {
    built().library.clone()
}

/// The command.
pub fn sockeye() -> PathBuf {
    built().sockeye.clone()
}

/// The library and the command of this very source, built by the cargo that runs the tests.
fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let me = std::env::current_exe().expect("a path");
        let profile = me.ancestors().nth(2).expect("target/PROFILE/deps").to_path_buf();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "sockeye-ffi", "-p", "sockeye-cli", "--target-dir"]);
        cargo.arg(profile.parent().expect("target")).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.file_name() == Some(OsStr::new("release")) {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the library and the command do not build");
        let library = profile.join("libsockeye_ffi.so");
        let library_directory = scratch().join("lib");
        std::fs::create_dir_all(&library_directory).expect("a directory");
        for name in ["libsockeye.so", "libsockeye.so.0"] {
            let link = library_directory.join(name);
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&library, link).expect("a link");
        }
        Built { library_directory, library, sockeye: profile.join("sockeye") }
    })
}

/// A directory for this test file.
fn scratch() -> PathBuf {
    let me = std::env::current_exe().expect("a path");
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(me.file_name().expect("a name"))
}

/// The example of that name, compiled once.
fn example(name: &str, stack: Stack) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../c-examples/{name}.c"));
    compiled(name, source, stack)
}

/// A program, compiled once.
fn compiled(name: &str, source: PathBuf, stack: Stack) -> PathBuf {
    // Both modes have the same library.
    let stack = if stack == Stack::Embedded { Stack::Sockeye } else { stack };
    static DONE: OnceLock<Mutex<HashMap<(String, Stack), PathBuf>>> = OnceLock::new();
    let mut done = DONE.get_or_init(Mutex::default).lock().expect("no panic");
    done.entry((name.to_string(), stack)).or_insert_with(|| compile(name, &source, stack)).clone()
}

fn compile(name: &str, source: &Path, stack: Stack) -> PathBuf {
    let directory = scratch().join(format!("{stack:?}"));
    std::fs::create_dir_all(&directory).expect("a directory");
    let program = directory.join(name);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../c-examples");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O2", "-D_FORTIFY_SOURCE=2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]);
    cc.arg(&program).arg("-I").arg(examples).arg(source);
    if name == "first_call" {
        // It exports nothing then.
        cc.args(["-fno-pie", "-no-pie"]);
    }
    if stack == Stack::Sockeye {
        let directory = &built().library_directory;
        let mut path = OsString::from("-Wl,-rpath,");
        path.push(directory);
        cc.arg("-L").arg(directory).arg("-lsockeye").arg(path);
    }
    assert!(cc.status().expect("cc runs").success(), "{name}.c does not compile");
    program
}
