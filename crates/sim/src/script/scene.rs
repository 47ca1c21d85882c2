//! The host under test, its program, and the peer in the test's hand.

use super::{Hand, Notation};
use crate::{Sim, SimSocket};
use sockeye_clock::Instant;
use sockeye_stack::{Family, HostConfig, LinkBetween, NetworkConfig, Settings};
use sockeye_wire::{Flags, IpHeader, Protocol, SeqNum, TcpHeader, ip, packet, tcp};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The host under test.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// The peer that the test plays.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
/// Both in the other family.
const HOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
const PEER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));
const MTU: usize = 1500;

/// Where both streams begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The host's SYN; 0 before it has sent one.
    pub iss: SeqNum,
    /// The peer's.
    pub irs: SeqNum,
}

/// A segment that the host sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// In what.
    pub ip: IpHeader,
    /// The flow label; 0 in IPv4.
    pub flow_label: u32,
    /// Its header.
    pub header: TcpHeader,
    /// Its text.
    pub text: Vec<u8>,
}

/// A host under test, `server` at 10.0.0.1, and a peer at 10.0.0.2 that is played by hand.
#[derive(Debug)]
pub struct Scene {
    /// The network, for what scripts cannot say.
    pub sim: Sim,
    /// The listener, after `listen`.
    pub listener: Option<SimSocket>,
    /// The connection's socket, after `connect` or `accept`.
    pub socket: Option<SimSocket>,
    /// Where both streams begin.
    pub numbers: Numbers,
    host: IpAddr,
    peer: IpAddr,
    written: u32,
    pub(super) read: u32,
    pub(super) pending: VecDeque<Seen>,
    input: Hand,
    pub(super) output: Hand,
    last: Option<TcpHeader>,
}

impl Scene {
    /// A host with these settings.
    ///
    /// # Errors
    /// Those of [`Sim::new`].
    pub fn new(settings: Settings) -> Result<Self, String> {
        Self::in_family(Family::V4, settings)
    }

    /// A host with these settings, and all of it in this family.
    ///
    /// # Errors
    /// Those of [`Sim::new`].
    pub fn in_family(family: Family, settings: Settings) -> Result<Self, String> {
        let [host_ip, peer_ip] = match family {
            Family::V4 => [HOST, PEER],
            Family::V6 => [HOST_V6, PEER_V6],
        };
        let host = |name: &str, address, settings| HostConfig {
            name: name.to_owned(),
            addresses: vec![address],
            settings,
        };
        let config = NetworkConfig {
            hosts: vec![host("server", host_ip, settings), host("peer", peer_ip, Settings::default())],
            links: vec![LinkBetween {
                between: ("server".to_owned(), "peer".to_owned()),
                config: Default::default(),
            }],
        };
        let mut sim = Sim::new(&config, 1)?;
        let (input, output) = (Hand::to_host(MTU), Hand::from_host(MTU));
        sim.network()
            .wrap_links(|from, _, _| Box::new(if from == "server" { output.clone() } else { input.clone() }));
        Ok(Self {
            sim,
            host: host_ip,
            peer: peer_ip,
            listener: None,
            socket: None,
            // Both cross the end of the number space soon.
            numbers: Numbers { iss: SeqNum(0), irs: SeqNum(0xffff_fff0) },
            written: 0,
            read: 0,
            pending: VecDeque::new(),
            input,
            output,
            last: None,
        })
    }

    /// A host whose receive windows are 10,000 bytes.
    ///
    /// # Errors
    /// None.
    pub fn with_small_window() -> Result<Self, String> {
        Self::new(Settings { exact_recv_buffer: Some(10_000), ..Settings::default() })
    }

    /// Plays a whole script on a host whose receive windows are 10,000 bytes.
    ///
    /// # Errors
    /// The line that failed, and what was sent instead.
    pub fn play(script: &str) -> Result<Self, String> {
        let mut scene = Self::with_small_window()?;
        scene.run(script)?;
        Ok(scene)
    }

    /// Puts a segment of the peer in front of the host.
    pub fn arrives(&mut self, header: &TcpHeader, text: &[u8]) {
        self.packet_arrives(self.packet(header, text));
    }

    /// The packet in which the peer sends a segment.
    #[must_use]
    pub fn packet(&self, header: &TcpHeader, text: &[u8]) -> Vec<u8> {
        let ip = IpHeader {
            src: self.peer,
            dst: self.host,
            protocol: Protocol::Tcp,
            hop_limit: 64,
            traffic_class: 0,
            ident: 0,
            dont_fragment: true,
        };
        let mut out = vec![0; packet::len(&ip, header, text.len())];
        packet::emit(&ip, header, &[text], &mut out);
        out
    }

