//! A manufacturer, an owner and their pledges, made once and kept in a folder; each run works on a copy, so that every run begins with the same ledger.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use brski_common::issuing::{Subject, Template, never};
use brski_common::pledge::Pledge;
use brski_common::provenance::{Basis, KeyOrigin, Lock, Locus, ManufactureReport, Method, Protection, Source, Transfer};
use brski_common::serve::setup::{read_certificates, read_key};
use brski_common::serve::{TlsIdentity, anchored_config};
use brski_common::{Anchors, Certificate, Format, IDevIdCert, SerialNumber, SignatureAlgorithm, Signer as _, SigningParty, SoftwareKey, UnixTime};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::servers::program;

/// A folder in which `brski-masa init` and `brski-registrar init` made a manufacturer and an owner, with pledges that are on record.
pub(crate) struct Cache {
    folder: PathBuf,
}

/// A copy of the cache that one run may change. It is removed when dropped.
pub(crate) struct Run {
    pub(crate) folder: PathBuf,
    /// Whether this is the cache itself, which servers elsewhere work on.
    is_cache: bool,
}

/// Everything that clients need to play registrar and pledges.
pub(crate) struct World {
    pub(crate) pledges: Vec<Made>,
    /// Signs voucher-requests as the registrar does.
    pub(crate) registrar: SigningParty,
    /// How the registrar reaches its MASA.
    pub(crate) masa_tls: Arc<brski_common::serve::ClientConfig>,
}

/// One device as it leaves the factory.
pub(crate) struct Made {
    pub(crate) pledge: Pledge,
    pub(crate) tls: TlsIdentity,
    /// Its IDevID and the path up to and including the manufacturer's root, which the device itself does not show.
    pub(crate) path: Vec<Certificate>,
}

/// One line of the file of pledges.
#[derive(Serialize, Deserialize)]
struct Line {
    certificate: String,
    key: String,
}

