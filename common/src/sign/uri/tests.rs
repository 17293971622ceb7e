use std::path::PathBuf;

use super::*;

const MODULE: &str = "module-path=/usr/lib/p11.so";

type IsRight = Box<dyn Fn(&KeyUriError) -> bool>;

fn parse(text: &str) -> Result<KeyUri, KeyUriError> {
    text.parse()
}

fn token(text: &str) -> Pkcs11Uri {
    match parse(text) {
        Ok(KeyUri::Pkcs11(uri)) => *uri,
        other => panic!("{text}: {other:?}"),
    }
}

fn said(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn paths_and_file_uris_lead_to_files() {
    for (text, path) in [
        ("keys/x.pem", "keys/x.pem"),
        ("/etc/x.pem", "/etc/x.pem"),
        ("./a:b.pem", "./a:b.pem"),
        ("keys/a:b.pem", "keys/a:b.pem"),
        ("100%.pem", "100%.pem"),
        ("9:x", "9:x"),
        ("file:keys/x.pem", "keys/x.pem"),
        ("FILE:keys/x.pem", "keys/x.pem"),
        ("file:/etc/x.pem", "/etc/x.pem"),
        ("file:///etc/x.pem", "/etc/x.pem"),
        ("file://localhost/etc/x.pem", "/etc/x.pem"),
        ("file:keys/my%20key.pem", "keys/my key.pem"),
        ("file:%C3%BC.pem", "ü.pem"),
    ] {
        assert_eq!(parse(text), Ok(KeyUri::File(PathBuf::from(path))), "{text}");
    }
}

#[test]
fn file_uri_with_more_than_a_path_is_refused() {
    for text in ["file:", "file://", "file:///", "file:keys/", "file://host/x", "file://keys/x.pem", "file:x?y", "file:x#y"] {
        assert!(matches!(parse(text), Err(KeyUriError::File { .. })), "{text}");
    }
}

#[test]
fn wrong_percent_encoding_is_refused() {
    for text in ["file:%", "file:%2", "file:%zz", "file:a%00b", "file:%ff.pem", "a\0b"] {
        assert_eq!(parse(text), Err(KeyUriError::Encoding { part: "the path".to_owned() }), "{text:?}");
    }
}

#[test]
fn unknown_scheme_is_named_with_the_known_ones() {
    for text in ["tpm2:0x81000001", "https://x/y.pem", "a:b.pem", "pkcs12:x"] {
        let said = said(text);
        assert!(said.starts_with(&format!("'{}:' is an unknown scheme: ", text.split(':').next().unwrap())), "{said}");
        assert!(said.contains("file:PATH") && said.contains("pkcs11:"), "{said}");
    }
}

#[test]
fn every_attribute_of_a_token_is_read() {
    let text = "pkcs11:token=My%20token;serial=12ab;manufacturer=SoftHSM%20project;model=v2;slot-id=7;object=voucher&key;id=%01%ff0;type=private\
        ?module-path=/usr/lib/p11.so&pin-source=file:keys/pin.txt";
    let expected = Pkcs11Uri {
        token: Some("My token".to_owned()),
        serial: Some("12ab".to_owned()),
        manufacturer: Some("SoftHSM project".to_owned()),
        model: Some("v2".to_owned()),
        slot_id: Some(7),
        object: Some("voucher&key".to_owned()),
        id: Some(vec![1, 0xff, b'0']),
        module_path: "/usr/lib/p11.so".into(),
        pin_source: Some("keys/pin.txt".into()),
    };
    assert_eq!(token(text), expected);
}

#[test]
fn pin_source_is_a_file_in_every_spelling() {
    for (text, path) in
        [("file:/etc/pin", "/etc/pin"), ("file:///etc/pin", "/etc/pin"), ("/etc/pin", "/etc/pin"), ("pin.txt", "pin.txt"), ("file:a%2520b", "a b")]
    {
        assert_eq!(token(&format!("pkcs11:object=a?{MODULE}&pin-source={text}")).pin_source, Some(path.into()), "{text}");
    }
    for text in ["|/bin/pin", "https:pin", "file:", ""] {
        let wrong = parse(&format!("pkcs11:object=a?{MODULE}&pin-source={text}"));
        assert!(matches!(wrong, Err(KeyUriError::Value { attribute: "pin-source", .. })), "{text}: {wrong:?}");
    }
}

#[test]
fn pin_in_the_uri_is_refused_and_not_repeated() {
    let text = format!("pkcs11:object=a?{MODULE}&pin-value=98%765 {{4");
    assert_eq!(parse(&text), Err(KeyUriError::PinValue));
    assert!(!format!("{:?}", parse(&text)).contains("765"));
}

#[test]
fn wrong_attributes_are_refused() {
    use KeyUriError as E;
    let value = |attribute| move |err: &E| matches!(err, E::Value { attribute: found, .. } if *found == attribute);
    let cases: Vec<(&str, IsRight)> = vec![
        ("pkcs11:", Box::new(|err| matches!(err, E::Missing { attribute: "module-path", .. }))),
        ("pkcs11:object=a", Box::new(|err| matches!(err, E::Missing { attribute: "module-path", .. }))),
        ("pkcs11:token=a?M", Box::new(|err| matches!(err, E::Missing { attribute: "object", .. }))),
        ("pkcs11:object=a;object=a?M", Box::new(|err| *err == E::Twice { attribute: "object" })),
        ("pkcs11:object=a?M&M", Box::new(|err| *err == E::Twice { attribute: "module-path" })),
        ("pkcs11:object=a;x-vendor=1?M", Box::new(|err| matches!(err, E::UnknownAttribute { place: "before", .. }))),
        ("pkcs11:object=a?M&module-name=p11", Box::new(|err| matches!(err, E::UnknownAttribute { place: "after", .. }))),
        ("pkcs11:Object=a?M", Box::new(|err| matches!(err, E::UnknownAttribute { .. }))),
        ("pkcs11:object?M", Box::new(|err| matches!(err, E::NoAttribute { .. }))),
        ("pkcs11:object=a;?M", Box::new(|err| matches!(err, E::NoAttribute { .. }))),
        ("pkcs11:object=a b?M", Box::new(|err| matches!(err, E::Character { character: ' ', .. }))),
        ("pkcs11:object=a/b?M", Box::new(|err| matches!(err, E::Character { character: '/', .. }))),
        ("pkcs11:object=ü?M", Box::new(|err| matches!(err, E::Character { character: 'ü', .. }))),
        ("pkcs11:object=a%2?M", Box::new(|err| matches!(err, E::Encoding { .. }))),
        ("pkcs11:object=a%00?M", Box::new(|err| matches!(err, E::Encoding { .. }))),
        ("pkcs11:object=?M", Box::new(value("object"))),
        ("pkcs11:id=?M", Box::new(value("id"))),
        ("pkcs11:id=%0?M", Box::new(|err| matches!(err, E::Encoding { .. }))),
        ("pkcs11:object=a;token=123456789012345678901234567890123?M", Box::new(value("token"))),
        ("pkcs11:object=a;serial=12345678901234567?M", Box::new(value("serial"))),
        ("pkcs11:object=a;slot-id=0x1?M", Box::new(value("slot-id"))),
        ("pkcs11:object=a;slot-id=+1?M", Box::new(value("slot-id"))),
        ("pkcs11:object=a;slot-id=99999999999999999999?M", Box::new(value("slot-id"))),
        ("pkcs11:object=a;type=cert?M", Box::new(value("type"))),
        ("pkcs11:object=a;type=secret-key?M", Box::new(value("type"))),
        ("pkcs11:object=a?module-path=libp11.so", Box::new(value("module-path"))),
        ("", Box::new(|err| *err == E::Empty)),
    ];
    for (text, expected) in cases {
        let err = parse(&text.replace('M', MODULE)).unwrap_err();
        assert!(expected(&err), "{text}: {err:?}");
    }
    assert_eq!(parse(&format!("file:{}", "a".repeat(LONGEST))), Err(E::TooLong));
}

#[test]
fn what_is_shown_names_the_key_and_not_the_way_to_the_pin() {
    let uri = token(&format!("pkcs11:object=a%20b;token=t;id=%01;slot-id=3?{MODULE}&pin-source=file:secret.txt"));
    assert_eq!(uri.to_string(), "pkcs11:token=t;object=a%20b;slot-id=3;id=%01");
}
