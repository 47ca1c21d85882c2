//! Values with units, as people write them: `"20ms"`, `"10mbit"`, `"5%"`, `"64KiB"`.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::time::Duration;

/// A length of time: `"20ms"`, or 0.
pub(super) struct Length(pub(super) Duration);
/// Bits a second: `"10mbit"`; 0 is no limit.
pub(super) struct Rate(pub(super) u64);
/// Bytes: `"64KiB"`, or a number.
pub(super) struct Size(pub(super) usize);
/// A probability: `"5%"`, or a number from 0 to 1.
pub(super) struct Probability(pub(super) f64);

const LENGTHS: &[(&str, f64)] =
    &[("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0)];
const RATES: &[(&str, f64)] = &[("bit", 1.0), ("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)];
const SIZES: &[(&str, f64)] = &[
    ("", 1.0),
    ("B", 1.0),
    ("kB", 1e3),
    ("KiB", 1024.0),
    ("MB", 1e6),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];
const SHARES: &[(&str, f64)] = &[("%", 0.01)];

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = deserializer.deserialize_any(Quantity {
            units: LENGTHS,
            bare: Bare::OnlyZero("20ms"),
            expected: "a time like \"20ms\", \"1.5s\" or \"1min\"",
        })?;
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| D::Error::custom("a time too long to count; write less"))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a rate like \"10mbit\", \"64kbit\" or \"1gbit\" (bits a second)";
        deserializer
            .deserialize_any(Quantity { units: RATES, bare: Bare::OnlyZero("10mbit"), expected })
            .map(|bits| Self(bits.round() as u64))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a number of bytes like 1500, \"64KiB\" or \"1MiB\"";
        deserializer
            .deserialize_any(Quantity { units: SIZES, bare: Bare::Base, expected })
            .map(|bytes| Self(bytes.round() as usize))
    }
}

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a probability like \"5%\" or 0.05";
        let value = deserializer.deserialize_any(Quantity { units: SHARES, bare: Bare::Base, expected })?;
        if value > 1.0 {
            return Err(D::Error::custom(format!(
                "a probability of {value}; write one from 0 to 1, or \"5%\""
            )));
        }
        Ok(Self(value))
    }
}

/// What a number without a unit is.
#[derive(Clone, Copy)]
enum Bare {
    /// A quantity in the base unit.
    Base,
    /// A mistake, as it may mean any unit, unless it is 0; with an example of a right one.
    OnlyZero(&'static str),
}

/// Reads a plain number, or text of a number and a unit.
struct Quantity {
    units: &'static [(&'static str, f64)],
    bare: Bare,
    expected: &'static str,
}

impl Visitor<'_> for Quantity {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        if !value.is_finite() || value < 0.0 {
            return Err(E::invalid_value(Unexpected::Float(value), &self));
        }
        match self.bare {
            Bare::OnlyZero(example) if value != 0.0 => {
                Err(E::custom(format!("{value}: give a unit, as in \"{example}\"")))
            }
            Bare::OnlyZero(_) | Bare::Base => Ok(value),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        let invalid = || E::invalid_value(Unexpected::Str(text), &self);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| invalid())?;
        if unit.is_empty() && matches!(self.bare, Bare::OnlyZero(_)) {
            return self.visit_f64(number);
        }
        let (_, scale) = self.units.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(invalid)?;
        // Dividing by a round number is exact where multiplying by its inverse is not: "20ms" is 0.02 s.
        let value = if *scale < 1.0 { number / scale.recip().round() } else { number * scale };
        Ok(value)
    }
}
