//! The stored figures, and whether those of now are like them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How far a count may be from the stored one, per cent of it. `docs/performance.md` says why so far.
pub(crate) const TOLERANCE: u64 = 2;

/// Instructions by the name of the work.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What is stored.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figures {
    /// The compiler that made what was counted: another makes other instructions.
    pub(crate) rustc: String,
    pub(crate) counts: Counts,
}

/// What is to be said of a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alike,
    /// More than the tolerance above the stored figure.
    Risen,
    /// As far below it.
    Fallen,
    /// There is no stored figure.
    New,
    /// There is a stored figure, and nothing that is measured.
    Gone,
}

impl Verdict {
    fn of(stored: Option<u64>, measured: Option<u64>) -> Self {
        let (stored, measured) = match (stored, measured) {
            (None, _) => return Self::New,
            (_, None) => return Self::Gone,
            (Some(stored), Some(measured)) => (stored, measured),
        };
        let is_near = stored.abs_diff(measured) * 100 <= stored * TOLERANCE;
        match measured > stored {
            _ if is_near => Self::Alike,
            true => Self::Risen,
            false => Self::Fallen,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alike => "",
            Self::Risen => "too many",
            Self::Fallen => "fewer: bring the stored figure up to date",
            Self::New => "not stored yet",
            Self::Gone => "stored, but no work of today",
        })
    }
}

/// A work, its two counts and the verdict.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) stored: Option<u64>,
    pub(crate) measured: Option<u64>,
    pub(crate) verdict: Verdict,
}

impl Row {
    /// Per cent of the stored figure.
    pub(crate) fn difference(&self) -> Option<f64> {
        let (stored, measured) = (self.stored? as f64, self.measured? as f64);
        Some((measured - stored) / stored * 100.0)
    }
}

/// A row for each work that is stored or measured, in order of their names.
pub(crate) fn compare(stored: &Counts, measured: &Counts) -> Vec<Row> {
    let mut works: Vec<&String> = stored.keys().chain(measured.keys()).collect();
    works.sort();
    works.dedup();
    let row = |work: &String| {
        let (stored, measured) = (stored.get(work).copied(), measured.get(work).copied());
        Row { work: work.clone(), stored, measured, verdict: Verdict::of(stored, measured) }
    };
    works.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests;
