//! The ready list beside a model of its marks.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Arbitrary;

use crate::raw::Run;
use crate::ready_list::{GROUPS, ListWords, Mark, ReadyList, WATCHES};
use sockeye_trials::Number;

sockeye_trials::script! {
    /// Steps of programs and the engine with a ready list.
    pub struct Watchers {  } of up to 512 Step
}

/// A group or a watch: a few of them meet often.
type Few = u8;

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Step {
    /// The engine's.
    Post(Few, Happened),
    Clear(Few),
    /// The program's.
    Join(Few, Few),
    Leave(Few, Few),
    Take(Few),
    FallAsleep(Few),
    WakeUp(Few),
    ClearGroup(Few),
    /// Anybody's: a word at any place.
    Scribble(Place, Number),
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Happened {
    Rx,
    Tx,
    State,
}

impl Happened {
    fn mark(self) -> Mark {
        match self {
            Self::Rx => Mark::RX,
            Self::Tx => Mark::TX,
            Self::State => Mark::STATE,
        }
    }
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Place {
    /// A word of a group, the first of which say most.
    Group(Few, u16),
    Watch(Few),
}

/// Bytes of a group's words.
const GROUP: usize = (size_of::<ListWords>() - WATCHES as usize * 8) / GROUPS as usize;

/// What there should be.
#[derive(Debug, Default)]
struct Model {
    groups: BTreeMap<u32, BTreeSet<u32>>,
    marks: BTreeMap<u32, BTreeMap<u32, u8>>,
    asleep: BTreeSet<u32>,
    /// Groups whose words somebody has scribbled over.
    spoilt: BTreeSet<u32>,
    /// Watches likewise: who is told of them is anybody's guess until they are cleared.
    spoilt_watches: BTreeSet<u32>,
    /// Those that were ever spoilt: marks of them may be anywhere.
    unsure: BTreeSet<u32>,
}

fn group(few: Few) -> u32 {
    // Also one that does not exist.
    [0, 1, 2, 31, 32, 63, GROUPS, u32::MAX >> 26][usize::from(few % 8)]
}

fn watch(few: Few) -> u32 {
    [0, 1, 31, 32, 33, 63, 64, 2047, 2048, 4096, WATCHES - 1, WATCHES, u32::MAX][usize::from(few % 13)]
}

pub(super) fn play(watchers: &Watchers) {
    let list = ReadyList::on_heap().expect("memory");
    let mut model = Model::default();
    for &step in &watchers.steps {
        model.step(&list, step);
    }
    for few in 0..8 {
        model.take(&list, group(few));
        assert!(!list.has_marks(group(few)), "all were taken");
    }
}

fn bits_of(mark: Mark) -> u8 {
    u8::from(mark.is_rx()) | u8::from(mark.is_tx()) << 1
}

impl Model {
    fn step(&mut self, list: &ReadyList, step: Step) {
        match step {
            Step::Post(few, happened) => self.post(list, watch(few), happened.mark()),
            Step::Clear(few) => {
                list.clear(watch(few));
                self.groups.remove(&watch(few));
                self.spoilt_watches.remove(&watch(few));
            }
            Step::Join(at, few) if group(few) < GROUPS => {
                list.join(watch(at), group(few));
                if watch(at) < WATCHES {
                    self.groups.entry(watch(at)).or_default().insert(group(few));
                }
            }
            Step::Leave(at, few) if group(few) < GROUPS => {
                list.leave(watch(at), group(few));
                self.groups.entry(watch(at)).or_default().remove(&group(few));
            }
            Step::Join(..) | Step::Leave(..) => {}
            Step::Take(few) => self.take(list, group(few)),
            Step::FallAsleep(few) => {
                list.fall_asleep(group(few));
                self.asleep.insert(group(few));
            }
            Step::WakeUp(few) => {
                list.wake_up(group(few));
                self.asleep.remove(&group(few));
            }
            Step::ClearGroup(few) => {
                list.clear_group(group(few));
                self.asleep.remove(&group(few));
                self.marks.remove(&group(few));
            }
            Step::Scribble(place, number) => self.scribble(list, place, number.word()),
        }
    }

    fn post(&mut self, list: &ReadyList, watch: u32, mark: Mark) {
        let told = self.groups.get(&watch).cloned().unwrap_or_default();
        let woken = list.post(watch, mark);
        if self.spoilt_watches.contains(&watch) {
            // It may have gone to any group, and woken it.
            (0..GROUPS)
                .filter(|group| woken & 1 << group != 0)
                .for_each(|group| _ = self.asleep.remove(&group));
            return;
        }
        for group in told.iter().copied().filter(|group| !self.spoilt.contains(group)) {
            *self.marks.entry(group).or_default().entry(watch).or_default() |= bits_of(mark);
            assert_eq!(woken & 1 << group != 0, self.asleep.remove(&group), "who sleeps is woken once");
        }
        for group in (0..GROUPS).filter(|group| woken & 1 << group != 0) {
            assert!(told.contains(&group), "who is not told is woken");
        }
    }

    /// What is taken is what was marked.
    fn take(&mut self, list: &ReadyList, group: u32) {
        let mut taken: BTreeMap<u32, u8> = BTreeMap::new();
        let mut most = WATCHES;
        list.take(group, |watch, mark| {
            assert!(watch < WATCHES, "a watch that there is not");
            taken.insert(watch, bits_of(mark));
            most = most.checked_sub(1).expect("each watch is told once");
        });
        let mut marked = self.marks.remove(&group).unwrap_or_default();
        [&mut taken, &mut marked]
            .into_iter()
            .for_each(|marks| marks.retain(|at, _| !self.unsure.contains(at)));
        if !self.spoilt.contains(&group) {
            assert_eq!(taken, marked, "group {group}");
        }
    }

    fn scribble(&mut self, list: &ReadyList, place: Place, word: u64) {
        let at = match place {
            Place::Group(few, at) if group(few) < GROUPS => {
                self.spoilt.insert(group(few));
                // Half of the time where the top, the summary and the first marks are.
                let within = if at % 2 == 0 { 384 } else { GROUP };
                group(few) as usize * GROUP + usize::from(at / 2) * 8 % within
            }
            Place::Watch(few) if watch(few) < WATCHES => {
                self.spoilt_watches.insert(watch(few));
                self.unsure.insert(watch(few));
                GROUPS as usize * GROUP + watch(few) as usize * 8
            }
            Place::Group(..) | Place::Watch(_) => return,
        };
        list.region().write(at, &Run::from(&word.to_ne_bytes()[..]));
    }
}
