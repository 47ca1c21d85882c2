//! SendQ: bytes that the program has sent and the peer has not acknowledged.

use crate::Text;

/// The engine's half: the consumer.
///
/// ```text
///   head (SND.UNA)                      seen tail         tail (hostile)
///     |------------- len() -----------------|- refresh() ----|
/// ```
#[derive(Debug)]
pub struct SendQ {}

impl SendQ {
    /// Bytes it may hold: the SO_SNDBUF in force.
    #[must_use]
    pub fn limit(&self) -> usize {
        unimplemented!()
    }

    /// Bytes between head and the tail last seen.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Loads the program's tail once, clamps it to `[seen tail, head + limit]`, and returns how many bytes are new.
    pub fn refresh(&mut self) -> usize {
        unimplemented!()
    }

    /// The bytes `[offset, offset + len)` counted from head; clamped to what is held.
    #[must_use]
    pub fn text(&self, offset: usize, len: usize) -> Text<'_> {
        let _ = (offset, len);
        unimplemented!()
    }

    /// Gives `len` bytes at head back to the program: they are acknowledged.
    pub fn release(&mut self, len: usize) {
        let _ = len;
        unimplemented!()
    }

    /// Changes the limit (bytes). The caller guarantees that the program does not write meanwhile; held bytes are kept and
    /// the ring moves if it must grow. A limit below what is held takes effect as bytes are released.
    pub fn set_limit(&mut self, limit: usize) {
        let _ = limit;
        unimplemented!()
    }
}

/// The program's half: the producer. All state is in the slot, so copies of it in forked processes agree; its
/// callers serialise on the slot's send lock.
#[derive(Clone, Debug)]
pub struct SendQWriter {}

impl SendQWriter {
    /// Bytes that can be written now.
    #[must_use]
    pub fn free(&self) -> usize {
        unimplemented!()
    }

    /// Bytes written and not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies as many bytes as fit and publishes them with one store of the tail; returns how many.
    pub fn write(&self, bytes: &[u8]) -> usize {
        let _ = bytes;
        unimplemented!()
    }
}
