//! What the library calculates with. Its own choices bring a C library or a second TLS library; here it is `ring`, which is in
//! the program already, and for what `ring` does not offer the AES of the RustCrypto project.

mod digest;
mod dtls;
mod srtp;

use str0m::config::CryptoProvider;

/// Everything that the library asks for.
pub(crate) const fn provider() -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &srtp::Srtp,
        sha1_hmac_provider: &digest::Digests,
        sha1_provider: &digest::Digests,
        sha256_provider: &digest::Digests,
        dtls_provider: &dtls::DtlsFactory,
    }
}
