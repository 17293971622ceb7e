//! The one place where a MASA's honest answer becomes a misdeed.

use core::time::Duration;

use brski_common::audit_log::{AuditLog, Event};
use brski_common::provenance::Status;
use brski_common::time::at;
use brski_common::voucher::ProvenanceExtension;
use brski_common::{Assertion, DomainId, Format, KeyIdentifier, Leniencies, Method, Nonce, ProvenanceStatement, Signed, SigningParty, Voucher};
use brski_registrar::MasaAnswer;

use super::misdeed::Misdeed;
use crate::support::{Authority, Device, Mood, NOW, Names, Owner, World, block_on};

/// What the MASA of this world does when asked about this device, and the names of what differs from run to run.
pub(super) async fn of(misdeed: Misdeed, world: &World, device: &Device) -> (Mood, Names) {
    let other = world.maker.make("A-2", Method::Avocado).await;
    let domain = Owner::found("Vineyard", &world.maker, &world.hand).await.ca.certificate();
    let stranger = Authority::root("stranger").await.party("voucher signer", &[]).await;
    let maker = world.maker.voucher_party().clone();
    let names = Names::default().key(device.idevid().spki_digest(), "key of A-1").key(other.idevid().spki_digest(), "key of A-2");
    let foreign = domain.domain_id();
    let names = names.words(foreign.to_string(), "domain Vineyard");
    let next_nonce = world.hand.nonce();

    let statements = Statements::of(world, device);
    let mood = match misdeed {
        Misdeed::VouchesForAnotherNonce => vouching(maker, move |voucher| voucher.nonce = Some(next_nonce.clone())),
        Misdeed::VouchesWithoutNonce => vouching(maker, |voucher| voucher.nonce = None),
        Misdeed::VouchesForAnotherDevice => vouching(maker, move |voucher| voucher.serial_number = other.serial()),
        Misdeed::VouchesForAnotherIssuer => {
            let issuer = KeyIdentifier::new([7; 20]).unwrap();
            vouching(maker, move |voucher| voucher.idevid_issuer = Some(issuer.clone()))
        }
        Misdeed::VouchesForAnotherDomain => vouching(maker, move |voucher| voucher.pinned_domain_cert = Some(domain.clone())),
        Misdeed::PinsNothing => vouching(maker, |voucher| voucher.pinned_domain_cert = None),
        Misdeed::SendsAnExpiredVoucher => vouching(maker, |voucher| voucher.expires_on = Some(at(NOW - 1))),
        Misdeed::LetsAStrangerSign => vouching(stranger, |_| {}),
        Misdeed::LetsTheDeviceSign => vouching(device.party(), |_| {}),
        Misdeed::SendsAnUnsignedVoucher => Mood::Altering(Box::new(|_| br#"{"ietf-voucher:voucher":{"serial-number":"A-1"}}"#.to_vec())),
        Misdeed::AnswersInAnotherFormat => rewriting(move |said| said.voucher = block_on(maker.seal(&opened(&said.voucher), Format::Jws)).unwrap()),
        Misdeed::SendsTheLongestLog => {
            let domains = (0..AuditLog::MOST_EVENTS).map(|n| DomainId::new(n.to_be_bytes()).unwrap());
            let events: Vec<_> = domains.map(|domain| entry(domain, &next_nonce)).collect();
            logging(move |log| log.events.extend(events.iter().take(AuditLog::MOST_EVENTS - log.events.len()).cloned()))
        }
        Misdeed::GaveADomainAVoucherForEver => logging(move |log| log.events.push(Event { nonce: None, ..entry(foreign.clone(), &next_nonce) })),
        Misdeed::CutsTheLog => logging(|log| log.truncation.arbitrary = 3),
        Misdeed::WithholdsTheLog => rewriting(|said| said.audit_log = None),
        Misdeed::LeavesThisVoucherOutOfTheLog => logging(|log| log.events.clear()),
        Misdeed::StatesAnotherKey => stating(other.statement.clone()),
        Misdeed::LetsAStrangerState => stating(Some(seal(&stranger, &statements.genuine))),
        Misdeed::SendsAnOutdatedStatement => {
            let newer = statements.changed(|said| said.seq += 1);
            vouching(maker, move |voucher| {
                let extension = voucher.provenance.insert(ProvenanceExtension::default());
                extension.statement_hash = Some(newer.digest());
            })
        }
        Misdeed::SendsAnExpiredStatement => stating(Some(statements.changed(|said| said.expires_at = Some(at(NOW - 1))))),
        Misdeed::StatesCompromised => stating(Some(statements.changed(|said| said.status = Status::Compromised))),
        Misdeed::StatesDisputed => stating(Some(statements.changed(|said| said.status = Status::Disputed))),
        Misdeed::WithholdsTheStatement => stating(None),
        Misdeed::ContradictsItself => {
            let (resource, enclosed) = (statements.changed(|said| said.method = Method::Bamboo), statements.changed(|_| {}));
            rewriting(move |said| {
                let mut voucher = opened(&said.voucher);
                voucher.provenance = Some(ProvenanceExtension::with_statement(enclosed.wire().to_vec()));
                said.voucher = block_on(maker.seal(&voucher, Format::Cms)).unwrap();
                said.statement = Some(resource.clone());
            })
        }
        Misdeed::RefusesInControlCharacters => refusing(403, &"no\r\nset-cookie: x\u{1b}[2J\u{202e}".repeat(64 * 1024)),
        Misdeed::WantsAYear => Mood::Answering(MasaAnswer::Later(Duration::from_secs(365 * 86_400))),
        Misdeed::Redirects => refusing(302, "see elsewhere"),
        Misdeed::Fails => refusing(500, "internal error"),
        Misdeed::WantsTheRegistrarToAuthenticate => refusing(401, "who are you"),
        Misdeed::IsDown => Mood::Down,
        Misdeed::IsSilent => Mood::Silent,
    };
    (mood, names)
}

/// What a MASA says in good faith, to be changed.
struct Said {
    voucher: Signed<Voucher>,
    statement: Option<Signed<ProvenanceStatement>>,
    audit_log: Option<AuditLog>,
}

fn rewriting(change: impl Fn(&mut Said) + Send + Sync + 'static) -> Mood {
    Mood::Rewriting(Box::new(move |answer| {
        let MasaAnswer::Vouched { voucher, statement, audit_log } = answer else { panic!("an honest MASA vouches for it") };
        let mut said = Said { voucher, statement, audit_log };
        change(&mut said);
        let Said { voucher, statement, audit_log } = said;
        MasaAnswer::Vouched { voucher, statement, audit_log }
    }))
}

/// The MASA's voucher, taken apart, changed and signed by `signer`.
fn vouching(signer: SigningParty, change: impl Fn(&mut Voucher) + Send + Sync + 'static) -> Mood {
    rewriting(move |said| {
        let mut voucher = opened(&said.voucher);
        change(&mut voucher);
        said.voucher = block_on(signer.seal(&voucher, Format::Cms)).unwrap();
    })
}

fn logging(change: impl Fn(&mut AuditLog) + Send + Sync + 'static) -> Mood {
    rewriting(move |said| change(said.audit_log.as_mut().unwrap()))
}

fn stating(statement: Option<Signed<ProvenanceStatement>>) -> Mood {
    rewriting(move |said| said.statement.clone_from(&statement))
}

fn refusing(status: u16, sentence: &str) -> Mood {
    Mood::Answering(MasaAnswer::Refused { status, sentence: sentence.to_owned() })
}

fn opened(voucher: &Signed<Voucher>) -> Voucher {
    voucher.peek_unverified(Leniencies::default()).unwrap()
}

fn entry(domain_id: DomainId, nonce: &Nonce) -> Event {
    Event { date: at(NOW - 86_400), domain_id, nonce: Some(nonce.clone()), assertion: Assertion::Logged, truncated: 0 }
}

fn seal(signer: &SigningParty, statement: &ProvenanceStatement) -> Signed<ProvenanceStatement> {
    block_on(signer.seal(statement, Format::Cose)).unwrap()
}

/// What its maker states of a device.
struct Statements {
    genuine: ProvenanceStatement,
    signer: SigningParty,
}

impl Statements {
    fn of(world: &World, device: &Device) -> Self {
        let genuine = device.statement.as_ref().unwrap().peek_unverified(Leniencies::default()).unwrap();
        Self { genuine, signer: world.maker.parts.lines.rest().provenance.clone() }
    }

    /// The genuine one after `change`, with a genuine signature.
    fn changed(&self, change: impl FnOnce(&mut ProvenanceStatement)) -> Signed<ProvenanceStatement> {
        let mut statement = self.genuine.clone();
        change(&mut statement);
        seal(&self.signer, &statement)
    }
}
