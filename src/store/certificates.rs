//! Files with certificates and keys, and whom they make trusted.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

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

/// Trusts authorities, and a server whose own certificate is among the trusted ones.
#[derive(Debug)]
pub struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    pub fn new(path: &Path, provider: &Arc<CryptoProvider>) -> Inner<Self> {
        let trusted = chain(path, &read(path)?)?;
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone()).map_err(in_file(path))?;
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(in_file(path))?;
        Ok(Self { authorities, trusted })
    }
}

/// Whether a chain fails only for that its first certificate was not issued by an authority. When a certificate is valid
/// is looked at before that, so these errors say that it is valid now.
fn is_only_unissued(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.authorities.verify_server_cert(own, chain, name, ocsp, now) {
            Err(error) if is_only_unissued(&error) && self.trusted.contains(own) => {
                verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}
