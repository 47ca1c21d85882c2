//! Bytes to be read in at most two runs, perhaps in memory that another process can write.

use core::marker::PhantomData;

/// Segment text: at most two runs of bytes.
///
/// The memory may be shared with a process that is not trusted and may change while it is looked at, so there
/// is no `&[u8]` of it: it is copied out, once.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    first: (*const u8, usize),
    second: (*const u8, usize),
    memory: PhantomData<&'a [u8]>,
}

impl<'a> Text<'a> {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        unimplemented!()
    }

    /// Bytes in all.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `len` bytes from `offset` on; clamped to what there is.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Text<'a> {
        let _ = (offset, len);
        unimplemented!()
    }

    /// Copies as many bytes as fit from the start into `out`, and returns how many.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let _ = out;
        unimplemented!()
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        let _ = bytes;
        unimplemented!()
    }
}
