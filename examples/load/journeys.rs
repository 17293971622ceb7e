//! One request of each kind, from the first octet that the client makes to the answer that it has verified.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use brski_common::pledge::Answer;
use brski_common::serve::onboard::{Options, Step, onboard};
use brski_common::serve::{ClientConfig, ClientLimits, HttpsConnection, provisional_config};
use brski_common::{Format, Nonce, SignatureAlgorithm, Signer as _, SoftwareKey, UnixTime, VoucherRequest, csr, est};
use brski_registrar::trail::MOST_CERTIFICATES;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::Full;
use tokio::task::JoinSet;

use crate::plan::{Connections, Journey, Load};
use crate::world::{World, random};

/// One load with all that its requests share.
pub(crate) struct Asker {
    pub(crate) load: Load,
    /// How many pledges take turns.
    pub(crate) pledges: usize,
    most_by_one: AtomicUsize,
    world: Arc<World>,
    masa: String,
    registrar: String,
    devices: Mutex<VecDeque<Device>>,
    /// Connections to the MASA that have nothing to do.
    idle: Mutex<Vec<HttpsConnection>>,
}

/// A pledge that is asking, or waits for its turn.
pub(crate) struct Device {
    /// Its place in the world.
    place: usize,
    /// How often it has asked.
    asked: usize,
    connection: Option<HttpsConnection>,
}

impl Asker {
    /// A load for these pledges, by their places in `world`.
    pub(crate) fn new(load: Load, world: Arc<World>, places: impl IntoIterator<Item = usize>, masa: &str, registrar: &str) -> Self {
        let devices: VecDeque<Device> = places.into_iter().map(|place| Device { place, asked: 0, connection: None }).collect();
        let (masa, registrar) = (masa.to_owned(), registrar.to_owned());
        Self { load, pledges: devices.len(), most_by_one: AtomicUsize::new(0), world, masa, registrar, devices: Mutex::new(devices), idle: Mutex::default() }
    }

    /// A pledge that nobody else uses meanwhile; none if all are in use or used up.
    pub(crate) fn take(&self) -> Option<Device> {
        self.devices().pop_front()
    }

    /// Its turn is over. One that may have no more LDevIDs does not come back.
    pub(crate) fn give_back(&self, device: Device) {
        let most = match self.load.journey {
            Journey::Voucher => usize::MAX,
            Journey::Enrol | Journey::Onboard => MOST_CERTIFICATES,
        };
        match device.connection {
            _ if device.asked >= most => {}
            // The same few again, whose connections stand.
            Some(_) => self.devices().push_front(device),
            None => self.devices().push_back(device),
        }
    }

    /// How often the pledge asked that asked most often.
    pub(crate) fn most_by_one(&self) -> usize {
        self.most_by_one.load(Ordering::Relaxed)
    }

