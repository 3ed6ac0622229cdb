//! Encrypted connections, by what `sslmode` and `sslrootcert` mean to libpq.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::address::PgDatabase;
use super::tls_mode::TlsMode;
use crate::store::certificates::{Verifier, identity, in_file};
use crate::store::{ErrorKind, Inner};

/// Makes connections as a database wants them; none where they are not encrypted.
#[derive(Clone)]
pub struct Tls(Option<Arc<ClientConfig>>);

impl Tls {
    /// Nothing is looked for, and no file read, where nothing is encrypted.
    pub fn new(database: &PgDatabase, mode: TlsMode) -> Inner<Self> {
        if mode == TlsMode::Disable {
            return Ok(Self(None));
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(database, &provider)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ErrorKind::Io(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&database.certificate, &database.key) {
            (Some(certificate), key) => {
                let (chain, key) = identity(certificate, key.as_ref().unwrap_or(certificate))?;
                config.with_client_auth_cert(chain, key).map_err(in_file(certificate))?
            }
            (None, _) => config.with_no_client_auth(),
        };
        Ok(Self(Some(Arc::new(config))))
    }
}

/// Who is trusted: anybody, an authority, or one of the name that is asked for.
fn verifier(database: &PgDatabase, provider: &Arc<CryptoProvider>) -> Inner<Arc<dyn ServerCertVerifier>> {
    let mode = database.tls_mode();
    let root = database.root_certificate.as_deref();
    if root.is_some_and(|root| root == Path::new("system")) {
        if mode != TlsMode::VerifyFull {
            return Err(ErrorKind::Address("sslrootcert=system needs sslmode=verify-full".into()));
        }
        let own = rustls_platform_verifier::Verifier::new(Arc::clone(provider));
        return Ok(Arc::new(own.map_err(|error| ErrorKind::Tls(error.to_string()))?));
    }
    match (mode, root) {
        (TlsMode::VerifyCa | TlsMode::VerifyFull, None) => Err(ErrorKind::Address(format!(
            "sslmode={} needs the authority to trust: sslrootcert=FILE, ~/.postgresql/root.crt, or sslrootcert=system",
            mode.as_str()
        ))),
        // As libpq has it: with an authority at hand, `require` looks at it.
        (TlsMode::VerifyCa | TlsMode::VerifyFull | TlsMode::Require, Some(path)) => {
            let authorities = Arc::new(Verifier::new(path, provider)?);
            if mode == TlsMode::VerifyFull {
                return Ok(authorities);
            }
            Ok(Arc::new(Lenient { authorities: Some(authorities), provider: Arc::clone(provider) }))
        }
        _ => Ok(Arc::new(Lenient { authorities: None, provider: Arc::clone(provider) })),
    }
}

/// Looks at who signed a certificate, if at that; never at the name in it.
#[derive(Debug)]
struct Lenient {
    authorities: Option<Arc<Verifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(own, chain, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Stream;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Connect> {
        Ok(Connect { config: self.0.clone(), host: host.to_owned() })
    }
}

/// A handshake that is to be made.
pub struct Connect {
    config: Option<Arc<ClientConfig>>,
    host: String,
}

impl TlsConnect<Socket> for Connect {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let config = self.config.ok_or_else(|| io::Error::other("nothing is to be encrypted"))?;
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            let stream = TlsConnector::from(config).connect(name, socket).await?;
            Ok(Stream(Box::new(stream)))
        })
    }
}

/// An encrypted connection.
pub struct Stream(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
