//! Where a misdeed happens: an owner, a MASA, an honest pledge, and the one that is not.

use brski_common::issuing::Subject;
use brski_common::provenance::{Status, Text};
use brski_common::{Format, Leniencies, Method, ProvenanceStatement, Signed};
use brski_masa::Masa;
use brski_masa::ledger::Scope;

use super::misdeed::Misdeed;
use crate::support::{Device, Manufacturer, NOW, Names, World, new_key, template, valid};

/// Whoever is there.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) hostile: Device,
    pub(super) honest: Device,
    /// Made by somebody else's manufacturer, under the hostile pledge's serial number.
    pub(super) foreign: Device,
    /// The hostile pledge with another key and a certificate of the owner's CA, as members of the domain have them.
    pub(super) member: Device,
}

impl Stage {
    pub(super) async fn new(misdeed: Misdeed) -> Self {
        let world = World::new().await;
        let hostile = world.maker.make("H-1", misdeed.origin()).await;
        let honest = world.maker.make("A-1", Method::Avocado).await;
        let foreign = Manufacturer::found("Copycat", &world.hand).await.make("H-1", Method::Avocado).await;
        let key = new_key();
        let chain = world.owner.ca.issue(template(Subject::serial_number(&hostile.serial()), &key)).await;
        let member = Device { chain, key, ..hostile.clone() };
        Self { world, hostile, honest, foreign, member }
    }

    /// What differs from run to run.
    pub(super) fn names(&self) -> Names {
        let issuer = |device: &Device| device.idevid().device().issuer.to_string();
        let names = Names::default().key(self.hostile.idevid().spki_digest(), "key of H-1").key(self.honest.idevid().spki_digest(), "key of A-1");
        let names = names.words(self.hostile.chain[0].fingerprint(), "certificate of H-1").words(self.honest.chain[0].fingerprint(), "certificate of A-1");
        let names = names.words(self.member.chain[0].fingerprint(), "certificate of the owner's CA");
        names.words(issuer(&self.hostile), "key of its issuer").words(issuer(&self.foreign), "key of a foreign CA")
    }

    /// The hostile pledge's voucher-request got its voucher.
    pub(super) async fn vouched(&self) -> Vec<u8> {
        let pvr = self.hostile.sign(&self.hostile.request(&self.world.owner, &self.world.hand)).await;
        self.world.owner.submit(&pvr, &self.hostile.peer()).await.ok("application/voucher-cms+json");
        pvr.wire().to_vec()
    }

    /// The hostile pledge under a certificate that its maker's CA issued with an end in the past.
    pub(super) async fn expired(&self) -> Device {
        let short = valid(NOW - 100, NOW - 1, Subject::serial_number(&self.hostile.serial()), &self.hostile.key);
        Device { chain: self.world.maker.plant.issue(short).await, ..self.hostile.clone() }
    }

    /// The hostile pledge under a certificate with its maker's names, which it signed itself.
    pub(super) async fn self_made(&self) -> Device {
        let own = template(Subject::serial_number(&self.hostile.serial()), &self.hostile.key).self_signed(&self.hostile.key).await.unwrap();
        let above = self.hostile.chain.iter().skip(1).cloned();
        Device { chain: core::iter::once(own).chain(above).collect(), ..self.hostile.clone() }
    }

    /// The hostile pledge's own statement after `change`, signed by its maker.
    pub(super) async fn restated(&self, change: impl FnOnce(&mut ProvenanceStatement)) -> Signed<ProvenanceStatement> {
        self.world.maker.parts.lines.rest().provenance.seal(&self.claim(change), Format::Cose).await.unwrap()
    }

    /// The hostile pledge's own statement after `change`, unsigned.
    pub(super) fn claim(&self, change: impl FnOnce(&mut ProvenanceStatement)) -> ProvenanceStatement {
        let mut claim = self.hostile.statement.as_ref().unwrap().peek_unverified(Leniencies::default()).unwrap();
        change(&mut claim);
        claim
    }

    /// The manufacturer doubted the record and stands by it again, so that its newest statement has number 2.
    pub(super) async fn doubted_and_confirmed(&self) {
        let text = |text| Text::new(text).unwrap();
        for status in [Status::Disputed, Status::Valid] {
            let scope = Scope::Device(self.hostile.idevid().device().clone());
            Masa::new(self.world.maker.parts.clone()).mark(scope, status, text("an inquiry"), text("jane")).await.unwrap();
        }
    }
}
