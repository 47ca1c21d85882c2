//! Blank tokens: descriptors for sockets to come, which a process gets many at once.
//!
//! ```text
//!   host ── 16 tokens in one message ──▶ kept at 960 and above ── copied to the lowest number ──▶ the program's descriptor
//! ```
//!
//! So a socket has its descriptor before the engine is asked for it: where a process can have no more, nothing has happened yet.

use crate::connection::FIRST_DESCRIPTOR;
use crate::proto::{Answer, MOST_TOKENS, Reply, Request};
use crate::raw;
use crate::token::Name;
use crate::transport::Way;
use rustix::io::Errno;
use sockeye_stack::Error;
use std::os::fd::{AsFd, OwnedFd};

/// A token of no socket.
#[derive(Debug)]
pub(crate) struct Blank {
    id: u64,
    descriptor: OwnedFd,
    place: Place,
}

/// Where a blank token's descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Out of the program's way, until it is copied.
    Apart,
    /// At the lowest number that was free: it is the socket's as it is.
    InPlace,
}

/// The blank tokens of a process.
#[derive(Debug, Default)]
pub(crate) struct Blanks {
    kept: Vec<Blank>,
    /// How many to ask for next: a program that has few sockets is not to have many of these.
    next: u32,
}

impl Blanks {
    pub(crate) fn take(&mut self) -> Option<Blank> {
        self.kept.pop()
    }

    pub(crate) fn give_back(&mut self, blank: Blank) {
        if blank.place == Place::Apart {
            self.kept.push(blank);
        }
    }

    /// The request for more of them.
    pub(crate) fn request(&mut self) -> Request {
        self.next = (self.next * 2).clamp(1, MOST_TOKENS);
        Request::Tokens { count: self.next }
    }

    /// Keeps what came but for one, which is returned.
    pub(crate) fn keep(&mut self, answer: Answer) -> Result<Blank, Error> {
        let ids = match answer.reply {
            Reply::Tokens(ids) => ids,
            Reply::Failed(error) => return Err(error),
            _ => return Err(Error::HostGone),
        };
        let is_single = ids.len() == 1;
        let mut came = ids.into_iter().zip(answer.descriptors).map(|(id, descriptor)| {
            let place = Place::InPlace;
            let blank = Blank { id, descriptor, place };
            if is_single { blank } else { blank.moved_apart() }
        });
        let first = came.next().ok_or(Error::TooManyFiles)?;
        self.kept.extend(came.filter(|blank| blank.place == Place::Apart));
        if !is_single && first.place == Place::InPlace {
            // There is no room apart: what is kept would take the program's lowest numbers.
            self.next = 0;
        }
        Ok(first)
    }

    /// Gives up all.
    pub(crate) fn clear(&mut self) {
        self.kept.drain(..).for_each(Blank::give_up);
        self.next = 0;
    }
}

impl Drop for Blanks {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Blank {
    /// Out of the program's way, if its limit of descriptors leaves room there.
    fn moved_apart(self) -> Self {
        match rustix::io::fcntl_dupfd_cloexec(&self.descriptor, FIRST_DESCRIPTOR) {
            Ok(descriptor) => Self { descriptor, place: Place::Apart, ..self },
            Err(_) => self,
        }
    }

    fn give_up(self) {
        if !self.is_it(&self.descriptor) {
            // The program has closed it, and may have put something else there.
            raw::disown(self.descriptor);
        }
    }

    /// Whether this is the token, and not what the program has put into its place.
    fn is_it(&self, descriptor: &OwnedFd) -> bool {
        Name::of(descriptor.as_fd()).is_some_and(|name| name.id == self.id)
    }

    /// A copy at the lowest number that is free; `None` if it is there already. `BADF` if the program has closed it.
    fn copy(&self) -> Result<Option<OwnedFd>, Errno> {
        if self.place == Place::InPlace {
            return Ok(None);
        }
        let copy = rustix::io::fcntl_dupfd_cloexec(&self.descriptor, 0)?;
        if self.is_it(&copy) { Ok(Some(copy)) } else { Err(Errno::BADF) }
    }
}

/// Has the engine make a socket, with a token that is at the lowest free number before. `request` says what for a token's number.
pub(crate) fn with_token(way: &Way, request: impl Fn(u64) -> Request) -> Result<(Answer, OwnedFd), Error> {
    // All that are kept may be stale; those that were asked for after that are not.
    for _ in 0..2 {
        let blank = way.blank()?;
        let copy = blank.copy().or_else(|error| {
            if error == Errno::BADF {
                return Err(error);
            }
            // What is kept takes room that the program may need.
            way.with_blanks(Blanks::clear);
            blank.copy()
        });
        let answer = match &copy {
            Ok(_) => way.call(request(blank.id)),
            Err(Errno::BADF) => Ok(Reply::NoToken.into()),
            Err(_) => Err(Error::TooManyFiles),
        };
        match answer {
            Ok(Answer { reply: Reply::NoToken, .. }) => {
                blank.give_up();
                way.with_blanks(Blanks::clear);
            }
            Ok(answer) => return Ok((answer, copy.ok().flatten().unwrap_or(blank.descriptor))),
            Err(error) => {
                way.with_blanks(|blanks| blanks.give_back(blank));
                return Err(error);
            }
        }
    }
    Err(Error::HostGone)
}
