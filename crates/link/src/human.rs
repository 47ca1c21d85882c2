//! Times as people write them: `20ms`, `1.5s`, `250us`.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Units, the largest first, and how many nanoseconds each has.
const UNITS: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// Writes the time in the largest unit in which it is a whole number.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write(*duration))
}

/// Reads what [`serialize`] writes, and fractions.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| {
        D::Error::custom(format!("`{text}` is no time: write a number and s, ms, us or ns, such as \"20ms\""))
    })
}

fn write(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = UNITS.iter().find(|(_, unit)| nanos.is_multiple_of(u128::from(*unit)));
    let (name, unit) = whole.copied().unwrap_or(("ns", 1));
    format!("{}{name}", nanos / u128::from(unit))
}

fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, name) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name.trim_start())?;
    if let Ok(number) = number.parse::<u64>() {
        return number.checked_mul(*unit).map(Duration::from_nanos);
    }
    let nanos = number.parse::<f64>().ok()? * *unit as f64;
    // Beyond the range of the type the cast saturates, and `validate` refuses the outcome.
    Some(Duration::from_nanos(nanos.round() as u64))
}

#[cfg(test)]
mod tests;
