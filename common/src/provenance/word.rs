//! Enumerations as tables: number (for CBOR), word (for JSON, TOML and people) and plain description of each variant stand in one row.

/// Declares an enumeration from its table, with `ALL`, `number`, `from_number`, `name`, `description`, and both text forms.
macro_rules! vocabulary {
    (
        $(#[$meta:meta])*
        pub enum $enum:ident {
            $( $(#[$doc:meta])* $variant:ident = $number:literal, $name:literal, $description:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $enum {
            $( $(#[$doc])* $variant = $number, )+
        }

        impl $enum {
            /// Every variant, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number that stands for it in CBOR.
            pub fn number(self) -> u8 {
                self as u8
            }

            /// The word that stands for it in JSON and TOML.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What it means, as part of a sentence.
            pub fn description(self) -> &'static str {
                match self { $( Self::$variant => $description, )+ }
            }
        }

        $crate::provenance::word::spoken!($enum);
    };
}

/// Lets an enumeration with `ALL`, `name` and `number` be read and written by word, and read by number.
macro_rules! spoken {
    ($enum:ident) => {
        impl $enum {
            /// The one with this number.
            pub fn from_number(number: u64) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| u64::from(v.number()) == number)
            }

            /// The one with this word.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == name)
            }
        }

        impl ::core::fmt::Display for $enum {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl ::serde::Serialize for $enum {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $enum {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                Self::from_name(&word).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.iter().map(|v| v.name()).collect();
                    let found: String = word.chars().take(40).collect();
                    ::serde::de::Error::custom(format_args!("'{}' is none of {}", found.escape_debug(), words.join(", ")))
                })
            }
        }
    };
}

pub(super) use {spoken, vocabulary};
