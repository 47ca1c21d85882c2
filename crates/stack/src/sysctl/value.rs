//! What settings consist of, as text.

use super::SysctlError;
use std::time::Duration;

/// The unit in which a setting counts time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    const fn nanos(self) -> u64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }

    /// Whole units of `time`.
    pub(super) fn show(self, time: Duration) -> String {
        (time.as_nanos() / u128::from(self.nanos())).to_string()
    }

    /// So many units as the text says.
    pub(super) fn parse(self, text: &str, bounds: (u64, u64)) -> Result<Duration, SysctlError> {
        Ok(Duration::from_nanos(number(text, bounds)?.saturating_mul(self.nanos())))
    }
}

/// One whole number within `bounds`, in decimal, or in hexadecimal after `0x`.
pub(super) fn number(text: &str, bounds: (u64, u64)) -> Result<u64, SysctlError> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(SysctlError::Malformed { expected: "a whole number" });
    }
    let out_of_bounds = SysctlError::OutOfBounds { least: bounds.0, most: bounds.1 };
    // Too many digits for 64 bits.
    let number = u64::from_str_radix(digits, radix).map_err(|_| out_of_bounds)?;
    if (bounds.0..=bounds.1).contains(&number) { Ok(number) } else { Err(out_of_bounds) }
}

/// 0 or 1.
pub(super) fn flag(text: &str) -> Result<bool, SysctlError> {
    Ok(number(text, (0, 1))? != 0)
}

/// So many numbers as `N`, separated by blanks.
pub(super) fn numbers<const N: usize>(
    text: &str,
    bounds: (u64, u64),
    expected: &'static str,
) -> Result<[u64; N], SysctlError> {
    let mut words = text.split_ascii_whitespace();
    let mut values = [0; N];
    for value in &mut values {
        *value = number(words.next().ok_or(SysctlError::Malformed { expected })?, bounds)?;
    }
    if words.next().is_some() { Err(SysctlError::Malformed { expected }) } else { Ok(values) }
}
