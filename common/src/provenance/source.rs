//! What the key came out of.

use super::word::vocabulary;

vocabulary! {
    /// Source of a private key in the words of the LAMPS work on key attestation. The numbers are ours.
    #[derive(Default)]
    pub enum Source {
        /// Nobody said.
        #[default]
        Unknown = 0, "unknown", "of unknown source";
        /// Made elsewhere and loaded into the device.
        Loaded = 1, "loaded", "loaded into the device";
        /// Derived from a secret that never left the device, such as a DICE UDS or a PUF.
        DeviceDerived = 2, "device-derived", "derived from a secret of the device";
        /// Made from random numbers on the device.
        GeneratedOnDevice = 3, "generated-on-device", "generated on the device";
        /// Agreed between the device and another party.
        KeyAgreement = 4, "key-agreement", "agreed with another party";
        /// Made by the device and another party together.
        CoGenerated = 5, "co-generated", "generated together with another party";
        /// Derived from a secret that others may know.
        Kdf = 6, "kdf", "derived from a shared secret";
    }
}
