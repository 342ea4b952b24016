//! TLS towards carriers: rustls with ring and the Mozilla roots, for the socket and for REST alike.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// A client configuration of its own; the process-wide default provider is neither needed nor set.
///
/// # Errors
/// When rustls and ring agree on no protocol version, which only a broken build can cause.
pub(super) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
