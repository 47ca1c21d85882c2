//! Works that are always the same, and of which a part is counted.
//!
//! | work | level | what is left out of the count |
//! |---|---|---|
//! | segments | a stack with a link to the caller, in virtual time | the sender, the program that reads |
//! | sends | `libsockeye.so`, preloaded, embedded | the reader |
//! | lives | a stack in virtual time, both ends on one host | nothing, not even TIME-WAIT |
//! | waits | `libsockeye.so`, preloaded, embedded | who makes the socket ready, and who reads |

mod lives;
mod segments;
mod sends;
mod waits;

use std::error::Error;

/// What is done, so many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Segments,
    Sends,
    Lives,
    Waits,
}

/// How often each is done: enough for what happens rarely, a table that grows for instance, to be no large part of it.
pub(crate) const TIMES: usize = 1000;

impl Work {
    pub(crate) const ALL: [Self; 4] = [Self::Segments, Self::Sends, Self::Lives, Self::Waits];

    /// The name among the stored figures.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::Sends => "sends",
            Self::Lives => "lives",
            Self::Waits => "waits",
        }
    }

    /// The name among the works that readers see.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Segments => "1,000 segments received in order",
            Self::Sends => "1,000 sends of 64 bytes",
            Self::Lives => "1,000 lives of a connection",
            Self::Waits => "1,000 epoll_waits, one of 1,000 ready",
        }
    }

    /// Whether it is done by an engine inside of the program.
    pub(crate) const fn has_an_engine_thread(self) -> bool {
        matches!(self, Self::Sends | Self::Waits)
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    /// Does the work, and checks what came of it.
    pub(crate) fn run(self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Segments => segments::run(),
            Self::Sends => sends::run(),
            Self::Lives => lives::run(),
            Self::Waits => waits::run(),
        }
    }
}

/// Does a part of a work whose instructions count. callgrind knows it by this function's name: [`COUNTED`](crate::callgrind::COUNTED).
#[inline(never)]
pub(crate) fn counted_part<T>(act: impl FnOnce() -> T) -> T {
    // Not in tail position: a jump into `act` would be no return from here.
    std::hint::black_box(act())
}
