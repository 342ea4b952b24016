//! The certificate by which a browser recognises us: it is signed by itself, and the answer tells its fingerprint (RFC 8122).

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use str0m::config::DtlsCert;

/// The certificate cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the certificate for calls in the browser cannot be made: {0}")]
pub struct NoIdentity(#[from] rcgen::Error);

/// Who we are to browsers. Cheap enough to be cloned for each call.
#[derive(Clone)]
pub struct Identity(DtlsCert);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// A new certificate with a new key. It tells nothing about the server; `serial` must be random, for Firefox takes two
    /// certificates of the same number for one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new(serial: u128) -> Result<Self, NoIdentity> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serial_number = Some(serial.to_be_bytes().to_vec().into());
        let certificate = params.self_signed(&key)?;
        Ok(Self(DtlsCert { certificate: certificate.der().to_vec(), private_key: key.serialize_der() }))
    }

    pub(crate) fn certificate(&self) -> DtlsCert {
        self.0.clone()
    }
}