impl Cache {
    /// The folder's, with at least so many pledges. What is missing is made, which `tell` is told.
    pub(crate) async fn prepare(folder: &Path, pledges: usize, tell: impl Fn(String)) -> Result<Self> {
        remove_abandoned(folder);
        let cache = Self { folder: folder.join("made") };
        let present = fs::read_to_string(cache.folder.join(PLEDGES)).map_or(0, |text| text.lines().count());
        if present >= pledges {
            return Ok(cache);
        }
        tell(format!("making a manufacturer, an owner and {pledges} pledges in {} (once)", folder.display()));
        // Nobody meets a half-made cache.
        let making = folder.join(format!("making-{}", std::process::id()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&making).with_context(|| format!("cannot make the folder {}", making.display()))?;
        make(&making, pledges).await?;
        let _ = fs::remove_dir_all(&cache.folder);
        fs::rename(&making, &cache.folder).with_context(|| format!("cannot make the folder {}", cache.folder.display()))?;
        Ok(cache)
    }

    /// A copy to run servers on.
    pub(crate) fn copy(&self) -> Result<Run> {
        let folder = self.folder.with_file_name(format!("run-{}", std::process::id()));
        let run = Run { folder: folder.clone(), is_cache: false };
        for part in ["masa", "registrar"] {
            copy_folder(&self.folder.join(part), &folder.join(part)).with_context(|| format!("cannot copy the cache to {}", folder.display()))?;
            edit(&folder.join(format!("{part}/{part}.toml")), |table| {
                set(table, &["listen"], "127.0.0.1:0".into())?;
                set(table, &["admin", "listen"], "127.0.0.1:0".into())?;
                // All pledges are behind one address here, and all requests of a MASA come from one registrar.
                for rate in ["requests-per-minute", "requests-per-minute-per-address"] {
                    set(table, &["limits", rate], 0.into())?;
                }
                set(table, &["limits", "connections"], CONNECTIONS.into())?;
                set(table, &["limits", "connections-per-address"], CONNECTIONS.into())
            })?;
        }
        Ok(run)
    }

    /// The cache itself, which servers elsewhere serve.
    pub(crate) fn itself(&self) -> Run {
        Run { folder: self.folder.clone(), is_cache: true }
    }

    /// The first so many pledges, and what else clients need.
    pub(crate) fn world(&self, pledges: usize) -> Result<World> {
        let path = |name: &str| self.folder.join(name);
        let issuers = read_certificates(&path("masa/certificates/idevid-issuer.pem"))?;
        // A COSE voucher comes without its signer's certificate.
        let voucher = ["voucher-ca", "voucher-signer"].map(|name| read_certificates(&path(&format!("masa/certificates/{name}.pem"))));
        let voucher: Vec<Certificate> =
            voucher.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(|mut chain| chain.drain(..).next()).collect();
        let anchors = Anchors::new(voucher)?;
        let text = Zeroizing::new(fs::read_to_string(path(PLEDGES))?);
        let pledges = text.lines().take(pledges).map(|line| read_pledge(line, &issuers, &anchors)).collect::<Result<_>>()?;

        let chain = read_certificates(&path("registrar/certificates/registrar.pem"))?;
        let key = Arc::new(read_key(&path("registrar/keys/registrar.pem"))?);
        let tls = TlsIdentity::with_signer(&chain, key.clone())?;
        let masa_tls = anchored_config(&Anchors::new(read_certificates(&path("masa/certificates/tls-ca.pem"))?)?, Some(&tls))?;
        Ok(World { pledges, registrar: SigningParty::with_chain(chain, key), masa_tls })
    }
}

impl Run {
    /// IDevIDs name the MASA by a port that is another one in each run.
    pub(crate) fn point_registrar_at(&self, masa: &str) -> Result<()> {
        let (_, port) = masa.rsplit_once(':').context("the MASA has no port")?;
        let url = format!("https://localhost:{port}");
        edit(&self.folder.join("registrar/registrar.toml"), |table| set(table, &["manufacturers", MANUFACTURER, "masa-url"], url.into()))
    }

