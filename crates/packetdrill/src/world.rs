//! The host, its clock, its sockets and descriptors.

use crate::flags::Flags;
use crate::report::Reports;
use crate::settings::SettingsFile;
use crate::socket::Socket;
use crate::table::Table;
use sockeye_clock::Instant;
use sockeye_link::Outside;
use sockeye_posix::Errno;
use sockeye_sim::HeapRings;
use sockeye_stack::{HostConfig, HostId, Network, NetworkConfig, SocketEvent};
use std::collections::{HashMap, HashSet};
use std::thread::ThreadId;

/// When the world begins: a time of day that is as good as any, for the clock that the tool is shown is the time of day.
const BEGINNING: Instant = Instant::from_nanos(1_700_000_000_000_000_000);

/// Room of rings, bytes: what scripts have for tcp_rmem and tcp_wmem. It is touched only when used.
const ROOM: usize = 1 << 24;

/// Everything, under one lock.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) network: Network,
    pub(crate) host: HostId,
    pub(crate) rings: HeapRings,
    pub(crate) outside: Outside,
    pub(crate) sockets: HashMap<u64, Socket>,
    pub(crate) table: Table,
    pub(crate) settings: SettingsFile,
    pub(crate) reports: Reports,
    /// The tool's first thread: when it waits, no other moves time.
    pub(crate) driver: ThreadId,
    /// Changes when the threads that wait shall look again.
    pub(crate) round: u64,
    /// Threads that wait, and until when each does.
    pub(crate) waiting: Vec<(ThreadId, Option<Instant>)>,
    /// Of them those that have not looked again in this round.
    pub(crate) unseen: usize,
    /// Threads whose call is over, and that have not yet asked for the time.
    pub(crate) returning: HashSet<ThreadId>,
    /// Whether one of them has asked since the tool slept.
    pub(crate) has_returned: bool,
}

impl World {
    pub(crate) fn new(flags: &Flags, settings: SettingsFile, reports: Reports) -> Result<Self, String> {
        let rings = HeapRings::with_room(ROOM);
        let mut host = HostConfig { addresses: flags.addresses.clone(), ..HostConfig::default() };
        host.settings.packet_accounting = true;
        let config = NetworkConfig { hosts: vec![host], links: Vec::new() };
        let mut network = Network::new(BEGINNING, &config, Box::new(rings.clone()), 1)?;
        let outside = Outside::new(flags.mtu);
        let host = HostId(0);
        network.add_outside(host, outside.clone()).map_err(|error| error.to_string())?;
        Ok(Self {
            now: BEGINNING,
            network,
            host,
            rings,
            outside,
            sockets: HashMap::new(),
            table: Table::default(),
            settings,
            reports,
            driver: std::thread::current().id(),
            round: 0,
            waiting: Vec::new(),
            unseen: 0,
            returning: HashSet::new(),
            has_returned: false,
        })
    }

    /// Before every call: settings that changed.
    pub(crate) fn enter(&mut self) {
        let Self { settings, network, outside, .. } = self;
        settings.apply(network, self.host, outside);
    }

    /// For who asks the host with a command.
    pub(crate) fn report(&mut self) {
        let Self { reports, network, .. } = self;
        reports.update(network, self.host);
    }

    /// Moves everything that needs no time to pass.
    pub(crate) fn settle(&mut self) {
        self.network.flush(self.now);
        while let Some((_, tag, event)) = self.network.poll_event() {
            self.on_event(tag, event);
        }
    }

    fn on_event(&mut self, tag: u64, event: SocketEvent) {
        let Some(slot) = self.rings.slot(tag) else {
            // A listener, or a socket whose open failed, has no rings.
            let Some(socket) = self.sockets.get_mut(&tag) else { return };
            let woken = socket.on_event(event, None);
            return self.table.wake(tag, woken);
        };
        let socket = self.sockets.entry(tag).or_default();
        socket.look_for_room(&self.network, Some(&slot));
        let woken = socket.on_event(event, Some(&slot));
        self.table.wake(tag, woken);
    }

    /// The socket that a descriptor names.
    pub(crate) fn socket(&mut self, fd: i32) -> Result<(u64, &mut Socket), Errno> {
        let tag = self.table.tag(fd)?;
        Ok((tag, self.sockets.entry(tag).or_default()))
    }
}
