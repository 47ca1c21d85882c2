//! An echo server, or a client that sends one line: `echo serve 127.0.0.1:7007`, `echo say 127.0.0.1:7007 hello`.
//!
//! With `SOCKEYE_MODE=host` two processes reach each other through the host process; without it each has a network of
//! its own, and there is nobody to reach.

use sockeye::{TcpListener, TcpStream};
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;
use std::thread;

const USAGE: &str = "usage: echo serve ADDRESS:PORT | echo say ADDRESS:PORT LINE";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => serve(address),
        ["say", address, line] => say(address, line),
        _ => return end(2, USAGE),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(1, &format!("echo: {error}")),
    }
}

/// One line on standard error, and a status.
fn end(status: u8, line: &str) -> ExitCode {
    // Nothing is left to be done if even this cannot be reported.
    let _ = writeln!(io::stderr(), "{line}");
    ExitCode::from(status)
}

fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || io::copy(&mut &stream, &mut &stream));
    }
    Ok(())
}

fn say(address: &str, line: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    writeln!(stream, "{line}")?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    io::stdout().write_all(answer.as_bytes())
}
