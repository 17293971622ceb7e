//! Where keys live, and who a proxy's client is: whatever is read of a text says what the text says, and no text is too strange to be refused.

use base64::Engine as _;
use brski_common::http::{CLIENT_CERT, CLIENT_CERT_CHAIN, Network, client_certificates};
use brski_common::sign::{KeyUri, Pkcs11Uri};
use http::{HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use crate::config;

/// Every octet percent-encoded, in digits of either case.
fn encoded(octets: &[u8], upper: bool) -> String {
    octets.iter().map(|octet| if upper { format!("%{octet:02X}") } else { format!("%{octet:02x}") }).collect()
}

fn label(longest: usize) -> impl Strategy<Value = String> {
    "[^\\x00]{1,8}".prop_filter("a label has so many octets", move |text| (1..=longest).contains(&text.len()))
}

prop_compose! {
    fn token()(
        (token, serial, manufacturer, model) in (of(label(32)), of(label(16)), of(label(32)), of(label(16))),
        slot_id in of(any::<u64>()),
        (object, id) in (label(64), of(vec(any::<u8>(), 1..20))),
        pin_source in of("/[^\\x00|]{1,8}[a-z]"),
    ) -> Pkcs11Uri {
        let (module_path, pin_source) = ("/usr/lib/p11 & co.so".into(), pin_source.map(Into::into));
        Pkcs11Uri { token, serial, manufacturer, model, slot_id, object: Some(object), id, module_path, pin_source }
    }
}

/// The URI that names such a key, with everything percent-encoded.
fn written(uri: &Pkcs11Uri, upper: bool) -> String {
    let texts = [("token", &uri.token), ("serial", &uri.serial), ("manufacturer", &uri.manufacturer), ("model", &uri.model), ("object", &uri.object)];
    let mut parts: Vec<String> = texts.iter().filter_map(|(name, text)| Some(format!("{name}={}", encoded(text.as_ref()?.as_bytes(), upper)))).collect();
    parts.extend(uri.slot_id.map(|slot| format!("slot-id={slot}")));
    parts.extend(uri.id.as_ref().map(|id| format!("id={}", encoded(id, upper))));
    let pin = uri.pin_source.as_ref().map(|path| format!("&pin-source={}", encoded(path.to_str().unwrap().as_bytes(), upper)));
    format!("pkcs11:{}?module-path={}{}", parts.join(";"), encoded(uri.module_path.to_str().unwrap().as_bytes(), upper), pin.unwrap_or_default())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_key_in_a_token_can_be_named(uri in token(), upper: bool) {
        prop_assert_eq!(written(&uri, upper).parse(), Ok(KeyUri::Pkcs11(Box::new(uri))));
    }

    #[test]
    fn what_is_shown_of_a_key_in_a_token_names_the_same_key(uri in token()) {
        let shown = format!("{uri}?module-path=/p11.so");
        prop_assert_eq!(shown.parse(), Ok(KeyUri::Pkcs11(Box::new(Pkcs11Uri { module_path: "/p11.so".into(), pin_source: None, ..uri }))));
    }

    #[test]
    fn every_file_can_be_named_by_a_uri(path in "/[^\\x00]{0,20}[^\\x00/]", upper: bool) {
        prop_assert_eq!(format!("file:{}", encoded(path.as_bytes(), upper)).parse(), Ok(KeyUri::File(path.into())));
    }

    #[test]
    fn path_with_a_slash_before_any_colon_stands_for_itself(path in "[a-z.]{0,5}/[^\\x00]{0,20}") {
        prop_assert_eq!(path.parse(), Ok(KeyUri::File(path.into())));
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused_as_a_key(text in "(pkcs11:|file:|PKCS11:|)[a-z=;?&%/:\\PC]{0,60}") {
        if let Err(err) = text.parse::<KeyUri>() {
            prop_assert!(!err.to_string().is_empty() && !err.to_string().ends_with('.'));
        }
    }

    #[test]
    fn pin_in_a_uri_is_never_repeated(pin in "[0-9]{6,12}", before in "[a-z=;]{0,10}") {
        let text = format!("pkcs11:{before}?pin-value={pin}");
        let read = format!("{:?}", text.parse::<KeyUri>());
        prop_assert!(!read.contains(&pin), "{read}");
    }

    #[test]
    fn network_holds_exactly_the_addresses_with_its_prefix(address: u32, other: u32, prefix in 1_u32..=32) {
        let mask = u32::MAX << (32 - prefix);
        let network: Network = format!("{}/{prefix}", std::net::Ipv4Addr::from(address & mask)).parse().unwrap();
        for candidate in [other, address, address ^ (1 << (32 - prefix))] {
            prop_assert_eq!(network.contains(std::net::Ipv4Addr::from(candidate).into()), candidate & mask == address & mask);
        }
    }

    #[test]
    fn no_field_is_too_strange_to_be_refused_as_a_client(own in vec(any::<u8>(), 0..80), chain in of(vec(any::<u8>(), 0..80)), wrap: bool) {
        let value = |octets: &[u8]| {
            let text = if wrap { format!(":{}:", base64::engine::general_purpose::STANDARD.encode(octets)).into_bytes() } else { octets.to_vec() };
            HeaderValue::from_bytes(&text).ok()
        };
        let mut fields = HeaderMap::new();
        fields.extend(value(&own).map(|value| (CLIENT_CERT, value)));
        fields.extend(chain.and_then(|chain| value(&chain)).map(|value| (CLIENT_CERT_CHAIN, value)));
        let none = fields.is_empty();
        // None of these is a certificate.
        prop_assert_eq!(client_certificates(&fields).is_ok(), none);
    }
}