    /// Makes the checksum right again of a packet that was spoilt on purpose.
    pub fn fill_checksum(packet: &mut [u8]) {
        if let Ok((ip, range)) = IpHeader::parse(packet)
            && let Some(segment) = packet.get_mut(range)
        {
            tcp::fill_checksum(ip.src, ip.dst, segment);
        }
    }

    /// Puts a packet in front of the host, whatever it is.
    pub fn packet_arrives(&mut self, packet: Vec<u8>) {
        self.input.push(self.sim.now(), packet);
        self.sim.settle();
    }

    /// Puts a segment in front of the host that is written as in a script.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn segment_arrives(&mut self, line: &str) -> Result<(), String> {
        let segment: Notation = line.parse()?;
        let header = segment.header(self.numbers.irs, self.numbers.iss);
        self.arrives(&header, &segment.text());
        Ok(())
    }

    /// All that the host sent and nobody has taken yet, oldest first.
    ///
    /// # Errors
    /// A packet that is not sound: a wrong checksum, or text that the program did not write.
    pub fn sent(&mut self) -> Result<Vec<Seen>, String> {
        self.collect()?;
        Ok(self.pending.drain(..).collect())
    }

    /// How a segment that was sent is written in scripts.
    #[must_use]
    pub fn written_as(&self, seen: &Seen) -> Notation {
        Notation::of(&seen.header, seen.text.len(), self.numbers.iss, self.numbers.irs)
    }

    /// What the host last offered with an ACK: RCV.NXT and the sequence number after the window, counted from the peer's SYN. Without
    /// window scaling.
    #[must_use]
    pub fn offered(&self) -> (u32, u32) {
        self.last.as_ref().map_or((0, 0), |last| {
            let nxt = last.ack.since(self.numbers.irs);
            (nxt, nxt.wrapping_add(u32::from(last.window)))
        })
    }

    /// The program writes the next bytes of its stream. Returns how many of them were taken.
    pub fn write(&mut self, len: u32) -> u32 {
        let Some(socket) = self.socket else { return 0 };
        let bytes: Vec<u8> = (self.written..self.written + len).map(super::byte_at).collect();
        let written = socket.try_write(&mut self.sim, &bytes) as u32;
        self.written += written;
        written
    }

    /// netstat's word for the connection, or `gone`.
    pub fn state(&mut self) -> String {
        let lines = self.sim.netstat("server");
        let line = lines.into_iter().find(|line| line.local.port() == 80 && line.state != "LISTEN");
        line.map_or_else(|| "gone".to_owned(), |line| line.state)
    }

    /// Where the host listens, or connects from.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        SocketAddr::new(self.host, 80)
    }

    /// Where the peer is.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.peer, 4000)
    }

    /// Looks at what the host sent.
    pub(super) fn collect(&mut self) -> Result<(), String> {
        while let Some((at, packet)) = self.output.pop() {
            let seen = parse(at, &packet)?;
            // Other connections have other numbers.
            if (seen.header.src_port, seen.header.dst_port) != (self.local().port(), self.remote().port()) {
                self.pending.push_back(seen);
                continue;
            }
            if seen.header.flags.contains(Flags::SYN) {
                self.numbers.iss = seen.header.seq;
            }
            if seen.header.flags.contains(Flags::ACK) && !seen.header.flags.contains(Flags::RST) {
                self.last = Some(seen.header.clone());
            }
            self.check_text(&seen)?;
            self.pending.push_back(seen);
        }
        Ok(())
    }

    /// The program's stream is told by the place of each byte.
    fn check_text(&self, seen: &Seen) -> Result<(), String> {
        let is_syn = seen.header.flags.contains(Flags::SYN);
        let start = seen.header.seq.since(self.numbers.iss).wrapping_sub(u32::from(!is_syn));
        let stream = (start..).map(super::byte_at);
        if seen.text.iter().copied().ne(stream.take(seen.text.len())) {
            return Err(format!("{}: not the text that was written", self.written_as(seen)));
        }
        Ok(())
    }
}

fn parse(at: Instant, packet: &[u8]) -> Result<Seen, String> {
    let (header_of_ip, range) =
        IpHeader::parse(packet).map_err(|error| format!("a bad IP header was sent: {error}"))?;
    let segment = packet.get(range).unwrap_or_default();
    if header_of_ip.protocol != Protocol::Tcp
        || !tcp::verify_checksum(header_of_ip.src, header_of_ip.dst, segment)
    {
        return Err("no TCP segment was sent, or its checksum is wrong".to_owned());
    }
    let (header, len) =
        TcpHeader::parse(segment).map_err(|error| format!("a bad header was sent: {error}"))?;
    Ok(Seen {
        at,
        ip: header_of_ip,
        flow_label: ip::flow_label(packet),
        header,
        text: segment.get(len..).unwrap_or_default().to_vec(),
    })
}
