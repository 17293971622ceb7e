//! Where a configuration says that a key lives, and where proxies are.
#![no_main]

use brski_common::http::Network;
use brski_common::sign::KeyUri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(KeyUri::Pkcs11(uri)) = text.parse::<KeyUri>() {
        let shown = format!("{uri}?module-path=/p11.so");
        let KeyUri::Pkcs11(again) = shown.parse().unwrap() else { panic!("{shown} names a file") };
        assert_eq!(again.to_string(), uri.to_string());
        assert_eq!((&again.token, &again.object, &again.id, again.slot_id), (&uri.token, &uri.object, &uri.id, uri.slot_id));
    }
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
    }
});
