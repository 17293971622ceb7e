//! `serve`, killed while it issues vouchers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use brski_common::Nonce;
use brski_common::serve::{ClientLimits, HttpsConnection, TlsIdentity, provisional_config};
use brski_masa::Entry;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::kills;
use super::random::Random;
use super::world::{Device, MASA, World, entries};

#[test]
fn killed_server_has_an_entry_for_every_voucher_that_it_gave() {
    let (world, mut random) = (World::new(), Random::seeded("serve"));
    let devices: Vec<Device> = (0..8).map(|count| world.device(&format!("PLEDGE-{count}"))).collect();
    world.folder.write("reports.jsonl", devices.iter().map(|device| world.report(device)).collect::<String>());
    world.masa(&["record", "reports.jsonl"]).ok();
    let shop = Arc::new(Shop { world, devices, nonces: AtomicU64::new(0) });

    let mut given: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut last: Option<Vec<u8>> = None;
    let mut in_flight = 0;
    for _ in 0..kills() {
        let mut server = shop.world.folder.start(MASA, &["serve"]);
        let authority = format!("127.0.0.1:{}", server.port());
        if let Some(request) = last.take() {
            // Who lost the answer asks again.
            assert_eq!(block_on_io(shop.post(&authority, request)).status(), 200);
        }
        let load = Load::begin(&shop, &authority);
        load.wait(random.below(VOUCHERS), Duration::from_nanos(random.below(3_000_000)));
        server.signal("KILL");
        assert_eq!(server.end().0, None, "it ended by itself");
        let vouchers = load.end();
        last = vouchers.last().map(|(_, request)| request.clone());
        given.extend(vouchers.into_iter().map(|(nonce, _)| nonce));

        shop.world.verify();
        let found: BTreeSet<Vec<u8>> = entries(&shop.world.ledger()).into_values().filter_map(nonce_of).collect();
        let missing: Vec<_> = given.difference(&found).collect();
        assert!(missing.is_empty(), "{} vouchers were given without an entry", missing.len());
        in_flight = found.len() - given.len();
    }
    eprintln!("serve: {} kills, {} vouchers given, each has its entry; {in_flight} entries whose voucher nobody received", kills(), given.len());
}

fn nonce_of(entry: Entry) -> Option<Vec<u8>> {
    match entry {
        Entry::Vouched(vouched) => vouched.nonce.map(|nonce| nonce.octets()),
        _ => None,
    }
}

/// A manufacturer's devices, for which an owner asks.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) devices: Vec<Device>,
    pub(crate) nonces: AtomicU64,
}

impl Shop {
    /// A request that was never made before, and its nonce.
    pub(crate) fn request(&self) -> (Vec<u8>, Vec<u8>) {
        let count = self.nonces.fetch_add(1, Ordering::Relaxed);
        let nonce = Nonce::from_bytes(&[&count.to_be_bytes()[..], b"-a-nonce"].concat()).unwrap();
        let device = &self.devices[usize::try_from(count).unwrap() % self.devices.len()];
        (nonce.octets(), self.world.owner.request(device, &nonce).wire().to_vec())
    }

    /// Posts a request over a connection of its own.
    pub(crate) async fn post(&self, authority: &str, request: Vec<u8>) -> Response<Bytes> {
        self.connect(authority).await.unwrap().send(voucher_request(request)).await.unwrap()
    }

    pub(crate) async fn connect(&self, authority: &str) -> Option<HttpsConnection> {
        let registrar = &self.world.owner.registrar;
        let identity = TlsIdentity::with_signer(&registrar.identity.chain, registrar.signer.clone()).unwrap();
        HttpsConnection::open(authority, provisional_config(Some(&identity)).unwrap(), ClientLimits::default()).await.ok()
    }
}

fn voucher_request(request: Vec<u8>) -> Request<Full<Bytes>> {
    let media_type = "application/voucher-cms+json";
    let head = Request::post("/.well-known/brski/requestvoucher").header("content-type", media_type).header("accept", media_type);
    head.body(Full::new(request.into())).unwrap()
}

/// Registrars that ask without a pause, until the server is gone.
struct Load {
    ended: Arc<AtomicBool>,
    registrars: Vec<JoinHandle<()>>,
    given: Receiver<(Vec<u8>, Vec<u8>)>,
    kept: std::cell::RefCell<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl Load {
    fn begin(shop: &Arc<Shop>, authority: &str) -> Self {
        let (send, given) = channel();
        let ended = Arc::new(AtomicBool::new(false));
        let registrar = || {
            let (shop, authority, send, ended) = (Arc::clone(shop), authority.to_owned(), send.clone(), Arc::clone(&ended));
            std::thread::spawn(move || block_on_io(ask(&shop, &authority, &send, &ended)))
        };
        let registrars = (0..REGISTRARS).map(|_| registrar()).collect();
        Self { ended, registrars, given, kept: std::cell::RefCell::default() }
    }

    /// Waits until so many vouchers are given, and then so long.
    fn wait(&self, vouchers: u64, then: Duration) {
        let mut kept = self.kept.borrow_mut();
        (0..vouchers).for_each(|_| kept.push(self.given.recv_timeout(PATIENCE).expect("the server should give vouchers")));
        let end = Instant::now() + then;
        while let Ok(voucher) = self.given.recv_timeout(end.saturating_duration_since(Instant::now())) {
            kept.push(voucher);
        }
    }

    /// All that were given: nonces, each with its request.
    fn end(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.ended.store(true, Ordering::SeqCst);
        self.registrars.into_iter().for_each(|registrar| registrar.join().unwrap());
        self.kept.into_inner().into_iter().chain(self.given.try_iter()).collect()
    }
}

async fn ask(shop: &Shop, authority: &str, send: &Sender<(Vec<u8>, Vec<u8>)>, ended: &AtomicBool) {
    let Some(mut connection) = shop.connect(authority).await else { return };
    while !ended.load(Ordering::SeqCst) {
        let (nonce, request) = shop.request();
        match connection.send(voucher_request(request.clone())).await {
            Ok(answer) => {
                assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
                let _waiting = send.send((nonce, request));
            }
            // It was killed.
            Err(_) => return,
        }
    }
}

/// Runs a future that needs sockets.
pub(crate) fn block_on_io<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// At once; the ledger then commits their entries in groups.
const REGISTRARS: usize = 6;

/// Before a kill, at most.
const VOUCHERS: u64 = 60;

/// Far longer than a voucher takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
