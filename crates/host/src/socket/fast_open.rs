//! The first send() where it opens the connection (RFC 7413): MSG_FASTOPEN, and what follows connect() with TCP_FASTOPEN_CONNECT.

use super::open::is_idle;
use super::{Call, CallError, Socket};
use crate::proto::{Reply, Request};
use sockeye_stack::Error;
use std::io::IoSlice;
use std::net::SocketAddr;

impl Socket {
    /// sendto() with MSG_FASTOPEN: connects to `address`, with text in the SYN if the server's cookie is known. What does not wait
    /// gives the count of bytes that went with the SYN; others go on after the handshake.
    ///
    /// # Errors
    /// `InProgress` if it does not wait and the SYN went without text; else as Linux.
    pub fn send_fast_open(
        &self,
        call: Call<'_>,
        buffers: &[IoSlice<'_>],
        address: Option<SocketAddr>,
    ) -> Result<usize, CallError> {
        let sent = self.open_with_text(call, buffers, address)?;
        self.report_zero_copy(call, sent);
        Ok(sent)
    }

    /// As `send_fast_open()`, without the report that MSG_ZEROCOPY asks for.
    pub(super) fn open_with_text(
        &self,
        call: Call<'_>,
        buffers: &[IoSlice<'_>],
        address: Option<SocketAddr>,
    ) -> Result<usize, CallError> {
        if is_idle(self.condition()?) {
            self.before_connect(call);
        }
        let request = Request::FastOpen { tag: self.tag(), address };
        let answer = self.way.call(request).inspect_err(|_| self.after_write(call));
        let room = match answer?.reply {
            Reply::Room(room) => room,
            _ => return Err(Error::HostGone.into()),
        };
        let sent = self.put_into_syn(buffers, room)?;
        self.way.tell(Request::Launch { tag: self.tag() })?;
        self.after_write(call);
        match (self.may_block(call), sent) {
            (true, _) => match self.wait_until_connected() {
                Ok(()) => self.send_rest(call, &mut { buffers }, sent),
                // The text is on its way: who is told that it is not sends it twice.
                Err(CallError::Failed(Error::InProgress) | CallError::Interrupted) if sent > 0 => Ok(sent),
                Err(error) => Err(error),
            },
            (false, 0) => Err(Error::InProgress.into()),
            (false, sent) => Ok(sent),
        }
    }

    /// Copies as much as the SYN has room for. Nobody is told: the SYN is launched apart.
    fn put_into_syn(&self, buffers: &[IoSlice<'_>], room: usize) -> Result<usize, Error> {
        let lock = self.lock_send()?;
        if !lock.is_held() {
            return Err(Error::WouldBlock);
        }
        let writer = &self.at.writer;
        let mut put = 0;
        for buffer in buffers {
            let part = &buffer[..buffer.len().min(room - put)];
            let copied = writer.write(part);
            put += copied;
            if copied < buffer.len() {
                break;
            }
        }
        Ok(put)
    }
}
