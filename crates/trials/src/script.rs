//! What inputs are made of: steps, and numbers that are likely to hurt.

use arbitrary::{Arbitrary, Result, Unstructured};

/// Makes an input that consists of steps, and perhaps of what is so before the first.
///
/// ```
/// #[derive(Clone, Debug, arbitrary::Arbitrary)]
/// enum Step {
///     Forwards(u8),
///     Back,
/// }
///
/// sockeye_trials::script! {
///     /// A walk.
///     pub struct Walk { start: u32 } of up to 160 Step
/// }
/// ```
#[macro_export]
macro_rules! script {
    ($(#[$about:meta])* pub struct $name:ident { $($field:ident: $type:ty),* } of up to $most:literal $step:ty) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $($field: $type,)*
            steps: Vec<$step>,
        }

        impl<'a> arbitrary::Arbitrary<'a> for $name {
            fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
                Ok(Self { $($field: arbitrary::Arbitrary::arbitrary(u)?,)* steps: $crate::steps(u, $most)? })
            }
        }

        impl $crate::Input for $name {
            fn len(&self) -> usize {
                self.steps.len()
            }

            fn remove(&mut self, at: usize) {
                self.steps.remove(at);
            }
        }
    };
}

/// Up to `most` steps, for as long as there are bytes: what is derived for a vector tosses a coin after each.
///
/// # Errors
/// As [`Arbitrary::arbitrary`].
pub fn steps<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>, most: usize) -> Result<Vec<T>> {
    let mut steps = Vec::new();
    while !u.is_empty() && steps.len() < most {
        steps.push(u.arbitrary()?);
    }
    Ok(steps)
}

/// A number that is likely to hurt.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub enum Number {
    /// Itself.
    Small(u8),
    /// As far below nothing.
    Negative(u8),
    /// A power of two, and so much.
    Power(u8, i8),
    /// Any.
    Any(u64),
}

impl Number {
    /// As a word of memory.
    #[must_use]
    pub fn word(self) -> u64 {
        match self {
            Self::Small(number) => number.into(),
            Self::Negative(number) => u64::from(number).wrapping_neg(),
            Self::Power(power, more) => (1_u64 << (power % 64)).wrapping_add_signed(more.into()),
            Self::Any(number) => number,
        }
    }
}
