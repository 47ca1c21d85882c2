//! Lists of two, with words for who writes another number of them.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use toml::{Spanned, Value};

/// The first and the last port.
pub(super) struct Ports(pub(super) u16, pub(super) u16);
/// The names of two hosts.
pub(super) struct Ends(pub(super) Spanned<String>, pub(super) Spanned<String>);

const PORTS: &str = "the first and the last port, as in [32768, 60999]";
const ENDS: &str = "the names of two hosts, as in [\"server\", \"client\"]";

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (first, last) = deserializer.deserialize_any(Pair(PORTS, port))?;
        Ok(Self(first, last))
    }
}

impl<'de> Deserialize<'de> for Ends {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (one, other) = deserializer.deserialize_any(Pair(ENDS, Some::<Spanned<String>>))?;
        Ok(Self(one, other))
    }
}

fn port(value: Value) -> Option<u16> {
    value.as_integer().and_then(|port| port.try_into().ok())
}

/// Two items: what is expected, and how one is made of what the file has; `None` if it cannot be.
struct Pair<I, T>(&'static str, fn(I) -> Option<T>);

impl<'de, I: Deserialize<'de>, T> Visitor<'de> for Pair<I, T> {
    type Value = (T, T);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(T, T), A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<I>()? {
            items.push(item);
        }
        let wrong = |what: &str| A::Error::custom(format!("{what}; write {}", self.0));
        let [one, other] =
            <[I; 2]>::try_from(items).map_err(|items| wrong(&format!("a list of {}", items.len())))?;
        let make = |item| (self.1)(item).ok_or_else(|| wrong("not a port from 1 to 65535"));
        Ok((make(one)?, make(other)?))
    }
}
