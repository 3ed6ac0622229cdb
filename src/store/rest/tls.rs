//! Certificates: whom to trust, and whom to be.
//!
//! What is given in `MLFLOW_TRACKING_SERVER_CERT_PATH` is trusted as Python's client does it: as an authority, or, byte for
//! byte, as the server's own certificate, which is how people use a self-signed one.

use std::sync::Arc;

use reqwest::{ClientBuilder, Identity};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;

use super::options::RestOptions;
use crate::store::certificates::{Verifier, identity, in_file, read};
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
