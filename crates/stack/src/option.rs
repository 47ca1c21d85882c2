//! Socket options.

use serde::{Deserialize, Serialize};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Family {
    V4,
    V6,
}

/// `shutdown()`'s argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Shutdown {
    Read,
    Write,
    Both,
}

/// Something that the program says of the bytes before a place in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// MSG_MORE: they may wait for what follows.
    More,
    /// MSG_OOB: the last of them is urgent.
    Urgent,
    /// MSG_EOR: a record ends there, and no segment carries bytes of both sides.
    EndOfRecord,
    /// MSG_ZEROCOPY: a send ends there. After its bytes are published.
    ZeroCopy,
    /// A send ends there, of a socket with SO_TIMESTAMPING.
    Stamp,
}

/// Makes [`OptionValue`]: a variant for each type that the value of an option may have.
macro_rules! values {
    ($($(#[$doc:meta])* $name:ident($value:ty),)*) => {
        /// The value of a [`SocketOption`], whichever that is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum OptionValue {
            $($(#[$doc])* $name($value),)*
        }

        $(impl From<$value> for OptionValue {
            fn from(value: $value) -> Self {
                Self::$name(value)
            }
        })*
    };
}

values! {
    /// On or off.
    Switch(bool),
    /// A byte.
    Byte(u8),
    /// A number.
    Number(u32),
    /// A number with a sign.
    Signed(i32),
    /// Bytes a second.
    Rate(u64),
    /// A hop limit, or what the host has.
    Hops(Option<u8>),
    /// A time, or none.
    Seconds(Option<u32>),
    /// The first and the last.
    Ports((u16, u16)),
    /// A congestion control.
    Name(CongestionName),
    /// Fast Open's, or the host's.
    Keys(Option<FastOpenKeys>),
}

/// Makes [`SocketOption`] and [`OptionName`] from one list.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($value:ty),)*) => {
        /// An option that the engine keeps, with its value. (Timeouts, O_NONBLOCK, SO_RCVLOWAT and SO_PEEK_OFF are the program's
        /// side's.) What each means stands in docs/options.md.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum SocketOption {
            $($(#[$doc])* $name($value),)*
        }

        /// Names a [`SocketOption`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum OptionName {
            $($name,)*
        }

        impl OptionName {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }

        impl SocketOption {
            /// Its name.
            #[must_use]
            pub const fn name(&self) -> OptionName {
                match self {
                    $(Self::$name(_) => OptionName::$name,)*
                }
            }

            /// Its value.
            #[must_use]
            pub fn value(self) -> OptionValue {
                match self {
                    $(Self::$name(value) => value.into(),)*
                }
            }
        }
    };
}

options! {
    /// SO_SNDBUF: as asked for (before doubling) when set; in force when read. Bytes.
    SendBuffer(u32),
    /// SO_RCVBUF, likewise.
    ReceiveBuffer(u32),
    ReuseAddress(bool),
    ReusePort(bool),
    KeepAlive(bool),
    NoDelay(bool),
    V6Only(bool),
    /// Seconds; `None` is off.
    Linger(Option<u32>),
    /// Seconds.
    KeepIdle(u32),
    KeepInterval(u32),
    KeepCount(u32),
    /// Bytes.
    MaxSegment(u32),
    /// Milliseconds.
    UserTimeout(u32),
    /// SO_OOBINLINE.
    OobInline(bool),
    /// SO_PRIORITY: kept, and nothing else.
    Priority(u32),
    /// SO_MARK: kept, and nothing else.
    Mark(u32),
    /// SO_BROADCAST: kept; a stream has no use for it.
    Broadcast(bool),
    /// SO_DONTROUTE: kept; there are no gateways.
    DontRoute(bool),
    /// SO_MAX_PACING_RATE: bytes a second; `u64::MAX` is no limit.
    MaxPacingRate(u64),
    /// SO_ZEROCOPY: whether MSG_ZEROCOPY tells when the bytes are acknowledged.
    ZeroCopy(bool),
    /// SO_TIMESTAMPING: Linux's SOF_TIMESTAMPING flags.
    Timestamping(u32),
    /// TCP_CORK.
    Cork(bool),
    /// TCP_QUICKACK: 0, or an odd number for good, an even one for the ACK that is owed now; read as 0 or 1.
    QuickAck(u32),
    /// TCP_SYNCNT; 0 is what the host has.
    SynCount(u32),
    /// TCP_LINGER2: seconds of FIN-WAIT-2 of an orphan; negative for none, 0 is what the host has.
    Linger2(i32),
    /// TCP_DEFER_ACCEPT: seconds; read as Linux rounds them.
    DeferAccept(u32),
    /// TCP_WINDOW_CLAMP: bytes; 0 is none.
    WindowClamp(u32),
    /// TCP_NOTSENT_LOWAT: bytes; 0 is what the host has.
    NotSentLowat(u32),
    /// TCP_INQ: whether recvmsg() tells what is left to read.
    Inq(bool),
    /// TCP_CONGESTION.
    Congestion(CongestionName),
    /// TCP_FASTOPEN: how many connections with text in their SYN may wait; 0 is off.
    FastOpen(u32),
    /// TCP_FASTOPEN_CONNECT.
    FastOpenConnect(bool),
    /// TCP_FASTOPEN_KEY: of this listener; `None` is the host's.
    FastOpenKey(Option<FastOpenKeys>),
    /// TCP_FASTOPEN_NO_COOKIE.
    FastOpenNoCookie(bool),
    /// TCP_THIN_LINEAR_TIMEOUTS.
    ThinLinearTimeouts(bool),
    /// TCP_RTO_MAX_MS: milliseconds; 0 is what the host has.
    RtoMax(u32),
    /// IP_TOS.
    TypeOfService(u8),
    /// IP_TTL; `None` is what the host has.
    TimeToLive(Option<u8>),
    /// IP_MTU_DISCOVER: Linux's IP_PMTUDISC numbers.
    MtuDiscover(u8),
    /// IP_RECVERR.
    ReceiveErrors(bool),
    /// IP_FREEBIND: bind() takes an address that the host does not own.
    FreeBind(bool),
    /// IP_BIND_ADDRESS_NO_PORT: bind() to port 0 leaves the choice to connect().
    BindAddressNoPort(bool),
    /// IP_LOCAL_PORT_RANGE: the first and the last ephemeral port of this socket; 0 is what the host has.
    LocalPortRange((u16, u16)),
    /// IP_MINTTL: what arrives with less is discarded (RFC 5082).
    MinTimeToLive(u8),
    /// IPV6_TCLASS.
    TrafficClass(u8),
    /// IPV6_UNICAST_HOPS; `None` is what the host has.
    HopLimit(Option<u8>),
    /// IPV6_MTU_DISCOVER: Linux's numbers.
    MtuDiscover6(u8),
    /// IPV6_RECVERR.
    ReceiveErrors6(bool),
    /// IPV6_MINHOPCOUNT.
    MinHopLimit(u8),
}

/// The name of a congestion control, padded with 0 (TCP_CA_NAME_MAX).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CongestionName([u8; 16]);

impl CongestionName {
    /// What comes before the first 0; a longer name than 15 bytes is cut.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut padded = [0; 16];
        let length = name.iter().take(15).take_while(|&&byte| byte != 0).count();
        padded[..length].copy_from_slice(&name[..length]);
        Self(padded)
    }

    /// As text; "" if it is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    /// Padded with 0.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }
}

impl From<sockeye_tcb::CongestionControl> for CongestionName {
    fn from(control: sockeye_tcb::CongestionControl) -> Self {
        Self::new(control.name().as_bytes())
    }
}

impl std::fmt::Debug for CongestionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Keys from which Fast Open cookies are made (RFC 7413): the first makes them, both check them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FastOpenKeys {
    /// Makes cookies.
    pub primary: [u8; 16],
    /// Its cookies are good, too.
    pub backup: Option<[u8; 16]>,
}
