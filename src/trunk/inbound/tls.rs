//! The certificate that makes the port speak `wss`.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(
        "the certificate {path} cannot be used: {reason}; it must be a PEM file, the server's own certificate first"
    )]
    Certificate { path: String, reason: String },
    #[error("the key {path} cannot be used: {reason}; it must be a PEM file with one private key")]
    Key { path: String, reason: String },
    #[error("the certificate {cert} and the key {key} do not go together: {reason}")]
    Mismatch { cert: String, key: String, reason: String },
}

/// Reads a chain of certificates and its key, both PEM. Read once: a renewed certificate needs a restart.
///
/// # Errors
/// Names the file that cannot be read or does not fit.
pub fn server_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let (cert_shown, key_shown) = (cert.display().to_string(), key.display().to_string());
    let bad_cert = |reason: String| TlsError::Certificate { path: cert_shown.clone(), reason };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| bad_cert(error.to_string()))?;
    if chain.is_empty() {
        return Err(bad_cert("there is no certificate in it".into()));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| TlsError::Key { path: key_shown.clone(), reason: error.to_string() })?;
    let mismatch = |error: rustls::Error| TlsError::Mismatch {
        cert: cert_shown.clone(),
        key: key_shown.clone(),
        reason: error.to_string(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(mismatch)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(mismatch)?;
    Ok(Arc::new(config))
}
