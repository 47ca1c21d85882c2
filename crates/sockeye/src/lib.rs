//! TCP in user space, with the sockets of [`std::net`].
//!
//! [`TcpListener`] and [`TcpStream`] have the methods and traits of their namesakes in `std::net`; the kernel does not
//! carry their connections. A [`Net`] is the network they live in: one inside this process ([`Net::loopback`]), one made
//! of several hosts and links ([`Net::with_config`]), or that of a host process shared with other programs
//! ([`Net::hosted`]).
//!
//! ```
//! use sockeye::Net;
//! use std::io::{Read, Write};
//!
//! let net = Net::loopback()?;
//! let listener = net.bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = std::thread::spawn(move || -> std::io::Result<String> {
//!     let (mut stream, _peer) = listener.accept()?;
//!     let mut text = String::new();
//!     stream.read_to_string(&mut text)?;
//!     Ok(text)
//! });
//!
//! let mut stream = net.connect(address)?;
//! stream.write_all(b"upstream")?;
//! drop(stream);
//! assert_eq!(server.join().unwrap()?, "upstream");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! To change a program from `std::net`, change its `use` line: [`TcpListener::bind`] and [`TcpStream::connect`] use one
//! network for the whole process, which [`Net::process_default`] describes.
#![forbid(unsafe_code)]

mod error;
mod listener;
mod net;
mod stream;

pub use listener::{Incoming, TcpListener};
pub use net::Net;
pub use sockeye_host::{HostedOptions, SetupError, network_file};
pub use sockeye_stack::{HostConfig, LinkBetween, NetworkConfig, Settings};
pub use stream::TcpStream;
