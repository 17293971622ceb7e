//! An owner's policy, and the profile in which a manufacturer hands over its anchors.
#![no_main]

use brski_common::Policy;
use brski_registrar::Manufacturer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(policy) = Policy::from_toml(text) {
        let _ = policy.accepted_in_words();
    }
    let _ = Manufacturer::from_profile(text);
});
