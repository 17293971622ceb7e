//! The shared libraries that speak to tokens: each is loaded and started once in a process, whoever uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::{Pkcs11Uri, TokenError};

/// A library that is loaded.
pub(super) struct Module {
    path: PathBuf,
    /// Written to when it is started anew, so that nobody calls it meanwhile.
    library: RwLock<Library>,
    /// Whose PIN a token refused.
    refused: Mutex<BTreeSet<String>>,
}

/// A library and how often it was started. Handles of before the last start may mean other sessions and keys now.
pub(super) struct Library {
    pub(super) api: Pkcs11,
    pub(super) starts: u64,
}

impl Module {
    /// The library at this path, started. It is never unloaded: not every library survives that.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, TokenError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| TokenError::Module { path: path.to_owned(), source };
        // The same library by another name would be started twice.
        let path = path.canonicalize().map_err(|err| failed(err.into()))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = loaded.get(&path) {
            return Ok(module.clone());
        }
        let api = Pkcs11::new(&path).map_err(|err| failed(err.into()))?;
        start(&path, &api)?;
        let library = RwLock::new(Library { api, starts: 1 });
        let module = Arc::new(Self { path: path.clone(), library, refused: Mutex::default() });
        loaded.insert(path, module.clone());
        Ok(module)
    }

    /// The library, for one or more calls during which it is not started anew.
    pub(super) fn library(&self) -> RwLockReadGuard<'_, Library> {
        self.library.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops and starts the library. All sessions with all its tokens end.
    pub(super) fn restart(&self) -> Result<(), TokenError> {
        let mut library = self.library.write().unwrap_or_else(PoisonError::into_inner);
        library.starts += 1;
        if let Err(err) = library.api.clone().finalize() {
            tracing::debug!(module = %self.path.display(), error = %err, "the module did not stop");
        }
        start(&self.path, &library.api)
    }

    /// Notes that a token refused this PIN: whichever key asks next would only bring the token closer to locking itself.
    pub(super) fn refuse(&self, uri: &Pkcs11Uri) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(login(uri));
    }

    /// Whether a token refused this PIN.
    pub(super) fn has_refused(&self, uri: &Pkcs11Uri) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).contains(&login(uri))
    }

    /// Lets this PIN be tried again: the operator asked for it.
    pub(super) fn forgive(&self, uri: &Pkcs11Uri) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(&login(uri));
    }
}

/// Which token and which PIN.
fn login(uri: &Pkcs11Uri) -> String {
    format!("{:?}", (&uri.token, &uri.serial, &uri.manufacturer, &uri.model, uri.slot_id, &uri.pin_source))
}

fn start(path: &Path, api: &Pkcs11) -> Result<(), TokenError> {
    match api.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Somebody else in this process uses it too.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(err) => Err(TokenError::Start { path: path.to_owned(), source: err.into() }),
    }
}

static LOADED: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());
