//! Captures of what links carry, as pcapng files that Wireshark and tcpdump read.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};
use sockeye_clock::Instant;

use crate::Link;

/// A capture file. Clones of it write to the same file, so that both directions of a link, and other links, can be
/// in one.
///
/// Packets are of link type RAW (101): they begin with their IP header. Timestamps are in nanoseconds. Each packet
/// is written at once; put a [`std::io::BufWriter`] around a file.
#[derive(Clone)]
pub struct Capture {
    file: Arc<Mutex<File>>,
}

struct File {
    writer: PcapNgWriter<Box<dyn Write + Send>>,
    /// What [`Instant::ZERO`] is since the Unix epoch.
    origin: Duration,
    /// Why nothing is written any more.
    failed: Option<io::Error>,
}

/// A part of a capture: a direction of a link, or whatever its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface(u32);

/// Timestamps are in units of 10 to the power of minus this (nanoseconds).
const RESOLUTION: u8 = 9;

impl Capture {
    /// Begins a capture: writes the head of the file. `origin` is the time of day, since the Unix epoch, at
    /// [`Instant::ZERO`]; zero will do for virtual time.
    ///
    /// # Errors
    /// Those of `writer`.
    pub fn new(writer: impl Write + Send + 'static, origin: Duration) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> = Box::new(writer);
        let writer = PcapNgWriter::new(writer).map_err(into_io)?;
        let file = Arc::new(Mutex::new(File { writer, origin, failed: None }));
        Ok(Self { file })
    }

    /// Adds an interface that Wireshark shows under this name.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn add_interface(&self, name: &str) -> io::Result<Interface> {
        let mut file = self.lock();
        let interface = Interface(u32::try_from(file.writer.interfaces().len()).unwrap_or(u32::MAX));
        let description = InterfaceDescriptionBlock {
            linktype: DataLink::RAW,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(Cow::Owned(name.to_owned())),
                InterfaceDescriptionOption::IfTsResol(RESOLUTION),
            ],
        };
        file.writer.write_pcapng_block(description).map_err(into_io)?;
        Ok(interface)
    }

    /// Records that `packet` was on `interface` at `at`. After an error nothing more is recorded, and
    /// [`flush`](Self::flush) tells of it: a link does not stop because a disk is full.
    pub fn record(&self, interface: Interface, at: Instant, packet: &[u8]) {
        let mut file = self.lock();
        if file.failed.is_some() {
            return;
        }
        let block = EnhancedPacketBlock {
            interface_id: interface.0,
            timestamp: file.origin.saturating_add(at.since(Instant::ZERO)),
            original_len: u32::try_from(packet.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(packet),
            options: Vec::new(),
        };
        if let Err(error) = file.writer.write_pcapng_block(block) {
            file.failed = Some(into_io(error));
        }
    }

    /// Writes out what the writer still holds.
    ///
    /// # Errors
    /// Those of the writer, and the one that ended the recording.
    pub fn flush(&self) -> io::Result<()> {
        let mut file = self.lock();
        if let Some(error) = &file.failed {
            return Err(io::Error::new(error.kind(), error.to_string()));
        }
        file.writer.get_mut().flush()
    }

    fn lock(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}

fn into_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        error => io::Error::other(error.to_string()),
    }
}

/// A link that records every packet that is handed to it, also those that it then loses.
#[derive(Debug)]
pub struct Tee<L: Link> {
    link: L,
    capture: Capture,
    interface: Interface,
}

impl<L: Link> Tee<L> {
    /// Records what `link` is handed as `interface` of `capture`.
    pub fn new(link: L, capture: Capture, interface: Interface) -> Self {
        Self { link, capture, interface }
    }

    /// The link itself.
    pub fn link(&self) -> &L {
        &self.link
    }
}

impl<L: Link> Link for Tee<L> {
    fn mtu(&self) -> usize {
        self.link.mtu()
    }

    fn transmit(&mut self, now: Instant, packet: Vec<u8>) {
        self.capture.record(self.interface, now, &packet);
        self.link.transmit(now, packet);
    }

    fn is_full(&self) -> bool {
        self.link.is_full()
    }

    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.link.poll_receive(now)
    }

    fn poll_returned(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.link.poll_returned(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.link.poll_timeout()
    }
}

#[cfg(test)]
mod tests;
