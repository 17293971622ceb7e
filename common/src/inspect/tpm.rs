//! What a TPM certifies of a key, as a CSR's attestation bundle carries it: shown, not appraised.

use super::der::{OCTET_STRING, value};
use super::{Check, Finding, Inspection, Kind, SignatureFound};
use crate::codec::hex;
use crate::evidence::EvidenceError;
use crate::evidence::tpm::{Attest, GENERATED, Parts, PublicArea, Signature};

/// Whether the first of these elements is an octet string that begins as what a TPM says of itself does.
pub(super) fn is_certification(content: &[u8]) -> bool {
    let first = content.first().filter(|tag| **tag == OCTET_STRING).and_then(|_| value(content));
    first.is_some_and(|(attest, _)| attest.starts_with(&GENERATED.to_be_bytes()))
}

/// A statement of a TPM.
pub(super) fn inspect(octets: &[u8]) -> Inspection {
    let mut inspection = Inspection::new(Kind::TpmCertification);
    let parts = match Parts::from_der(octets) {
        Ok(parts) => parts,
        Err(err) => {
            inspection.deviations.push(Finding::undecodable(STATEMENT, &err));
            return inspection;
        }
    };
    match Attest::from_octets(parts.attest) {
        Ok(attest) => {
            for (name, shown) in attest.details() {
                inspection.leaf(name, shown);
            }
            show_public(&mut inspection, parts.public, &attest.name);
            let check = Check::Unchecked { why: "the attestation key's certificate comes beside it".to_owned() };
            match Signature::from_octets(parts.signature) {
                Ok(signature) => {
                    let by = format!("the TPM key of qualified Name {}", hex(&attest.qualified_signer));
                    inspection.signatures.push(SignatureFound { by, algorithm: Some(signature.algorithm().to_owned()), check });
                }
                Err(err) => deviates(&mut inspection, "TPM 2.0 Library, part 2, section 11.3", &err),
            }
        }
        Err(err) => deviates(&mut inspection, "TPM 2.0 Library, part 2, section 10.12", &err),
    }
    inspection
}

fn show_public(inspection: &mut Inspection, public: Option<&[u8]>, certified: &[u8]) {
    match public.map(PublicArea::from_octets) {
        Some(Ok(public)) => {
            inspection.leaf("attributes", public.attributes_in_words());
            inspection.leaf("public-key", format!("{:?}", public.key().kind()));
            inspection.leaf("spki-sha256", public.key().digest().to_string());
            if public.name() != certified {
                inspection.deviates("TPM 2.0 Library, part 1, section 16", format!("the public area is of another object, of Name {}", hex(public.name())));
            }
        }
        Some(Err(err)) => inspection.deviations.push(Finding::undecodable("TPM 2.0 Library, part 2, section 12.2", &err)),
        None => inspection.note("there is no public area, without which the Name tells neither key nor attributes"),
    }
}

fn deviates(inspection: &mut Inspection, section: &'static str, err: &EvidenceError) {
    inspection.deviations.push(Finding::undecodable(section, err));
}

const STATEMENT: &str = "tcg-attest-tpm-certify";

#[cfg(test)]
mod tests {
    use super::super::{Options, inspect};
    use super::*;
    use crate::asn1::element;
    use crate::codec::unhex;
    use crate::test_pki::now;

    /// What a TPM in software gave out.
    const ATTEST: &str = "ff54434780170022000bd0fcca5da9b7b72a9555eab620bed66d19f4b1f86d8572e6b8639c9a7106e6ba000400ff55aa00000000000001cf00000001\
        000000000120191023001636360022000b9ec983d57c5bd3c22e6215d41b5388185a672f50f3a0ac2821011676f49da52f0022000ba8f3e2e6951806\
        5d7408a7f5d153e4654dcc79c61b12c6940362b909feced9ef";
    const SIGNATURE: &str = "0018000b00208f13921eaa62c599ff6148e7f076fbb55071c8bedacfcb01f7c8d0b4202461e00020c0170c62d9ef60e6b33f368eb051e6e2b91a807a\
        2f929621f850e64b8f15db2d";
    const PUBLIC: &str = "0023000b00040072000000100018000b0003001000202cbf16a72360263489d45800d6d1be884d55129c0456693f2eec597278be1e79002054f18a35\
        31623c8fa5fb7b33cd5c8f578d4c7622d99731db46021e7c4d3c6dc9";

    fn certification(parts: &[&str]) -> Vec<u8> {
        element(0x30, &parts.iter().map(|part| element(4, &unhex("part", part).unwrap())).collect::<Vec<_>>().concat())
    }

    fn inspected(parts: &[&str]) -> Inspection {
        inspect(&certification(parts), &Options::at(now()))
    }

    #[test]
    fn certification_is_shown_with_key_attributes_and_who_signed_it() {
        let shown = inspected(&[ATTEST, SIGNATURE, PUBLIC]);
        assert_eq!((shown.kind, shown.all_deviations()), (Kind::TpmCertification, vec![]));
        let attributes = "fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign";
        for (name, value) in [("command", "TPM2_Certify"), ("nonce", "00ff55aa"), ("attributes", attributes), ("public-key", "P256")] {
            assert_eq!(shown.value(name), Some(&value.into()), "{name}");
        }
        assert_eq!(shown.signatures[0].algorithm.as_deref(), Some("ECDSA with SHA-256"));
        assert!(shown.to_string().starts_with("TPM certification of a key (DER)\n"));
    }

    #[test]
    fn public_area_of_another_object_is_told() {
        let other = PUBLIC.replacen("00040072", "00040070", 1);
        assert!(inspected(&[ATTEST, SIGNATURE, &other]).deviations[0].sentence.contains("is of another object"));
        assert!(inspected(&[ATTEST, SIGNATURE]).notes[0].contains("no public area"));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let quote = ATTEST.replacen("8017", "8018", 1);
        for broken in [[&quote, SIGNATURE, PUBLIC], [&ATTEST[..100], SIGNATURE, PUBLIC], [ATTEST, &SIGNATURE[..20], PUBLIC], [ATTEST, SIGNATURE, &PUBLIC[..20]]]
        {
            let shown = inspected(&broken);
            assert_eq!((shown.kind, shown.deviations.len()), (Kind::TpmCertification, 1), "{shown}");
        }
    }
}
