//! The bodies of the fuzz targets `rings` and `ready`: both sides of what programs and the engine share, in any order of their steps,
//! beside a model; and whatever anybody may write there.
//!
//! What was written is known, and so is which of it each side believes: where nobody has scribbled, the model is right.

mod accept_queue;
mod ready_list;
mod rings;
mod token;

use arbitrary::Arbitrary;

pub use accept_queue::Takers;
pub use ready_list::Watchers;
pub use rings::{Rings, rings};
pub use token::Polled;

/// How a program learns that it is worth looking.
#[derive(Clone, Debug, Arbitrary)]
pub enum Ready {
    /// By the ready list.
    List(Watchers),
    /// By the accept queue.
    Queue(Takers),
    /// By the token.
    Token(Polled),
}

impl sockeye_trials::Input for Ready {
    fn len(&self) -> usize {
        match self {
            Self::List(watchers) => watchers.len(),
            Self::Queue(takers) => takers.len(),
            Self::Token(polled) => polled.len(),
        }
    }

    fn remove(&mut self, at: usize) {
        match self {
            Self::List(watchers) => watchers.remove(at),
            Self::Queue(takers) => takers.remove(at),
            Self::Token(polled) => polled.remove(at),
        }
    }
}

/// Plays an input.
///
/// # Panics
/// If somebody would wait for what is there, or what was scribbled misleads another than who did it.
pub fn ready(input: &Ready) {
    match input {
        Ready::List(watchers) => ready_list::play(watchers),
        Ready::Queue(takers) => accept_queue::play(takers),
        Ready::Token(polled) => token::play(polled),
    }
}

#[cfg(test)]
mod tests;
