//! Requests: by a mailbox, or by the control socket.

use super::session::Session;
use super::turn::Turn;
use super::{Connection, PATIENCE};
use crate::proto::{self, Answer, Request};
use rustix::io::Errno;
use rustix::net::SendFlags;
use sockeye_buffer::mailbox::{LONGEST, Outcome};
use sockeye_buffer::{Mailbox, futex};
use sockeye_clock::{Instant, monotonic};
use std::time::Duration;

/// How long to look before sleeping: less than a wake-up costs.
const SPIN: Duration = Duration::from_micros(20);
/// How long to sleep without looking whether the host lives.
const SLICE: Duration = Duration::from_millis(250);

impl Connection {
    /// One request and its reply.
    pub(super) fn exchange(
        &self,
        session: &Session,
        turn: &Turn<'_>,
        request: &Request,
    ) -> Result<Answer, Errno> {
        if let Some(answer) = self.exchange_by_mailbox(session, turn, request)? {
            return Ok(answer);
        }
        // Who has another mailbox never has the first, so that this cannot wait for itself.
        let _first = (!turn.is_first()).then(|| self.turns.wait_for_first());
        proto::send(session.socket(), request, &[], SendFlags::empty())?;
        proto::receive_answer(session.socket())
    }

    /// `None` if the request must go by the socket, and was not executed.
    fn exchange_by_mailbox(
        &self,
        session: &Session,
        turn: &Turn<'_>,
        request: &Request,
    ) -> Result<Option<Answer>, Errno> {
        let mailbox = session.mailboxes.mailbox(turn.index());
        let mut bytes = [0; LONGEST];
        let Ok(message) = postcard::to_slice(request, &mut bytes) else { return Ok(None) };
        if !mailbox.write(message) {
            return Ok(None);
        }
        mailbox.ask(message.len());
        // A datagram wakes a host as well.
        if !self.try_wake_host() && mailbox.withdraw() {
            return Ok(None);
        }
        let answer = match self.wait_for_answer(mailbox)? {
            Some(len) => {
                mailbox.read(&mut bytes[..len]);
                let reply = postcard::from_bytes(&bytes[..len]).map_err(|_| Errno::BADMSG)?;
                Answer { reply, descriptors: Vec::new() }
            }
            None if turn.is_first() => proto::receive_answer(session.socket())?,
            None => return Err(Errno::BADMSG),
        };
        mailbox.put_away();
        Ok(Some(answer))
    }

    /// The length of the answer; `None` if it comes by the socket. `BADF` if the host has seen the control socket closed: then the request
    /// was not executed.
    fn wait_for_answer(&self, mailbox: Mailbox<'_>) -> Result<Option<usize>, Errno> {
        self.lookout.look(SPIN, || mailbox.outcome() != Outcome::Pending);
        let start = monotonic();
        loop {
            match mailbox.outcome() {
                Outcome::Answered(len) => return Ok(Some(len)),
                Outcome::Elsewhere => return Ok(None),
                Outcome::Closed => return Err(Errno::BADF),
                Outcome::Pending => self.sleep(mailbox, start)?,
            }
        }
    }

    /// Sleeps for a while.
    fn sleep(&self, mailbox: Mailbox<'_>, start: Instant) -> Result<(), Errno> {
        if !self.is_alive() {
            return Err(Errno::CONNRESET);
        }
        if monotonic().since(start) > PATIENCE {
            return Err(Errno::TIMEDOUT);
        }
        let turn = mailbox.fall_asleep();
        if mailbox.outcome() == Outcome::Pending {
            // Early is harmless.
            let _ = futex::wait(mailbox.futex(), turn, Some(SLICE));
        }
        Ok(())
    }
}
