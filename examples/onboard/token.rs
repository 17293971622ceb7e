//! The factory's token (PKCS #11), which makes keys for devices that cannot: SoftHSM, which stands for a HSM.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use brski_common::provenance::Pkcs11Attributes;
use brski_common::serve::setup::NewFiles;
use brski_common::sign::SignatureAlgorithm::Es256;
use brski_common::sign::{KeyUri, NewKey, Pkcs11Key, Pkcs11Uri};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::manufacturer::random;

/// Where Debian's package has it.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

pub(crate) fn is_installed() -> bool {
    Path::new(MODULE).exists()
}

/// Starts this program anew, unless that was done already: SoftHSM reads from the environment where its tokens are, and a program cannot safely change its own.
pub(crate) fn with_own_tokens() -> Result<()> {
    let configuration = home().join("softhsm2.conf");
    if std::env::var_os(CONFIGURATION).is_some_and(|named| named == configuration) {
        return Ok(());
    }
    let own = std::env::current_exe().context("this program does not know its own file")?;
    // The process keeps its number, and therefore the name of its folder.
    Err(Command::new(own).args(std::env::args_os().skip(1)).env(CONFIGURATION, configuration).exec()).context("this program cannot be started anew")
}

/// A token of its own, in a folder of its own. Both are gone with this value, for the token holds what must not be kept.
pub(crate) struct FactoryToken {
    home: Home,
    api: Pkcs11,
    slot: Slot,
    pin: AuthPin,
}

impl FactoryToken {
    /// A new one, with a PIN that nobody knows.
    pub(crate) fn begin() -> Result<Self> {
        let home = Home::make()?;
        let digits: String = random::<16>()?.iter().map(|octet| format!("{octet:02x}")).collect();
        let mut files = NewFiles::new();
        files.public("softhsm2.conf", format!("directories.tokendir = {}\nlog.level = ERROR\n", home.0.join("tokens").display()));
        files.secret("pin.txt", digits.as_bytes());
        files.write_into(&home.0)?;
        let pin = AuthPin::new(digits.into());

        let api = Pkcs11::new(MODULE)?;
        api.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
        let slot = *api.get_slots_with_token()?.first().context("SoftHSM has no slot")?;
        api.init_token(slot, &pin, LABEL)?;
        let session = api.open_rw_session(slot)?;
        session.login(UserType::So, Some(&pin))?;
        session.init_pin(&pin)?;
        session.logout()?;
        drop(session);
        Ok(Self { home, api, slot, pin })
    }

    /// Has it make a key that may leave it, wrapped; what it says of that key.
    pub(crate) fn make(&self, label: &str) -> Result<(Pkcs11Key, Pkcs11Attributes)> {
        let uri = self.uri(label)?;
        drop(Pkcs11Key::generate(&uri, NewKey { algorithm: Es256, extractable: true })?);
        Ok(Pkcs11Key::examine(&uri, None)?)
    }

    /// Lets the key go, wrapped with a device's transport key (RFC 5649), and destroys it in the token.
    pub(crate) fn hand_over(&self, label: &str, transport: &[u8; 32]) -> Result<Vec<u8>> {
        let session = self.api.open_rw_session(self.slot)?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => (),
            Err(err) => return Err(err.into()),
        }
        let wrapping = session.create_object(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Wrap(true),
            Attribute::Value(transport.to_vec()),
        ])?;
        let named = |class| [Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())];
        let private = session.find_objects(&named(ObjectClass::PRIVATE_KEY))?;
        ensure!(private.len() == 1, "the token has {} private keys called {label}", private.len());
        let wrapped = session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping, private[0])?;
        for object in [private, session.find_objects(&named(ObjectClass::PUBLIC_KEY))?].concat() {
            session.destroy_object(object)?;
        }
        Ok(wrapped)
    }

    fn uri(&self, label: &str) -> Result<Pkcs11Uri> {
        let pin = self.home.0.join("pin.txt");
        let text = format!("pkcs11:token={LABEL};object={label}?module-path={MODULE}&pin-source=file:{}", pin.display());
        match text.parse()? {
            KeyUri::Pkcs11(uri) => Ok(*uri),
            other => anyhow::bail!("{other} is no key in a token"),
        }
    }
}

/// What a device does with its wrapped key: the PKCS #8 structure in it.
pub(crate) fn unwrap(transport: &[u8; 32], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let key = AesKek::new(&AES_256, transport).ok().context("the transport key is none of AES-256")?;
    let mut room = Zeroizing::new(vec![0; wrapped.len()]);
    let unwrapped = key.unwrap_with_padding(wrapped, &mut room).ok().context("the wrapped key is not the one that the factory's token wrapped")?;
    Ok(Zeroizing::new(unwrapped.to_vec()))
}

/// A folder of mode 0700, removed when dropped.
struct Home(PathBuf);

impl Home {
    fn make() -> Result<Self> {
        let path = home();
        let failed = || format!("cannot make the folder {}", path.display());
        DirBuilder::new().mode(0o700).create(&path).with_context(failed)?;
        let home = Self(path);
        fs::create_dir(home.0.join("tokens"))?;
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Nothing can be done about a folder that will not go.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn home() -> PathBuf {
    std::env::temp_dir().join(format!("brski-onboard-token-{}", std::process::id()))
}

const CONFIGURATION: &str = "SOFTHSM2_CONF";

const LABEL: &str = "factory";