    /// How many pledges wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.devices().len()
    }

    /// Admits every pledge of an enrolling load, so that nothing else is measured later.
    pub(crate) async fn admit_all(self: &Arc<Self>) -> Result<()> {
        if self.load.journey != Journey::Enrol {
            return Ok(());
        }
        let places: Vec<usize> = self.devices().iter().map(|device| device.place).collect();
        let places = Arc::new(Mutex::new(places.into_iter()));
        let mut admitting = JoinSet::new();
        for _ in 0..ADMITTED_AT_ONCE {
            let (asker, places) = (self.clone(), places.clone());
            admitting.spawn(async move {
                let next = || places.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(place) = next() {
                    asker.admit(place).await?;
                }
                Ok(())
            });
        }
        admitting.join_all().await.into_iter().collect()
    }

    /// One request, whatever that is in this load.
    pub(crate) async fn ask(&self, device: &mut Device) -> Result<()> {
        device.asked += 1;
        self.most_by_one.fetch_max(device.asked, Ordering::Relaxed);
        let asked = match self.load.journey {
            Journey::Voucher => self.voucher(device.place).await,
            Journey::Enrol => self.enrol(device).await,
            Journey::Onboard => self.onboard(device.place, |_| ()).await,
        };
        if asked.is_err() {
            device.connection = None;
        }
        asked
    }

    async fn voucher(&self, place: usize) -> Result<()> {
        let (made, party, format) = (&self.world.pledges[place], &self.world.registrar, Format::from(self.load.format));
        let (nonce, now) = (Nonce::from_bytes(&random::<16>()?)?, UnixTime::now());
        let chain = &party.identity.chain;
        let pledges = made.pledge.clone().with_format(format).ask_for_voucher(chain, nonce.clone(), now).await?;
        let device = made.pledge.idevid().device().clone();
        let leaves = VoucherRequest {
            assertion: Some(brski_common::Assertion::Proximity),
            created_on: Some(now),
            nonce: Some(nonce),
            idevid_issuer: Some(device.issuer),
            prior_signed_voucher_request: Some(pledges.ask().body.clone()),
            ..VoucherRequest::new(device.serial)
        };
        let request = party.clone().enclosing(made.path.clone()).seal(&leaves, format).await?;

        let mut connection = match self.take_idle() {
            Some(open) => open,
            None => open(&self.masa, self.world.masa_tls.clone()).await?,
        };
        let media_type = format.voucher_media_type();
        let answer = connection.send(post("/.well-known/brski/requestvoucher", media_type, media_type, request.wire().to_vec())?).await?;
        let answer = read(&answer);
        if self.load.connections == Connections::KeepAlive && connection.is_open() {
            self.idle().push(connection);
        }
        // The voucher is looked at as its pledge would.
        match pledges.answered(&answer, now) {
            Ok(brski_common::pledge::Step::Done(_)) => Ok(()),
            Ok(brski_common::pledge::Step::Wait(..)) => bail!("the MASA says later: {}", answer.sentence()),
            Err(failed) => Err(failed.error.into()),
        }
    }

    async fn enrol(&self, device: &mut Device) -> Result<()> {
        let made = &self.world.pledges[device.place];
        let (key, _) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
        let request = csr::request(made.path.first().context("a pledge without certificate")?.subject_der(), &key).await?;
        let connection = self.registrar_connection(&mut device.connection, device.place).await?;
        let answer = connection.send(post("/.well-known/est/simpleenroll", est::PKCS10, "application/pkcs7-mime", est::to_body(&request))?).await?;
        if self.load.connections == Connections::Fresh {
            device.connection = None;
        }
        let answer = read(&answer);
        ensure!(answer.status == 200, "simpleenroll was answered with {}: {}", answer.status, answer.sentence());
        let issued = est::read_certs_only(&est::from_body("LDevID", &answer.body)?)?;
        ensure!(issued.iter().any(|certificate| certificate.public_key() == *key.public_key()), "simpleenroll issued a certificate for another key");
        Ok(())
    }

    /// One whole onboarding, of which each step is told as soon as it is done. Only those that came to an LDevID count for the pledge.
    pub(crate) async fn onboard_telling(&self, device: &mut Device, mut tell: impl FnMut(&Step) + Send) -> Result<()> {
        let asked = &mut device.asked;
        let counting = |step: &Step| {
            *asked += usize::from(matches!(step, Step::Enrolled { .. }));
            tell(step);
        };
        self.onboard(device.place, counting).await
    }

    async fn onboard(&self, place: usize, tell: impl FnMut(&Step) + Send) -> Result<()> {
        let made = &self.world.pledges[place];
        let pledge = made.pledge.clone().with_format(self.load.format.into());
        // Whoever is told to come later would ask for days.
        let options = Options { repeats: 0, ..Options::default() };
        onboard(&pledge, &made.tls, &self.registrar, &options, tell).await?;
        Ok(())
    }

    /// Asks the registrar for a voucher and no more.
    async fn admit(&self, place: usize) -> Result<()> {
        let mut connection = open(&self.registrar, provisional_config(Some(&self.world.pledges[place].tls))?).await?;
        let (nonce, now) = (Nonce::from_bytes(&random::<16>()?)?, UnixTime::now());
        let pledge = self.world.pledges[place].pledge.clone().with_format(self.load.format.into());
        let asked = pledge.ask_for_voucher(connection.server_certificates(), nonce, now).await?;
        let media_type = Format::from(self.load.format).voucher_media_type();
        let answer = connection.send(post(asked.ask().path, media_type, media_type, asked.ask().body.clone())?).await?;
        ensure!(answer.status() == 200, "a pledge was not admitted: {}", read(&answer).sentence());
        Ok(())
    }

    /// The open connection, or a new one on which this pledge shows its IDevID.
    async fn registrar_connection<'a>(&self, slot: &'a mut Option<HttpsConnection>, place: usize) -> Result<&'a mut HttpsConnection> {
        let connection = match slot.take().filter(HttpsConnection::is_open) {
            Some(connection) => connection,
            None => open(&self.registrar, provisional_config(Some(&self.world.pledges[place].tls))?).await?,
        };
        Ok(slot.insert(connection))
    }

    fn take_idle(&self) -> Option<HttpsConnection> {
        std::iter::from_fn(|| self.idle().pop()).find(HttpsConnection::is_open)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<HttpsConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn devices(&self) -> MutexGuard<'_, VecDeque<Device>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open(authority: &str, tls: Arc<ClientConfig>) -> Result<HttpsConnection> {
    Ok(HttpsConnection::open(authority, tls, ClientLimits::default()).await?)
}

fn post(path: &str, content_type: &str, accept: &str, body: Vec<u8>) -> Result<http::Request<Full<Bytes>>> {
    Ok(http::Request::post(path).header(CONTENT_TYPE, content_type).header(ACCEPT, accept).body(Full::from(body))?)
}

fn read(answer: &http::Response<Bytes>) -> Answer {
    let text = |name| answer.headers().get(name).and_then(|value: &http::HeaderValue| value.to_str().ok()).map(str::to_owned);
    let retry_after = text(http::header::RETRY_AFTER);
    Answer { status: answer.status().as_u16(), content_type: text(CONTENT_TYPE), retry_after, location: None, body: answer.body().to_vec() }
}

const ADMITTED_AT_ONCE: usize = 8;
