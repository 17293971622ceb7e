//! The faults, and how they are made.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::Signal;
use tokio::time::sleep;

use super::disk::{Full, Writers, append_time};
use super::silent::Silent;
use crate::servers::{Server, Servers};
use crate::world::Run;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    KillMasa,
    KillRegistrar,
    HaltMasa,
    HaltRegistrar,
    MasaAway,
    Silence,
    SlowDisk,
    ClockStep,
    FullDisk,
}

/// All of them. The full disk is last, as it takes the servers' data onto a file system that does not stay.
pub(super) const FAULTS: [Fault; 9] = [
    Fault::KillMasa,
    Fault::KillRegistrar,
    Fault::HaltMasa,
    Fault::HaltRegistrar,
    Fault::MasaAway,
    Fault::Silence,
    Fault::SlowDisk,
    Fault::ClockStep,
    Fault::FullDisk,
];

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KillMasa => "masa killed",
            Self::KillRegistrar => "registrar killed",
            Self::HaltMasa => "masa halted",
            Self::HaltRegistrar => "registrar halted",
            Self::MasaAway => "masa unreachable",
            Self::Silence => "silent peers",
            Self::SlowDisk => "slow disk",
            Self::ClockStep => "clock steps",
            Self::FullDisk => "full disk",
        }
    }
}

/// Where faults are made.
pub(super) struct Scene<'a> {
    pub(super) run: &'a Run,
    pub(super) servers: Servers,
    pub(super) disk: Option<Full>,
}

/// A fault that is over.
pub(super) struct Struck {
    /// Since when, from which recovery counts: the last kill, or the end of whatever lasted.
    pub(super) over: Instant,
    /// What else there is to say of it.
    pub(super) note: Option<String>,
}

impl Scene<'_> {
    /// What has to be there before the load begins; says why the fault cannot be made on this machine, if so.
    pub(super) async fn prepare(&mut self, fault: Fault) -> Result<Option<String>> {
        match fault {
            Fault::ClockStep => {
                let Some(library) = faketime() else { return Ok(Some("libfaketime is not installed".to_owned())) };
                self.set_clock("+0")?;
                let environment = [
                    ("LD_PRELOAD", library.display().to_string()),
                    ("FAKETIME_TIMESTAMP_FILE", self.clock().display().to_string()),
                    ("FAKETIME_NO_CACHE", "1".to_owned()),
                    ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ];
                self.servers.masa.stop().await?;
                self.servers.masa.start_again(&self.run.folder, &environment).await?;
            }
            Fault::FullDisk => {
                self.servers.stop().await?;
                match Full::mount(&self.run.folder)? {
                    Ok(disk) => self.disk = Some(disk),
                    Err(why) => return Ok(Some(why)),
                }
                self.servers.masa.start_again(&self.run.folder, &[]).await?;
                self.servers.registrar.start_again(&self.run.folder, &[]).await?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Makes it for so long.
    pub(super) async fn strike(&mut self, fault: Fault, each: Duration) -> Result<Struck> {
        let mut note = None;
        let over = match fault {
            Fault::KillMasa => kill(&mut self.servers.masa, self.run, each).await?,
            Fault::KillRegistrar => kill(&mut self.servers.registrar, self.run, each).await?,
            Fault::HaltMasa => halt(&self.servers.masa, each).await?,
            Fault::HaltRegistrar => halt(&self.servers.registrar, each).await?,
            Fault::MasaAway => {
                self.servers.masa.stop().await?;
                sleep(each).await;
                self.servers.masa.start_again(&self.run.folder, &[]).await?;
                Instant::now()
            }
            Fault::Silence => {
                let silent = Silent::begin(&self.servers.all().map(|server| server.address.clone())).await?;
                sleep(each).await;
                note = Some(silent.told());
                Instant::now()
            }
            Fault::SlowDisk => {
                let alone = append_time(&self.run.folder).await?;
                let writers = Writers::begin(&self.run.folder);
                sleep(each / 2).await;
                let beside = append_time(&self.run.folder).await?;
                sleep(each / 2).await;
                writers.end().await?;
                let told = |time: Duration| time.as_secs_f64() * 1e3;
                note = Some(format!("a durable append of 4 KiB took {:.1} ms before and {:.1} ms meanwhile", told(alone), told(beside)));
                Instant::now()
            }
            Fault::ClockStep => {
                for step in ["+3600", "-3600"] {
                    self.set_clock(step)?;
                    sleep(each / 2).await;
                }
                self.set_clock("+0")?;
                note = Some("the MASA's, an hour ahead and then an hour back".to_owned());
                Instant::now()
            }
            Fault::FullDisk => {
                sleep(each / 4).await;
                if let Some(disk) = &self.disk {
                    disk.fill()?;
                    sleep(each).await;
                    disk.make_room()?;
                }
                Instant::now()
            }
        };
        Ok(Struck { over, note })
    }

    /// Puts back what was prepared.
    pub(super) async fn calm(&mut self, fault: Fault) -> Result<()> {
        if fault == Fault::ClockStep {
            self.servers.masa.stop().await?;
            self.servers.masa.start_again(&self.run.folder, &[]).await?;
        }
        Ok(())
    }

    fn clock(&self) -> PathBuf {
        self.run.folder.join("clock")
    }

    /// Whoever reads it meanwhile reads the old time or the new one.
    fn set_clock(&self, offset: &str) -> Result<()> {
        let new = self.run.folder.join("clock.new");
        std::fs::write(&new, format!("{offset}\n"))?;
        Ok(std::fs::rename(new, self.clock())?)
    }
}

/// Kills it again and again, each time under load.
async fn kill(server: &mut Server, run: &Run, each: Duration) -> Result<Instant> {
    let mut over = Instant::now();
    for _ in 0..KILLS {
        sleep(each / KILLS).await;
        over = Instant::now();
        server.kill().await?;
        server.start_again(&run.folder, &[]).await?;
    }
    Ok(over)
}

async fn halt(server: &Server, each: Duration) -> Result<Instant> {
    server.signal(Signal::STOP)?;
    sleep(each).await;
    server.signal(Signal::CONT)?;
    Ok(Instant::now())
}

/// The library that tells one process another time, where its package puts it.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.is_file())
}

const KILLS: u32 = 3;
