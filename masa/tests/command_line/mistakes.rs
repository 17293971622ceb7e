//! What `config check` says of typical mistakes: file, line, field, what is wrong and what would be right.

use super::{manufacturer, masa};

/// What is said, after the name of the file, when `from` is replaced by `to` in what `init` writes.
fn said(from: &str, to: &str) -> String {
    let folder = manufacturer();
    folder.edit("masa/masa.toml", from, to);
    let error = masa(&folder, &["config", "check"]).error();
    assert_eq!(masa(&folder, &["serve"]).stderr.lines().last(), Some(error.as_str()), "serving says the same");
    error.strip_prefix("error: masa/masa.toml, ").unwrap_or_else(|| panic!("{error}")).to_owned()
}

/// The line on which this text stands in what `init` writes.
fn line(text: &str) -> usize {
    let configuration = manufacturer().read("masa/masa.toml");
    configuration.lines().position(|line| line.starts_with(text)).unwrap_or_else(|| panic!("{text}")) + 1
}

#[test]
fn mistakes_are_named_with_what_would_be_right() {
    let (listen, version) = (line("listen = "), line("version = "));
    let (tls, voucher, provenance, log) = (line("[tls]"), line("[voucher-signer]"), line("[provenance-signer]"), line("[log]"));
    let (stations, requests, nonceless) = (line("[[stations]]"), line("[requests]"), line("[nonceless]"));
    let second_station = "\n[[stations]]\nname = \"station-1\"\npublic-key = \"certificates/station-1.pem\"\n\n[requests]";

    for (from, to, expected) in [
        ("body-limit = 65536", "body_limt = 65536", format!("line {}, field body_limt: unknown field `body_limt`, expected one of ", line("body-limit"))),
        ("\n[voucher-signer]\n", "\n[voucher-singer]\n", format!("line {voucher}, field voucher-singer: unknown field `voucher-singer`, expected one of ")),
        (
            "without-proximity = \"refuse\"",
            "without-proximity = \"refused\"",
            format!(
                "line {}, field requests.without-proximity: unknown variant `refused`, expected `refuse` or `logged`; did you mean 'refuse'?",
                line("without-proximity")
            ),
        ),
        (
            "disclosure = \"public\"",
            "disclosure = \"auditors\"",
            format!("line {}, field disclosure: 'auditors' is none of public, customer, auditor, internal; ", line("disclosure")),
        ),
        (
            "freshness = 600",
            "freshness = \"600\"",
            format!("line {}, field requests.freshness: invalid type: string \"600\", expected u64; write the number without quotes", requests + 2),
        ),
        ("version = 1\n", "version = 2\n", format!("line {version}, field version: must be 1")),
        (
            ":9443\"\n\n# How the world",
            "\"\n\n# How the world",
            format!("line {listen}, field listen: '127.0.0.1' must be an IP address and a port such as 127.0.0.1:9443"),
        ),
        (
            "keys/voucher-signer.pem",
            "keys/voucher-singer.pem",
            format!(
                "line {}, field voucher-signer.key: masa/keys/voucher-singer.pem does not exist; did you mean 'masa/keys/voucher-signer.pem', which is there?",
                voucher + 2
            ),
        ),
        (
            "keys/provenance-signer.pem",
            "nowhere/x.pem",
            format!(
                "line {}, field provenance-signer.key: masa/nowhere/x.pem does not exist; restore it from where you keep your keys, or make one with `openssl genpkey \
                 -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out masa/nowhere/x.pem` and a certificate for it",
                provenance + 2
            ),
        ),
        (
            "certificates/station-1.pem",
            "line/7.pem",
            format!(
                "line {}, field stations.public-key: masa/line/7.pem does not exist; `openssl pkey -in KEY.pem -pubout -out masa/line/7.pem` makes it of the private key",
                stations + 2
            ),
        ),
        (
            "keys/tls.pem",
            "keys/voucher-signer.pem",
            format!(
                "line {}, field tls.key: masa/keys/voucher-signer.pem is not the private key of the first certificate in masa/certificates/tls.pem",
                tls + 2
            ),
        ),
        (
            "key = \"keys/log.pem\"",
            "key = \"certificates/log.pem\"",
            format!("line {}, field log.key: masa/certificates/log.pem cannot be used; it holds a public key; only the private one signs", log + 1),
        ),
        (
            "key = \"keys/log.pem\"",
            "key = \"tpm2:0x81\"",
            format!(
                "line {}, field log.key: 'tpm2:' is an unknown scheme: a key is a path, file:PATH or a pkcs11: URI; a path whose name has a colon begins with ./",
                log + 1
            ),
        ),
        ("\n[requests]", second_station, format!("line {}, field stations.name: 'station-1' occurs twice, each station needs a name of its own", requests + 1)),
        (
            "\n[requests]",
            "\n[proxy]\naddresses = [\"10.1.2.3/8\"]\n[requests]",
            format!("line {}, field proxy.addresses: 10.1.2.3/8 has bits beyond its prefix: 10.0.0.0/8 would be right", requests + 1),
        ),
        (
            "\n[requests]",
            "\n[proxy]\naddresses = []\n[requests]",
            format!("line {}, field proxy.addresses: must name at least one address, such as addresses = [\"192.0.2.7\"]", requests + 1),
        ),
        (
            "domains = []",
            "domains = \"abc\"",
            format!("line {}, field nonceless.domains: invalid type: string \"abc\", expected a sequence; put it into brackets: [\"...\"]", nonceless + 1),
        ),
        ("[log]\nkey = \"keys/log.pem\"\n", "[log]\n", format!("line {log}, field log: missing field `key`; add it as a line key = ... or as a table [key]")),
        ("[tls]\n", "[tls\n", format!("line {tls}, field tls: ")),
    ] {
        let said = said(from, to);
        assert!(said.starts_with(&expected), "{said}\n  for {to:?} should begin with\n{expected}");
    }
}

#[test]
fn nearest_field_is_suggested_at_the_end() {
    for (from, to, nearest) in [
        ("body-limit = 65536", "body_limt = 65536", "body-limit"),
        ("\n[voucher-signer]\n", "\n[voucher-singer]\n", "voucher-signer"),
        ("vouchers-per-day", "voucher-per-day", "vouchers-per-day"),
        ("[[stations]]", "[[station]]", "stations"),
        ("disclosure = \"public\"", "disclosure = \"auditors\"", "auditor"),
    ] {
        let said = said(from, to);
        assert!(said.ends_with(&format!("; did you mean '{nearest}'?")), "{said}");
    }
}

#[test]
fn unknown_leniency_is_named() {
    let folder = manufacturer();
    let text = folder.read("masa/masa.toml");
    folder.write("masa/masa.toml", format!("{text}\n[leniencies]\ncms-iddata = true\n"));
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("field leniencies.cms-iddata: unknown field") && error.ends_with("; did you mean 'cms-id-data'?"), "{error}");
}

#[test]
fn encrypted_key_is_told_how_to_use_it() {
    let folder = manufacturer();
    folder.write("masa/keys/tls.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("it is encrypted; `openssl pkey -in masa/keys/tls.pem -out masa/keys/tls.pem.plain` takes the passphrase off"), "{error}");
}

#[test]
fn certificate_in_der_is_told_how_to_use_it() {
    let folder = manufacturer();
    folder.write("masa/certificates/tls.pem", [0x30, 0x82, 0xff]);
    let error = masa(&folder, &["config", "check"]).error();
    assert!(error.contains("if it is DER, `openssl x509 -inform DER -in masa/certificates/tls.pem -out masa/certificates/tls.pem.pem`"), "{error}");
}
