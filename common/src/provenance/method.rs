//! How, where and by whom a key was made.

use super::word::{spoken, vocabulary};

/// The revision of the taxonomy that [`Method`] follows in names, order, descriptions and NIST counterparts.
pub const TAXONOMY: &str = "draft-irtf-t2trg-taxonomy-manufacturer-anchors-07";

/// The taxonomy's five methods (section 4.1.1). None is better than another by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Nobody said.
    #[default]
    Unknown,
    /// The device's main processor, its trusted execution environment or its firmware TPM made the key (4.1.1.1).
    Avocado,
    /// The manufacturer's infrastructure made the key and installed it (4.1.1.2).
    Bamboo,
    /// Device and manufacturer each derived the key from a seed that the silicon vendor gave both (4.1.1.3).
    Carrot,
    /// A discrete secure element or TPM made the key at the device manufacturer (4.1.1.4).
    Salak,
    /// The element's silicon vendor delivered it with key and certificate (4.1.1.5).
    Sapodilla,
}

/// One row of the method table.
struct Row {
    number: u8,
    name: &'static str,
    description: &'static str,
    nist: Option<&'static str>,
}

impl Method {
    /// Every method, by number.
    pub const ALL: &'static [Self] = &[Self::Unknown, Self::Avocado, Self::Bamboo, Self::Carrot, Self::Salak, Self::Sapodilla];

    /// The table, after [`TAXONOMY`] and NIST SP 1800-36, appendix H.1.1.
    const fn row(self) -> Row {
        let (number, name, description, nist) = match self {
            Self::Unknown => (0, "unknown", "generated nobody knows how", None),
            Self::Avocado => (1, "avocado", "generated on the device", Some("Method 1 Key Pair Generated on IoT Device")),
            Self::Bamboo => (2, "bamboo", "generated off the device", Some("Method 3 Key Pair Loaded into IoT Device")),
            Self::Carrot => (3, "carrot", "derived from a seed shared with the factory", Some("Method 5 Private Key Derived from Shared Seed")),
            Self::Salak => (4, "salak", "generated in the device's secure element", Some("Method 2 Key Pair Generated in Secure Element")),
            Self::Sapodilla => {
                (5, "sapodilla", "delivered in a secure element by its silicon vendor", Some("Method 4 Key Pair Pre-Provisioned onto Secure Element"))
            }
        };
        Row { number, name, description, nist }
    }

    /// The number that stands for it in CBOR.
    pub fn number(self) -> u8 {
        self.row().number
    }

    /// The taxonomy's word, as in `avocado`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Plain description, as in "generated off the device".
    pub fn description(self) -> &'static str {
        self.row().description
    }

    /// Birth-credential method of NIST SP 1800-36, as in "Method 3 Key Pair Loaded into IoT Device"; none for unknown.
    pub fn nist_method(self) -> Option<&'static str> {
        self.row().nist
    }

    /// Whether a discrete secure element or TPM holds the key (taxonomy, sections 4.1.1.4 and 4.1.1.5).
    pub fn uses_secure_element(self) -> bool {
        match self {
            Self::Unknown | Self::Avocado | Self::Bamboo | Self::Carrot => false,
            Self::Salak | Self::Sapodilla => true,
        }
    }

    /// What a refusal says was found: "bamboo keys (generated off the device)", or that there is no statement at all.
    pub fn in_words(found: &Option<Self>) -> String {
        match found {
            None => "pledges without a provenance statement".to_owned(),
            Some(Self::Unknown) => "keys of unknown method".to_owned(),
            Some(method @ (Self::Avocado | Self::Bamboo | Self::Carrot | Self::Salak | Self::Sapodilla)) => {
                format!("{} keys ({})", method.name(), method.description())
            }
        }
    }
}

spoken!(Method);

vocabulary! {
    /// Where the key pair came into being.
    #[derive(Default)]
    pub enum Locus {
        /// Nobody said.
        #[default]
        Unknown = 0, "unknown", "in an unknown place";
        /// The device's main processor.
        MainCpu = 1, "main-cpu", "on the device's main processor";
        /// A trusted execution environment of the main processor.
        Tee = 2, "tee", "in the device's trusted execution environment";
        /// A TPM that is firmware of the main processor: the taxonomy counts it as avocado.
        FirmwareTpm = 3, "firmware-tpm", "in the device's firmware TPM";
        /// A TPM that is a chip of its own.
        DiscreteTpm = 4, "discrete-tpm", "in the device's discrete TPM";
        /// A secure element that is a chip of its own.
        SecureElement = 5, "secure-element", "in the device's secure element";
        /// The device manufacturer's factory.
        Factory = 6, "factory", "in the device's factory";
        /// The silicon vendor's factory.
        SiliconFactory = 7, "silicon-factory", "in the silicon vendor's factory";
    }
}

vocabulary! {
    /// What keeps the provisioning interface shut after manufacture.
    #[derive(Default)]
    pub enum Lock {
        /// Nobody said.
        #[default]
        Unknown = 0, "unknown", "perhaps locked";
        /// Nothing.
        None = 1, "none", "not locked";
        /// Software that can be replaced.
        Software = 2, "software", "locked by software";
        /// A fuse that was blown.
        Fuse = 3, "fuse", "locked by a fuse";
        /// The life cycle state of the secure element.
        SeLifecycle = 4, "se-lifecycle", "locked by the secure element's life cycle";
    }
}

vocabulary! {
    /// Whether the secure element made its key or was given it, which the taxonomy leaves open for sapodilla.
    pub enum SecureElementGeneration {
        /// Nobody said.
        Unknown = 0, "unknown", "perhaps made inside the element";
        /// The element made the key.
        Internal = 1, "internal", "made inside the element";
        /// The key was made elsewhere and loaded into the element.
        Injected = 2, "injected", "loaded into the element";
    }
}

vocabulary! {
    /// Which CA certifies the keys of elements that a silicon vendor provisions (taxonomy, section 4.1.1.5).
    pub enum CaArrangement {
        /// A CA of the silicon vendor, the same for all its customers.
        SiliconGeneric = 1, "silicon-generic", "certified by the silicon vendor's own CA";
        /// A CA that the silicon vendor operates for this device manufacturer.
        SiliconOperatesForOem = 2, "silicon-operates-for-oem", "certified by a CA that the silicon vendor operates for the manufacturer";
        /// The device manufacturer's CA, reached over a network from the silicon vendor's factory.
        OemOverNetwork = 3, "oem-over-network", "certified by the manufacturer's CA over a network";
    }
}
