//! Who may have how many of the host process's descriptors: no program can take them all.

use std::os::fd::{AsFd, AsRawFd};

/// How a limit of open files is shared out.
///
/// ```text
///   0                                    limit - reserve             limit - last
///   |--- tokens, bells, further arenas --------|--- sessions, arenas -------|-- to refuse them --|
/// ```
///
/// The kernel gives the lowest number that is free. So a descriptor whose number is among the last means that nearly all are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    limit: u32,
}

/// What a host process has open of its own.
const OWN: u32 = 16;
/// Kept for refusing programs in words.
const LAST: u32 = 4;

impl Quota {
    /// No bound: the descriptors are those of a program whose own they are.
    pub(crate) const NONE: Self = Self { limit: u32::MAX };

    /// For a process that may have so many descriptors.
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit: u32::try_from(limit).unwrap_or(u32::MAX) }
    }

    /// Those that are kept for programs to come.
    fn reserve(self) -> u32 {
        (self.limit / 8).clamp(16, 256)
    }

    fn common(self) -> u32 {
        self.limit.saturating_sub(self.reserve())
    }

    /// Whether a descriptor that was made for a program's sockets has to be closed again: others will need it.
    pub(crate) fn is_reserved(self, descriptor: impl AsFd) -> bool {
        self != Self::NONE && number(descriptor) >= self.common()
    }

    /// Whether a new control connection has to be refused.
    pub(crate) fn is_exhausted(self, descriptor: impl AsFd) -> bool {
        self != Self::NONE && number(descriptor) >= self.limit.saturating_sub(LAST)
    }

    /// The most of a kind that one program may have.
    pub(crate) fn share(self) -> usize {
        (self.common().saturating_sub(OWN) / 4 * 3).max(1) as usize
    }
}

fn number(descriptor: impl AsFd) -> u32 {
    u32::try_from(descriptor.as_fd().as_raw_fd()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_three_quarters_of_what_is_not_reserved() {
        assert_eq!(Quota::new(64).share(), 24);
        assert_eq!(Quota::new(1024).share(), 660);
        assert_eq!(Quota::new(1 << 20).share(), ((1 << 20) - 256 - 16) / 4 * 3);
        assert_eq!(Quota::new(3).share(), 1, "a host process so small serves somebody");
    }

    #[test]
    fn the_last_descriptors_are_for_new_programs() {
        let pipe = rustix::pipe::pipe().unwrap().0;
        let number = u64::from(number(&pipe));
        let reserved = |limit| Quota::new(limit).is_reserved(&pipe);
        assert!(reserved(number + 16) && !reserved(number + 17));
        let exhausted = |limit| Quota::new(limit).is_exhausted(&pipe);
        assert!(exhausted(number + 4) && !exhausted(number + 5));
        assert!(!Quota::NONE.is_reserved(&pipe) && !Quota::NONE.is_exhausted(&pipe));
    }
}
