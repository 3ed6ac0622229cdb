//! Files with certificates and keys.

use std::fmt;
use std::fs;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{ErrorKind, Inner};

/// A file with certificates is not larger.
const MOST_BYTES: u64 = 16 << 20;

pub fn read(path: &Path) -> Inner<Vec<u8>> {
    let io = |error: std::io::Error| ErrorKind::Io(format!("{}: {error}", path.display()));
    if fs::metadata(path).map_err(io)?.len() > MOST_BYTES {
        return Err(ErrorKind::Invalid(format!("{} is too large to hold certificates", path.display())));
    }
    fs::read(path).map_err(io)
}

pub fn in_file<E: fmt::Display>(path: &Path) -> impl Fn(E) -> ErrorKind {
    move |error| ErrorKind::Invalid(format!("{}: {error}", path.display()))
}

/// The certificates of a PEM file, of which there is at least one.
pub fn chain(path: &Path, pem: &[u8]) -> Inner<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(in_file(path))?;
    if chain.is_empty() {
        return Err(ErrorKind::Invalid(format!("{} holds no certificate in PEM form", path.display())));
    }
    Ok(chain)
}

/// Certificate and key, of one file or of two.
pub fn identity(path: &Path, key: &Path) -> Inner<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = chain(path, &read(path)?)?;
    Ok((chain, PrivateKeyDer::from_pem_slice(&read(key)?).map_err(in_file(key))?))
}
