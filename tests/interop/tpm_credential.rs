//! Credentials that our side makes and a TPM activates.

use brski_common::evidence::tpm::credential::{Credential, CredentialError, make_credential};

use crate::tpm2::Tpm;

const SECRET: &[u8] = b"32 octets that only one TPM says";

/// A TPM with an endorsement key of this kind and an attestation key.
fn device(endorsement_key: &str) -> Option<Tpm> {
    let tpm = Tpm::start()?;
    tpm.run(&format!("createek -c 0x81010001 -G {endorsement_key} -u ek.pub"));
    tpm.run("createak -C 0x81010001 -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pub -n ak.name");
    Some(tpm)
}

/// What the TPM makes of a credential; none if it refuses it.
fn activated(tpm: &Tpm, credential: &Credential) -> Option<Vec<u8>> {
    // The tool's own head: a magic number and a version.
    let head = [0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1];
    tpm.write("credential", [&head[..], &credential.credential_blob, &credential.encrypted_secret].concat());
    tpm.run("startauthsession --policy-session -S session");
    tpm.run("policysecret -S session -c e");
    let activated = tpm.succeeds("activatecredential -c ak.ctx -C 0x81010001 -i credential -o secret -P session:session");
    tpm.run("flushcontext session");
    activated.then(|| tpm.read("secret"))
}

fn secret_comes_back_through(endorsement_key: &str) {
    let Some(tpm) = device(endorsement_key) else { return };
    let (ek, ak) = (tpm.public("ek.pub"), tpm.public("ak.pub"));
    assert_eq!(tpm.read("ak.name"), ak.name());
    for secret in [SECRET, &SECRET[..1]] {
        assert_eq!(activated(&tpm, &make_credential(&ek, &ak, secret).unwrap()).as_deref(), Some(secret));
    }
}

#[test]
fn tpm_with_an_ecc_endorsement_key_tells_the_secret() {
    secret_comes_back_through("ecc");
}

#[test]
fn tpm_with_an_rsa_endorsement_key_tells_the_secret() {
    secret_comes_back_through("rsa");
}

#[test]
fn tpm_does_not_tell_a_secret_for_another_attestation_or_endorsement_key_nor_a_changed_one() {
    let Some(tpm) = device("ecc") else { return };
    let other = device("ecc").unwrap();
    let [(ek, ak), (other_ek, other_ak)] = [&tpm, &other].map(|tpm| (tpm.public("ek.pub"), tpm.public("ak.pub")));
    let mut changed = make_credential(&ek, &ak, SECRET).unwrap();
    *changed.credential_blob.last_mut().unwrap() ^= 1;
    for credential in [make_credential(&ek, &other_ak, SECRET).unwrap(), make_credential(&other_ek, &ak, SECRET).unwrap(), changed] {
        assert_eq!(activated(&tpm, &credential), None);
    }
}

#[test]
fn key_that_is_not_restricted_gets_no_credential() {
    let Some(tpm) = device("ecc") else { return };
    tpm.run("createprimary -C o -c primary.ctx -G ecc");
    tpm.run("create -C primary.ctx -G ecc256:ecdsa -u key.pub -r key.priv");
    let (ek, ak, key) = (tpm.public("ek.pub"), tpm.public("ak.pub"), tpm.public("key.pub"));
    assert_eq!(make_credential(&ek, &key, SECRET), Err(CredentialError::NoAttestationKey));
    assert_eq!(make_credential(&key, &ak, SECRET), Err(CredentialError::NoEndorsementKey));
}
