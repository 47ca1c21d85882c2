//! Experiments.

mod checks;
mod delivery;
mod kernel;
mod program;
mod signals;
mod stage;
mod view;

pub(crate) use delivery::guaranteed_delivery;
