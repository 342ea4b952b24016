//! Ciphers of SRTP: AES in counter mode with HMAC-SHA1 (RFC 3711, section 4.1.1) and AES-GCM (RFC 7714).

use std::fmt;

use aes::cipher::{Block, BlockCipherEncrypt, KeyInit, KeyIvInit as _, StreamCipher as _};
use aes::{Aes128, Aes256};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, Tag, UnboundKey};
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

type Counter = ctr::Ctr128BE<Aes128>;

/// Length of a block of AES, bytes.
const BLOCK: usize = 16;
/// Length of the tag of GCM, bytes.
const TAG: usize = 16;
/// Longest header and trailer that are authenticated and not encrypted: an RTP header with extensions, bytes.
const LONGEST_AAD: usize = 512;

#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Srtp
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Srtp
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Srtp
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        round::<Aes128>(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        round::<Aes256>(key, input, output);
    }
}

/// One block through AES, for the derivation of keys. `output` takes a second block, which nobody reads.
fn round<C: KeyInit + BlockCipherEncrypt>(key: &[u8], input: &[u8], output: &mut [u8]) {
    let (Ok(cipher), Ok(mut block)) = (C::new_from_slice(key), Block::<C>::try_from(input)) else { return };
    cipher.encrypt_block(&mut block);
    for (byte, made) in output.iter_mut().zip(&block) {
        *byte = *made;
    }
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(CounterMode(key))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm::new(&AES_128_GCM, &key))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm::new(&AES_256_GCM, &key))
    }
}

struct CounterMode([u8; BLOCK]);

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CounterMode").finish_non_exhaustive()
    }
}

impl Aes128CmSha1_80Cipher for CounterMode {
    fn encrypt(&mut self, iv: &[u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let out = output.get_mut(..input.len()).ok_or_else(too_small)?;
        Counter::new(&self.0.into(), &(*iv).into())
            .try_apply_keystream_b2b(input, out)
            .map_err(|error| CryptoError::Other(error.to_string()))
    }

    fn decrypt(&mut self, iv: &[u8; BLOCK], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.encrypt(iv, input, output)
    }
}

/// `None` for a key of another length than the algorithm's, which nobody makes.
struct Gcm(Option<LessSafeKey>);

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gcm").finish_non_exhaustive()
    }
}

impl Gcm {
    fn new(algorithm: &'static Algorithm, key: &[u8]) -> Self {
        Self(UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new))
    }

    fn key(&self) -> Result<&LessSafeKey, CryptoError> {
        self.0.as_ref().ok_or_else(|| CryptoError::Other("a key of the wrong length".into()))
    }

    fn seal(&self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let (text, tag) = output
            .get_mut(..input.len() + TAG)
            .and_then(|out| out.split_at_mut_checked(input.len()))
            .ok_or_else(too_small)?;
        text.copy_from_slice(input);
        let made = self
            .key()?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(*iv), Aad::from(aad), text)
            .map_err(|_| CryptoError::Other("it cannot be encrypted".into()))?;
        tag.copy_from_slice(made.as_ref());
        Ok(())
    }

    fn open(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let mut joined = [0; LONGEST_AAD];
        let mut length = 0;
        for aad in aads {
            joined.get_mut(length..length + aad.len()).ok_or_else(too_small)?.copy_from_slice(aad);
            length += aad.len();
        }
        let aad = Aad::from(joined.get(..length).unwrap_or_default());
        let forged = || CryptoError::Other("it is not what the other side encrypted".into());
        let (sealed, tag) = input.split_last_chunk::<TAG>().ok_or_else(forged)?;
        let text = output.get_mut(..sealed.len()).ok_or_else(too_small)?;
        text.copy_from_slice(sealed);
        let opened = self
            .key()?
            .open_in_place_separate_tag(Nonce::assume_unique_for_key(*iv), aad, Tag::from(*tag), text, 0..)
            .map_err(|_| forged())?;
        Ok(opened.len())
    }
}

impl AeadAes128GcmCipher for Gcm {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

impl AeadAes256GcmCipher for Gcm {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

fn too_small() -> CryptoError {
    CryptoError::Other("there is no room for it".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    /// RFC 3711, appendix B.2.
    #[test]
    fn counter_mode_makes_the_key_stream_of_the_standard() {
        let key: [u8; 16] = bytes("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
        let iv: [u8; 16] = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut out = [0; 32];
        CounterMode(key).encrypt(&iv, &[0; 32], &mut out).unwrap();
        assert_eq!(out.to_vec(), bytes("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"));
    }

    /// RFC 3711, appendix B.3: the first block of a derived key.
    #[test]
    fn keys_are_derived_as_the_standard_does() {
        let (key, input) =
            (bytes("E1F97A0D3E018BE0D64FA32C06DE4139"), bytes("0EC675AD498AFEEBB6960B3AABE60000"));
        let mut out = [0; 32];
        Srtp.srtp_aes_128_ecb_round(&key, &input, &mut out);
        assert_eq!(out[..16].to_vec(), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    }

    /// RFC 7714, section 16.1.1.
    #[test]
    fn gcm_encrypts_the_packet_of_the_standard_and_notices_a_changed_one() {
        let key = bytes("000102030405060708090a0b0c0d0e0f");
        let iv: [u8; 12] = bytes("51753c6580c2726f20718414").try_into().unwrap();
        let header = bytes("8040f17b8041f8d35501a0b2");
        let text = bytes("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
        let sealed = bytes(
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
             899d7f27beb16a9152cf765ee4390cce",
        );
        let gcm = Gcm::new(&AES_128_GCM, &key);
        let mut out = vec![0; text.len() + TAG];
        gcm.seal(&iv, &header, &text, &mut out).unwrap();
        assert_eq!(out, sealed);
        let mut back = vec![0; text.len()];
        let (first, rest) = header.split_at(5);
        assert_eq!(gcm.open(&iv, &[first, rest], &sealed, &mut back).unwrap(), text.len());
        assert_eq!(back[..text.len()], text);
        assert!(gcm.open(&iv, &[rest], &sealed, &mut back).is_err());
        assert!(gcm.open(&iv, &[&[0; LONGEST_AAD + 1]], &sealed, &mut back).is_err());
        assert!(gcm.seal(&iv, &header, &text, &mut [0; 4]).is_err());
    }
}
