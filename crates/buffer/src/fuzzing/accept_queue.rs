//! The accept queue beside a model of who has taken what.

use core::net::SocketAddr;

use arbitrary::Arbitrary;

use crate::Slot;
use crate::accept_queue::{AcceptQueue, Claimant, Found, PLACES, Waiting};
use crate::raw::Run;
use crate::slot::HEADER_SPACE;
use sockeye_trials::Number;

sockeye_trials::script! {
    /// Steps of programs and the engine with an accept queue.
    pub struct Takers { first: u32 } of up to 512 Step
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Step {
    /// The engine's: the next connection is offered, if there is a place.
    Offer,
    /// The engine looks who has taken the first, or takes it back.
    Look,
    Withdraw,
    /// A program takes what is so many places behind the first.
    Take(u8, u16),
    /// Anybody's, at so many bytes from the queue's begin.
    Scribble(u16, Number),
}

/// What there should be.
#[derive(Debug)]
struct Model {
    first: u32,
    /// By whom each is taken that is offered, the oldest first.
    offered: std::collections::VecDeque<Option<Claimant>>,
    is_spoilt: bool,
}

/// The connection at a position.
fn waiting(position: u32) -> Waiting {
    let peer = SocketAddr::from(([10, 0, (position >> 8) as u8, position as u8], position as u16));
    Waiting { tag: u64::from(position) << 32, arena: u64::from(!position), index: position & 0xfff, peer }
}

fn claimant(who: u16) -> Claimant {
    Claimant::new(u32::from(who % 3) + 1, who).expect("a small number")
}

pub(super) fn play(takers: &Takers) {
    let slot = Slot::on_heap(4096, 4096);
    let queue = slot.accept_queue();
    queue.reset();
    let mut model = Model { first: takers.first, offered: [].into(), is_spoilt: false };
    for &step in &takers.steps {
        model.step(&slot, step);
    }
    // Whatever was written there: the engine has done with it after one look at each place.
    while !model.offered.is_empty() {
        model.withdraw(queue);
    }
    queue.reset();
    for position in 0..PLACES {
        assert_eq!(queue.take(takers.first.wrapping_add(position), claimant(0)), Found::Nothing);
    }
}

impl Model {
    fn step(&mut self, slot: &Slot, step: Step) {
        let queue = slot.accept_queue();
        match step {
            Step::Offer if self.offered.len() < PLACES as usize => {
                let position = self.first.wrapping_add(self.offered.len() as u32);
                queue.offer(position, &waiting(position));
                self.offered.push_back(None);
            }
            Step::Look if !self.offered.is_empty() => {
                let taken = queue.taken_by(self.first);
                if taken.is_some() {
                    self.first = self.first.wrapping_add(1);
                    self.check(taken);
                } else {
                    assert!(
                        self.is_spoilt || self.offered[0].is_none(),
                        "a claim that the engine does not see"
                    );
                }
            }
            Step::Withdraw if !self.offered.is_empty() => self.withdraw(queue),
            Step::Offer | Step::Look | Step::Withdraw => {}
            Step::Take(behind, who) => self.take(queue, behind.into(), claimant(who)),
            Step::Scribble(at, number) => {
                self.is_spoilt = true;
                let word = number.word().to_ne_bytes();
                let (start, len) = (HEADER_SPACE, size_of::<AcceptQueue>() - word.len());
                slot.region().write(start + usize::from(at) % len, &Run::from(&word[..]));
            }
        }
    }

    fn check(&mut self, taken: Option<Claimant>) {
        let expected = self.offered.pop_front().flatten();
        assert!(self.is_spoilt || taken == expected, "{taken:?} instead of {expected:?}");
    }

    fn withdraw(&mut self, queue: &AcceptQueue) {
        let taken = queue.withdraw(self.first);
        self.first = self.first.wrapping_add(1);
        self.check(taken);
    }

    /// Each is taken by one, who is told what was offered.
    fn take(&mut self, queue: &AcceptQueue, behind: u32, by: Claimant) {
        let position = self.first.wrapping_add(behind);
        let found = queue.take(position, by);
        if self.is_spoilt {
            return;
        }
        match (found, self.offered.get_mut(behind as usize)) {
            (Found::Taken(what), Some(taken @ None)) => {
                assert_eq!(what, waiting(position));
                *taken = Some(by);
            }
            (Found::Gone, Some(Some(_))) | (Found::Nothing, None) => {}
            // A place whose last claim says the same position in fewer bits.
            (Found::Gone, None) => assert!(behind >= PLACES),
            (found, taken) => panic!("{found:?} where {taken:?} has it"),
        }
    }
}
