//! Options that are kept and read back, and mean nothing to a stream of this kind: what they ask for concerns datagrams, raw sockets,
//! multicast, devices or the kernel. Programs set them all the same, and Linux lets them.

use crate::Errno;
use crate::options::{self, Privilege, number};
use libc::c_int;
use sockeye_stack::Family;

/// An option that is on or off and nothing else.
#[derive(Debug)]
pub struct Kept {
    level: c_int,
    number: c_int,
    takes: Takes,
    /// What a new socket has.
    default: bool,
    /// What one without a privilege gets who turns it on.
    denial: Option<Errno>,
}

/// Which numbers are on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// 0 is off, any other is on.
    Any,
    /// As `Any`, and no bytes are EINVAL where others of the level take them as 0.
    AnyNumber,
    /// 0 and 1.
    Switch,
    /// As `Switch`, and no bytes are EINVAL.
    SwitchNumber,
    /// 0 and 1, and -1 for what a new socket has.
    Default,
    /// 0 and 1, and it stays off.
    Nothing,
}

const fn off(level: c_int, number: c_int, takes: Takes) -> Kept {
    Kept { level, number, takes, default: false, denial: None }
}

const fn on(level: c_int, number: c_int, takes: Takes) -> Kept {
    Kept { level, number, takes, default: true, denial: None }
}

const fn guarded(level: c_int, number: c_int, denial: Errno) -> Kept {
    Kept { level, number, takes: Takes::Any, default: false, denial: Some(denial) }
}

use libc::{IPPROTO_IP as IP, IPPROTO_IPV6 as IPV6, IPPROTO_TCP as TCP, SOL_SOCKET as SOCKET};

/// All of them. The place of a row is its bit.
static TABLE: &[Kept] = &[
    guarded(SOCKET, libc::SO_DEBUG, Errno::ACCES),
    off(SOCKET, libc::SO_NO_CHECK, Takes::Any),
    off(SOCKET, libc::SO_RXQ_OVFL, Takes::Any),
    off(SOCKET, libc::SO_WIFI_STATUS, Takes::Any),
    off(SOCKET, libc::SO_NOFCS, Takes::Any),
    off(SOCKET, libc::SO_LOCK_FILTER, Takes::Any),
    off(SOCKET, libc::SO_SELECT_ERR_QUEUE, Takes::Any),
    // SO_PREFER_BUSY_POLL, SO_TXREHASH and SO_RCVMARK.
    guarded(SOCKET, 69, Errno::PERM),
    on(SOCKET, 74, Takes::Default),
    off(SOCKET, 75, Takes::Any),
    off(TCP, libc::TCP_THIN_DUPACK, Takes::Nothing),
    off(IP, libc::IP_PKTINFO, Takes::Any),
    off(IP, libc::IP_RECVTTL, Takes::Any),
    off(IP, libc::IP_RECVTOS, Takes::Any),
    off(IP, libc::IP_RECVOPTS, Takes::Any),
    off(IP, libc::IP_RETOPTS, Takes::Any),
    off(IP, libc::IP_PASSSEC, Takes::Any),
    off(IP, libc::IP_ORIGDSTADDR, Takes::Any),
    // IP_CHECKSUM and IP_RECVERR_RFC4884.
    off(IP, 23, Takes::Any),
    off(IP, 26, Takes::Switch),
    on(IP, libc::IP_MULTICAST_LOOP, Takes::AnyNumber),
    on(IP, libc::IP_MULTICAST_ALL, Takes::SwitchNumber),
    // IPV6_MULTICAST_ALL, IPV6_RECVERR_RFC4884, IPV6_FLOWINFO_SEND, IPV6_FLOWINFO.
    on(IPV6, 29, Takes::Any),
    off(IPV6, 31, Takes::Switch),
    off(IPV6, 33, Takes::Any),
    off(IPV6, 11, Takes::Any),
    off(IPV6, libc::IPV6_RECVPKTINFO, Takes::Any),
    off(IPV6, libc::IPV6_RECVHOPLIMIT, Takes::Any),
    off(IPV6, libc::IPV6_RECVTCLASS, Takes::Any),
    // IPV6_RECVPATHMTU and IPV6_ORIGDSTADDR.
    off(IPV6, 60, Takes::Any),
    off(IPV6, 74, Takes::Any),
];

impl Kept {
    /// The option of that level and number, of a socket of `family`.
    #[must_use]
    pub fn find(level: c_int, number: c_int, family: Family) -> Option<&'static Self> {
        let is_known = level != libc::IPPROTO_IPV6 || family == Family::V6;
        TABLE.iter().find(|row| is_known && row.level == level && row.number == number)
    }

    /// Its bit among those that differ from a new socket's.
    fn bit(&self) -> u64 {
        let place = TABLE.iter().position(|row| row.level == self.level && row.number == self.number);
        place.map_or(0, |place| 1 << place)
    }

    /// What `changed`, the bits that differ from a new socket's, become when the option is set.
    ///
    /// # Errors
    /// EINVAL for what Linux does not take; EPERM or EACCES.
    pub fn set(&self, changed: u64, bytes: &[u8], privilege: Privilege) -> Result<u64, Errno> {
        let value = self.decode(bytes)?;
        if let Some(denial) = self.denial.filter(|_| value && privilege == Privilege::None) {
            return Err(denial);
        }
        let bit = if value == self.default { 0 } else { self.bit() };
        Ok(changed & !self.bit() | bit)
    }

    /// Its value for a caller with room for so many bytes.
    #[must_use]
    pub fn read(&self, changed: u64, room: usize) -> Vec<u8> {
        let value = self.default != (changed & self.bit() != 0);
        options::give_number(self.level, c_int::from(value), room)
    }

    fn decode(&self, bytes: &[u8]) -> Result<bool, Errno> {
        let value = match (self.level, bytes) {
            (libc::IPPROTO_IP, []) if !matches!(self.takes, Takes::AnyNumber | Takes::SwitchNumber) => 0,
            (libc::IPPROTO_IP, [byte] | [byte, _] | [byte, _, _]) => c_int::from(*byte),
            (_, bytes) => number(bytes)?,
        };
        match (self.takes, value) {
            (Takes::Any | Takes::AnyNumber, value) => Ok(value != 0),
            (Takes::Default, -1) => Ok(self.default),
            (Takes::Nothing, 0 | 1) => Ok(false),
            (Takes::Switch | Takes::SwitchNumber | Takes::Default, 0 | 1) => Ok(value == 1),
            (_, _) => Err(Errno::INVAL),
        }
    }
}

#[cfg(test)]
mod tests;
