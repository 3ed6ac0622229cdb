//! Certificates: whom to trust, and whom to be.
//!
//! What is given in `MLFLOW_TRACKING_SERVER_CERT_PATH` is trusted as Python's client does it: as an authority, or, byte for
//! byte, as the server's own certificate, which is how people use a self-signed one.

use std::path::Path;
use std::sync::Arc;

use reqwest::{ClientBuilder, Identity};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::options::RestOptions;
use crate::store::certificates::{chain, identity, in_file, read};
use crate::store::{ErrorKind, Inner};

/// Makes a client trust, and be, what the options name.
pub fn certificates(builder: ClientBuilder, options: &RestOptions) -> Inner<ClientBuilder> {
    let Some(trusted) = &options.ca_file else {
        return match &options.client_cert {
            None => Ok(builder),
            Some(path) => Ok(builder.identity(Identity::from_pem(&read(path)?).map_err(in_file(path))?)),
        };
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new(trusted, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ErrorKind::Io(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &options.client_cert {
        None => config.with_no_client_auth(),
        Some(path) => {
            let (chain, key) = identity(path, path)?;
            config.with_client_auth_cert(chain, key).map_err(in_file(path))?
        }
    };
    config.alpn_protocols = vec!["http/1.1".into()];
    Ok(builder.tls_backend_preconfigured(config))
}

/// Trusts authorities, and a server whose own certificate is among the trusted ones.
#[derive(Debug)]
struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(path: &Path, provider: &Arc<CryptoProvider>) -> Inner<Self> {
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
