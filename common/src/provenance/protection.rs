//! How well a key is held.

use super::word::vocabulary;

vocabulary! {
    /// Protection of the private key, ordered from least to most: the only order in this vocabulary.
    #[derive(PartialOrd, Ord)]
    #[derive(Default)]
    pub enum Protection {
        /// Nobody said; less than anything that was said.
        #[default]
        Unknown = 0, "unknown", "held nobody knows how";
        /// Readable by software.
        NoneSoftware = 1, "none-software", "readable by software";
        /// May leave for another device.
        ExtractableMigratable = 2, "extractable-migratable", "free to migrate to another device";
        /// May leave for a backup, wrapped with a trusted key.
        ExtractableForBackup = 3, "extractable-for-backup", "extractable for backup";
        /// May leave only wrapped with a key that is the device's own.
        ExtractableForStorage = 4, "extractable-for-storage", "extractable for storage under the device's own key";
        /// Cannot leave.
        NonExtractable = 5, "non-extractable", "not extractable";
    }
}
