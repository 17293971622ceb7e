//! A JWS with more than one signature over one payload.

use super::*;

/// With one more signature over the same payload.
fn countersigned(signed: &Signed<Note>, by: &SigningParty) -> Signed<Note> {
    let parts = |signed: &Signed<Note>| serde_json::from_slice::<serde_json::Value>(signed.wire()).unwrap();
    let (mut both, own) = (parts(signed), parts(&seal(by, Format::Jws)));
    both["signatures"].as_array_mut().unwrap().push(own["signatures"][0].clone());
    Signed::from_wire(Format::Jws, serde_json::to_vec(&both).unwrap())
}

fn anchors(entity: &Entity) -> Anchors {
    Anchors::new([entity.certificate.clone()]).unwrap()
}

#[test]
fn each_of_its_signers_is_accepted_and_named_and_nobody_else() {
    let (maker, owner, stranger) = (Entity::root("Maker"), Entity::root("Owner"), Entity::root("Stranger"));
    let (masa, registrar) = (maker.issue("MASA", ES256, |t| t), owner.issue("Registrar", SignatureAlgorithm::Es384, |t| t));
    let by_masa = seal(&masa.party(&[&maker]), Format::Jws);
    let by_both = countersigned(&by_masa, &registrar.party(&[&owner]));

    for (root, signer) in [(&maker, &masa), (&owner, &registrar)] {
        let verified = verify(&by_both, anchored(&anchors(root), &[])).unwrap();
        assert_eq!(verified.signer().chain, [signer, root].map(|e| e.certificate.clone()));
        assert_eq!(*verified.get(), note());
        assert_eq!(verify(&by_both, SignedBy::Holder(&signer.certificate)).unwrap().signer().key, signer.certificate.public_key());
    }
    assert!(matches!(verify(&by_both, anchored(&anchors(&stranger), &[])), Err(VerifyError::NoPath { .. })));
    assert!(matches!(verify(&by_both, SignedBy::Holder(&stranger.certificate)), Err(VerifyError::WrongSigner { .. })));
    assert!(verify(&by_masa, SignedBy::Holder(&registrar.certificate)).is_err());
}

#[test]
fn enrolled_key_is_found_beside_a_certificate() {
    let (root, _, leaf) = pki();
    let key = new_key(ES256);
    let keys = [EnrolledKey { name: "line".to_owned(), key: key.public_key().clone() }];
    let by_both = countersigned(&seal(&leaf.party(&[&root]), Format::Jws), &SigningParty::with_name("line", std::sync::Arc::new(key)));
    assert_eq!(verify(&by_both, SignedBy::Enrolled(&keys)).unwrap().signer().key_name.as_deref(), Some("line"));
}

#[test]
fn good_signature_is_found_behind_a_bad_one() {
    let (root, ca, leaf) = pki();
    let thief = SigningParty::with_chain(vec![leaf.certificate.clone()], std::sync::Arc::new(new_key(ES256)));
    let both = countersigned(&seal(&thief, Format::Jws), &leaf.party(&[&ca]));
    assert!(verify(&both, anchored(&anchors(&root), std::slice::from_ref(&ca.certificate))).is_ok());
    assert!(verify(&both, SignedBy::Holder(&leaf.certificate)).is_ok());
}

#[test]
fn refusal_is_that_of_the_signature_that_came_closest() {
    let (root, ca, leaf) = pki();
    let key = new_key(ES256);
    let nobody = SigningParty::with_name("nobody", std::sync::Arc::new(key.clone()));
    let thief = SigningParty::with_chain(vec![leaf.certificate.clone()], std::sync::Arc::new(key));
    let stranger = Entity::root("Elsewhere").issue("Stranger", ES256, |t| t).party(&[]);
    let (trusted, known) = (anchors(&root), [ca.certificate]);
    let refused = |signers: [&SigningParty; 3]| {
        let first = seal(signers[0], Format::Jws);
        let all = countersigned(&countersigned(&first, signers[1]), signers[2]);
        verify(&all, anchored(&trusted, &known)).unwrap_err()
    };
    for order in [[&nobody, &thief, &stranger], [&stranger, &thief, &nobody], [&thief, &stranger, &nobody]] {
        assert!(matches!(refused(order), VerifyError::NoPath { subject, .. } if subject == "CN=Stranger"));
    }
    assert!(matches!(refused([&nobody, &thief, &nobody]), VerifyError::BadSignature { .. }));
    let detail = "its signer's certificate is neither known here nor enclosed in a form that can be read".to_owned();
    assert_eq!(refused([&nobody, &nobody, &nobody]), VerifyError::UnknownSigner { artefact: "note", detail });
}

#[test]
fn paths_of_four_signers_are_built_and_no_more() {
    let (root, ca, leaf) = pki();
    let behind = |strangers: usize| {
        let strange = |_| Entity::root("Elsewhere").issue("Stranger", ES256, |t| t).party(&[]);
        let parties: Vec<SigningParty> = (0..strangers).map(strange).chain([leaf.party(&[&ca])]).collect();
        let signed = parties[1..].iter().fold(seal(&parties[0], Format::Jws), |signed, party| countersigned(&signed, party));
        verify(&signed, anchored(&anchors(&root), &[]))
    };
    assert!(behind(3).is_ok());
    assert!(matches!(behind(4), Err(VerifyError::NoPath { subject, .. }) if subject == "CN=Stranger"));
}

#[test]
fn more_than_eight_signatures_are_refused() {
    let (_, _, leaf) = pki();
    let party = leaf.party(&[]);
    let mut signed = seal(&party, Format::Jws);
    for _ in 1..8 {
        signed = countersigned(&signed, &party);
    }
    assert!(verify(&signed, SignedBy::Holder(&leaf.certificate)).is_ok());
    let refused = verify(&countersigned(&signed, &party), SignedBy::Holder(&leaf.certificate)).unwrap_err();
    assert!(matches!(refused, VerifyError::Decode { source: DecodeError::Unexpected { what: "number of JWS signatures", .. }, .. }), "{refused:?}");
}
