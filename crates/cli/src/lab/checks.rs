//! What the experiment claims, and whether it held.

use std::fmt;

/// The claims so far.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

#[derive(Debug)]
struct Check {
    moment: &'static str,
    claim: String,
    held: bool,
}

impl Checks {
    /// Notes a claim; returns whether it held.
    pub(super) fn add(&mut self, moment: &'static str, claim: impl Into<String>, held: bool) -> bool {
        self.0.push(Check { moment, claim: claim.into(), held });
        held
    }

    /// The first claim that did not hold.
    pub(super) fn first_broken(&self) -> Option<String> {
        let broken = self.0.iter().find(|check| !check.held)?;
        Some(format!("{}: it does not hold that {}", broken.moment, broken.claim))
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.0 {
            let mark = if check.held { "holds" } else { "FAILS" };
            writeln!(f, "{mark}  {:<22} {}", check.moment, check.claim)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
