//! Requests, of which many make sense.

use crate::proto::{Handle, Request};
use arbitrary::Arbitrary;
use sockeye_stack::{CongestionName, Family, ListPlace, Mark, OptionName, Shutdown, SocketOption};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Kinds of requests that are asked.
const KINDS: u8 = 33;
/// Bytes of the longest option.
const LONGEST_OPTION: usize = 40;

/// What is asked.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) struct Ask {
    kind: u8,
    socket: Pick,
    number: u32,
    port: u8,
    tail: [u8; 6],
}

/// Which socket.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) enum Pick {
    /// The newest that the program was given.
    Newest,
    /// The one before.
    Second,
    /// The newest but for so many.
    Own(u8),
    /// One that somebody was given.
    Told(u8),
    /// The one that will be in the place of its own.
    Next(u8),
    /// Any.
    Any(u64),
}

/// What a program knows, or may guess.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) own: &'a [Handle],
    pub(super) tags: &'a [u64],
    pub(super) tokens: &'a [u64],
    pub(super) ports: &'a [u16],
}

/// The newest but for `back`.
pub(super) fn recent<T: Copy>(these: &[T], back: u8) -> Option<T> {
    let back = usize::from(back) % these.len().max(1);
    these.iter().rev().nth(back).copied()
}

impl Pick {
    fn tag(self, known: Known<'_>) -> u64 {
        let own = |back| recent(known.own, back).map_or(0, |handle| handle.tag);
        match self {
            Self::Newest => own(0),
            Self::Second => own(1),
            Self::Own(back) => own(back),
            Self::Told(back) => recent(known.tags, back).unwrap_or(0),
            Self::Next(back) => own(back).wrapping_add(1 << 32),
            Self::Any(tag) => tag,
        }
    }
}

impl Ask {
    /// Anywhere in a list.
    fn list_place(&self) -> ListPlace {
        let bytes = postcard::to_stdvec(&(self.port % 3, self.number)).unwrap_or_default();
        postcard::from_bytes(&bytes).unwrap_or_default()
    }

    pub(super) fn request(self, known: Known<'_>) -> Request {
        let tag = self.socket.tag(known);
        let (address, number) = (self.address(known), self.number);
        let token = recent(known.tokens, number as u8).unwrap_or(number.into());
        match self.kind % KINDS {
            0 => Request::Hello { version: number, host: None },
            1 => Request::Socket { family: self.family() },
            2 => Request::Token,
            3 => Request::Give { tag, token },
            4 => Request::Adopt { token },
            5 => Request::Watch { tag },
            6 => Request::Bell { group: number % 80 },
            7 => Request::Bind { tag, address },
            8 => Request::Listen { tag, backlog: number.cast_signed() },
            9 => Request::Accept { tag },
            10 => Request::Connect { tag, address },
            11 => Request::FastOpen { tag, address: (number % 2 == 0).then_some(address) },
            12 => Request::Launch { tag },
            13 => Request::Shutdown { tag, how: self.how() },
            14 => Request::SetOption { tag, option: self.option() },
            15 => Request::Option { tag, name: self.name() },
            16 => Request::Sysctl { name: self.sysctl() },
            17 => Request::SetSysctl { name: self.sysctl(), text: self.tail[0].to_string() },
            18 => Request::TakeReport { tag },
            19 => Request::TakeSoftError { tag },
            20 => Request::Info { tag },
            21 => Request::Mark { tag, mark: self.mark(), offset: number.into() },
            22 => Request::LocalAddress { tag },
            23 => Request::PeerAddress { tag },
            24 => Request::Arm { tag },
            25 => Request::Forget { tag },
            26 => Request::Close { tag },
            27 => Request::Linger { tag },
            28 => Request::Lingered { tag },
            29 => Request::Arena { id: u64::from(number % 8) },
            30 => Request::Sockets { all_hosts: self.port.is_multiple_of(2), from: self.list_place() },
            31 => Request::Unmark { tag },
            _ if number.is_multiple_of(2) => Request::Watches,
            _ => Request::Wake,
        }
    }

    fn family(self) -> Family {
        if self.number.is_multiple_of(4) { Family::V6 } else { Family::V4 }
    }

    fn how(self) -> Shutdown {
        [Shutdown::Read, Shutdown::Write, Shutdown::Both][self.number as usize % 3]
    }

    fn mark(self) -> Mark {
        let marks = [Mark::More, Mark::Urgent, Mark::EndOfRecord, Mark::ZeroCopy, Mark::Stamp];
        marks[self.port as usize % marks.len()]
    }

    fn name(self) -> OptionName {
        OptionName::ALL[self.port as usize % OptionName::ALL.len()]
    }

    /// Any, as a program would send it.
    fn option(self) -> SocketOption {
        let mut bytes = [0; LONGEST_OPTION];
        bytes[0] = self.port % OptionName::ALL.len() as u8;
        bytes[1..=self.tail.len()].copy_from_slice(&self.tail);
        match postcard::from_bytes(&bytes) {
            Ok(SocketOption::Congestion(_)) => {
                let names = ["reno", "cubic", "bbr", "vegas"];
                let name = names[usize::from(self.tail[0]) % names.len()];
                SocketOption::Congestion(CongestionName::new(name.as_bytes()))
            }
            Ok(option) => option,
            Err(_) => SocketOption::Linger(Some(self.number % 8)),
        }
    }

    fn sysctl(self) -> String {
        let names = sockeye_stack::sysctl_names();
        names[self.number as usize % names.len()].into()
    }

    fn address(self, known: Known<'_>) -> SocketAddr {
        let ips = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::from(super::HOSTS[0].1),
            IpAddr::from(super::HOSTS[1].1),
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            IpAddr::V4(Ipv4Addr::from(self.number)),
        ];
        let port = match self.port % 4 {
            0 => 0,
            1 => self.number as u16,
            _ => recent(known.ports, self.port / 4).unwrap_or(7),
        };
        SocketAddr::new(ips[usize::from(self.tail[0]) % ips.len()], port)
    }
}