    /// Has a server listen at the same address when it is started again.
    pub(crate) fn pin(&self, name: &str, address: &str) -> Result<()> {
        edit(&self.folder.join(format!("{name}/{name}.toml")), |table| set(table, &["listen"], address.into()))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.is_cache {
            // What stays behind is in a folder that can be removed as a whole.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// What interrupted runs have left, whose processes are gone.
fn remove_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("run-").or_else(|| name.strip_prefix("making-")));
        if process.and_then(|process| process.parse::<u32>().ok()).is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            // It is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

async fn make(folder: &Path, pledges: usize) -> Result<()> {
    let (masa, registrar) = (program("brski-masa")?, program("brski-registrar")?);
    run(&masa, folder, &["init", "--dir", "masa", "--name", MANUFACTURER])?;
    run(&registrar, folder, &["init", "--dir", "registrar"])?;
    // The same few pledges ask again and again.
    edit(&folder.join("masa/masa.toml"), |table| set(table, &["requests", "vouchers-per-day"], 1_000_000.into()))?;
    run(&registrar, folder, &["trust", "add", "--config", "registrar/registrar.toml", "--yes", "masa/manufacturer-profile.toml"])?;

    let issuer = read_certificates(&folder.join("masa/certificates/idevid-issuer.pem"))?.into_iter().next().context("the IDevID issuer has no certificate")?;
    let issuer_key = read_key(&folder.join("masa/keys/idevid-issuer.pem"))?;
    let station = SigningParty::with_name("station-1", Arc::new(read_key(&folder.join("masa/keys/station-1.pem"))?));
    let (mut lines, mut reports) = (Zeroizing::new(Vec::new()), Vec::new());
    for number in 1..=pledges {
        let (key, pkcs8) = SoftwareKey::generate(SignatureAlgorithm::Es256)?;
        let subject = Subject::serial_number(&SerialNumber::new(format!("LOAD-{number:07}"))?);
        let template = Template::new(subject, key.public_key(), random()?, issuer.not_before(), never()).masa_url("localhost:9443");
        let certificate = template.issued_by(&issuer, &issuer_key).await?;
        let line = Zeroizing::new(serde_json::to_string(&Line { certificate: STANDARD.encode(certificate.der()), key: STANDARD.encode(&*pkcs8) })?);
        writeln!(lines, "{}", *line)?;
        let report = ManufactureReport { idevid: IDevIdCert::new(certificate)?, origin: Some(origin(UnixTime::now())) };
        reports.extend_from_slice(station.seal(&report, Format::Jws).await?.wire());
        reports.push(b'\n');
    }
    fs::write(folder.join("reports.jsonl"), reports)?;
    run(&masa, folder, &["record", "--config", "masa/masa.toml", "reports.jsonl"])?;
    // Last: by this file it is seen that all is there.
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(PLEDGES))?;
    Ok(file.write_all(&lines)?)
}

/// A key of a kind that the policy of `brski-registrar init` accepts.
fn origin(now: UnixTime) -> KeyOrigin {
    let made = KeyOrigin::new(Method::Avocado, Source::GeneratedOnDevice, Protection::NoneSoftware, Locus::MainCpu, Basis::StationSigned, now);
    KeyOrigin { certificate_transfer: Transfer::MechanicallyTransferred, private_transfer: Transfer::None, lock: Lock::Software, ..made }
}

fn read_pledge(line: &str, issuers: &[Certificate], anchors: &Anchors) -> Result<Made> {
    let line: Line = serde_json::from_str(line)?;
    let key = Zeroizing::new(line.key);
    let key = Arc::new(SoftwareKey::from_der(&Zeroizing::new(STANDARD.decode(key.as_bytes())?))?);
    let own = Certificate::from_der(&STANDARD.decode(&line.certificate)?)?;
    let path: Vec<Certificate> = std::iter::once(own).chain(issuers.iter().cloned()).collect();
    let shown: Vec<Certificate> = path.iter().filter(|certificate| !certificate.is_self_issued()).cloned().collect();
    let tls = TlsIdentity::with_signer(&shown, key.clone())?;
    Ok(Made { pledge: Pledge::new(shown, key, anchors.clone())?, tls, path })
}

fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().with_context(|| format!("{} cannot be run", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}: {}", program.display(), arguments.join(" "), said.trim_end());
    Ok(())
}

fn edit(path: &Path, change: impl FnOnce(&mut toml::Table) -> Result<()>) -> Result<()> {
    let mut table: toml::Table = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?.parse()?;
    change(&mut table)?;
    fs::write(path, toml::to_string(&table)?).with_context(|| format!("cannot write {}", path.display()))
}

fn set(table: &mut toml::Table, path: &[&str], value: toml::Value) -> Result<()> {
    let (last, above) = path.split_last().context("an empty path")?;
    let mut place = table;
    for name in above {
        let next = place.entry(*name).or_insert_with(|| toml::Table::new().into());
        place = next.as_table_mut().with_context(|| format!("{name} is no table"))?;
    }
    place.insert((*last).to_owned(), value);
    Ok(())
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &to.join(entry.file_name()))?,
            false => drop(fs::copy(entry.path(), to.join(entry.file_name()))?),
        }
    }
    Ok(())
}

/// Octets from the system's random numbers.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).context("the system gives no random numbers")?;
    Ok(octets)
}

/// As many as are wanted: what limits do is not measured here.
const CONNECTIONS: i64 = 100_000;

/// What the MASA's log is called.
pub(crate) const LOG: &str = "localhost:9443";

const MANUFACTURER: &str = "Example Manufacturer";
const PLEDGES: &str = "pledges.jsonl";
