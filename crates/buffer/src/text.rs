//! Bytes to be read in at most two runs, perhaps in memory that another process can write.

use crate::raw::Run;

/// Segment text: at most two runs of bytes.
///
/// The memory may be shared with a process that is not trusted and may change while it is looked at, so there
/// is no `&[u8]` of it: it is copied out, once.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    first: Run<'a>,
    second: Run<'a>,
}

impl<'a> Text<'a> {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self { first: Run::empty(), second: Run::empty() }
    }

    /// Two runs, read one after the other.
    #[must_use]
    pub fn pair(first: &'a [u8], second: &'a [u8]) -> Self {
        Self { first: first.into(), second: second.into() }
    }

    pub(crate) fn of_runs(first: Run<'a>, second: Run<'a>) -> Self {
        Self { first, second }
    }

    pub(crate) fn runs(&self) -> [Run<'a>; 2] {
        [self.first, self.second]
    }

    /// Bytes in all.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.first.len().saturating_add(self.second.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `len` bytes from `offset` on; clamped to what there is.
    #[must_use]
    #[inline]
    pub fn slice(&self, offset: usize, len: usize) -> Text<'a> {
        let first = self.first.slice(offset, len);
        let skipped = offset.saturating_sub(self.first.len());
        Text { first, second: self.second.slice(skipped, len - first.len()) }
    }

    /// Copies as many bytes as fit from the start into `out`, and returns how many.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let first = self.first.copy_to(out);
        first + self.second.copy_to(&mut out[first..])
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::pair(bytes, &[])
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
