//! Leniencies by manufacturer, and a clear word for whoever writes them as the MASA's configuration has them.

use core::fmt;
use std::collections::BTreeMap;

use brski_common::Leniencies;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads one table for each manufacturer; for `#[serde(deserialize_with)]`.
pub(super) fn by_manufacturer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Leniencies>, D::Error> {
    let tables = BTreeMap::<String, Table>::deserialize(deserializer)?;
    Ok(tables.into_iter().map(|(name, Table(leniencies))| (name, leniencies)).collect())
}

/// What one manufacturer is granted.
struct Table(Leniencies);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Leniencies;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of its own for each manufacturer: write [leniencies.\"NAME\"] with the manufacturer's name from `trust list`")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Leniencies, A::Error> {
                Leniencies::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members).map(Self)
    }
}
