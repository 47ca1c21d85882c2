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
mod tests {
    use super::*;

    #[test]
    fn the_first_claim_that_fails_is_told() {
        let mut checks = Checks::default();
        assert!(checks.add("filling", "water is wet", true));
        assert_eq!(checks.first_broken(), None);
        assert!(!checks.add("filling", "Recv-Q is 16384", false));
        checks.add("end", "all is well", false);
        assert_eq!(checks.first_broken().as_deref(), Some("filling: it does not hold that Recv-Q is 16384"));
        assert_eq!(checks.to_string().lines().filter(|line| line.starts_with("FAILS")).count(), 2);
    }
}
