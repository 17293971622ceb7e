//! How something got from one place to another during manufacture.

use super::word::vocabulary;

vocabulary! {
    /// How a key, a seed, a CSR or a certificate moved (taxonomy, section 1.1).
    #[derive(Default)]
    pub enum Transfer {
        /// Nobody said.
        #[default]
        Unknown = 0, "unknown", "moved nobody knows how";
        /// It did not move.
        None = 1, "none", "never moved";
        /// Programmed into non-volatile memory, as by JTAG.
        MechanicallyInstalled = 2, "mechanically-installed", "programmed into memory";
        /// Over a private physical interface, such as a console.
        MechanicallyTransferred = 3, "mechanically-transferred", "moved over a private physical interface";
        /// Over an interface that the device still has after shipment, even if used on a bed of nails.
        NetworkTransferred = 4, "network-transferred", "moved over a network interface";
    }
}
