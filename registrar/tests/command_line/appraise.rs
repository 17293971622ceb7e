//! `appraise`.

use super::{owner, registrar};

#[test]
fn request_of_a_stranger_is_not_acceptable_and_ends_with_status_3() {
    let folder = owner();
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==";
    folder.write("body.json", format!("{{\"x509Certificate\":{{\"publicKey\":\"{key}\",\"subject\":{{\"serialNumber\":\"JADA1\"}}}}}}"));
    let text = registrar(&folder, &["appraise", "body.json"]);
    assert_eq!(text.code, Some(3));
    assert!(text.stdout.starts_with("body.json: not acceptable: the key is of no pledge that was admitted"), "{text:?}");
    let told = registrar(&folder, &["appraise", "body.json", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["allow"], &told["file"]), (&false.into(), &"body.json".into()));
}

#[test]
fn file_that_is_none_of_these_is_told_with_what_would_be_right() {
    let folder = owner();
    for (name, content) in [("empty", &b""[..]), ("binary", &[0xff, 0x00]), ("ssh.json", b"{\"sshCertificate\":{}}")] {
        folder.write(name, content);
        let error = registrar(&folder, &["appraise", name]).error();
        assert!(error.contains(&format!("{name}: cannot be appraised")), "{error}");
    }
}
