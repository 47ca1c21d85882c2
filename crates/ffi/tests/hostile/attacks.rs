//! The attacks, and how each is played.

use crate::bystander::{BOUND, BOUND_OF_CROWDS};
use crate::crowds::{self, FEW_DESCRIPTORS};
use crate::field::Field;
use crate::{messages, wakes, words};

/// An attack: a way to break the rules, of which a seed makes one of many.
#[derive(Debug)]
pub struct Attack {
    pub name: &'static str,
    pub play: fn(&Field, u64) -> Result<(), String>,
    /// One of so many seeds is played: others would be the same.
    pub each: u64,
    /// Milliseconds that a round trip of the bystander may take meanwhile.
    pub bound: f64,
    /// Descriptors that the host process may have.
    pub descriptors: Option<u32>,
}

const fn attack(name: &'static str, play: fn(&Field, u64) -> Result<(), String>) -> Attack {
    Attack { name, play, each: 1, bound: BOUND, descriptors: None }
}

impl Attack {
    const fn each(self, each: u64) -> Self {
        Self { each, ..self }
    }

    const fn crowd(self) -> Self {
        Self { bound: BOUND_OF_CROWDS, each: 25, ..self }
    }

    const fn few_descriptors(self) -> Self {
        Self { descriptors: Some(FEW_DESCRIPTORS), each: 25, ..self }
    }
}

/// All of them.
pub const ATTACKS: &[Attack] = &[
    attack("scribble", words::scribble),
    attack("each-word", words::each_word),
    attack("all-memory", words::all_memory),
    attack("closed-tokens", words::closed_tokens),
    attack("holes", words::holes),
    attack("pages", words::pages).each(25),
    attack("sleepers", words::sleepers).each(5),
    attack("random-requests", messages::random_requests),
    attack("noise", messages::noise),
    attack("halves", messages::halves).each(25),
    attack("huge", messages::huge).each(5),
    attack("endless", messages::endless).each(5),
    attack("mailboxes", messages::mailboxes),
    attack("doorbells", wakes::doorbells).each(5),
    attack("bells", wakes::bells).each(5),
    attack("tokens", wakes::tokens).each(5),
    attack("rights", wakes::rights).each(5),
    attack("connections", wakes::connections).each(5),
    attack("exits", crowds::exits).crowd(),
    attack("killed", crowds::killed).crowd(),
    attack("unread", crowds::unread).each(25),
    attack("orphans", crowds::orphans).each(25),
    attack("forks", crowds::forks).each(5),
    attack("nameless", crowds::nameless).each(25),
    attack("sessions", crowds::sessions).each(25),
    attack("silent", crowds::silent).few_descriptors(),
    attack("greedy", crowds::greedy).few_descriptors(),
    attack("hoarder", crowds::hoarder).few_descriptors(),
    attack("removed", crowds::removed).each(25),
    attack("limits", crowds::limits).each(25),
];
