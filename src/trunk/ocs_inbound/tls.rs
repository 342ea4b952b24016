//! The certificate that makes the port speak `wss`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
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

/// A certificate and its key in files, which may be renewed while the port is open.
#[derive(Clone, Debug)]
pub struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Certificate {
    /// # Errors
    /// As [`server_config`].
    pub fn read(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let config = Arc::new(RwLock::new(server_config(cert, key)?));
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), config })
    }

    /// Reads the files again, for connections from now on.
    ///
    /// # Errors
    /// As [`server_config`]; then the old certificate stays.
    pub fn read_again(&self) -> Result<(), TlsError> {
        let new = server_config(&self.cert, &self.key)?;
        *self.config.write() = new;
        Ok(())
    }

    /// What holds now.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config.read())
    }
}

/// Reads a chain of certificates and its key, both PEM.
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
