//! Signatures as `ssh-keygen -Y sign` makes them (OpenSSH `PROTOCOL.sshsig`), verified here: a process for each of hundreds
//! of statements would take too long.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use sha2::{Digest as _, Sha256};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, Mpint, PublicKey, SshSig};

/// What follows the signature proper of a security key: flags and a counter.
const SECURITY_KEY_TRAILER_BYTES: usize = 5;
/// The flag of a security key that says that a person touched it.
const TOUCHED: u8 = 1;

/// Verifies a signature over a message for one purpose, and returns the public key that made it, in the wire format.
///
/// `None` where it does not match, is not written exactly as `ssh-keygen` writes it, or is of a kind that is not read:
/// RSA below 2048 bits or with SHA-1, P-521, DSA, certificates.
#[must_use]
pub fn signer_of(signature: &str, namespace: &str, message: &[u8]) -> Option<Vec<u8>> {
    let parsed = SshSig::from_pem(signature).ok()?;
    // No other text stands for the same signature.
    let is_exact = parsed.to_pem(LineEnding::LF).is_ok_and(|exact| exact.trim_end() == signature);
    if !is_exact || parsed.namespace() != namespace || !parsed.reserved().is_empty() {
        return None;
    }
    let signed = SshSig::signed_data(namespace, parsed.hash_alg(), message).ok()?;
    let algorithm = parsed.signature().algorithm();
    matches(parsed.public_key(), &algorithm, &signed, parsed.signature_bytes()).then_some(())?;
    PublicKey::from(parsed.public_key().clone()).to_bytes().ok()
}

fn matches(key: &KeyData, algorithm: &Algorithm, signed: &[u8], signature: &[u8]) -> bool {
    match (key, algorithm) {
        (KeyData::Ed25519(key), Algorithm::Ed25519) => {
            UnparsedPublicKey::new(&ED25519, key.0).verify(signed, signature).is_ok()
        }
        (KeyData::SkEd25519(key), Algorithm::SkEd25519) => {
            let at = signature.len().saturating_sub(SECURITY_KEY_TRAILER_BYTES);
            let (signature, trailer) = signature.split_at(at);
            let by_token =
                [&Sha256::digest(key.application().as_bytes())[..], trailer, &Sha256::digest(signed)[..]].concat();
            let touched = trailer.first().is_some_and(|flags| flags & TOUCHED != 0);
            touched && UnparsedPublicKey::new(&ED25519, key.public_key().0).verify(&by_token, signature).is_ok()
        }
        (KeyData::Ecdsa(key), Algorithm::Ecdsa { curve }) if key.curve() == *curve => {
            let (method, width) = match key {
                EcdsaPublicKey::NistP256(_) => (&ECDSA_P256_SHA256_FIXED, 32),
                EcdsaPublicKey::NistP384(_) => (&ECDSA_P384_SHA384_FIXED, 48),
                EcdsaPublicKey::NistP521(_) => return false,
            };
            let Some(fixed) = both_numbers(signature, width) else { return false };
            UnparsedPublicKey::new(method, key.as_sec1_bytes()).verify(signed, &fixed).is_ok()
        }
        (KeyData::Rsa(key), Algorithm::Rsa { hash: Some(hash) }) => {
            let method = match hash {
                HashAlg::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                HashAlg::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                _ => return false,
            };
            let Some((n, e)) = key.n.as_positive_bytes().zip(key.e.as_positive_bytes()) else { return false };
            RsaPublicKeyComponents { n, e }.verify(method, signed, signature).is_ok()
        }
        _ => false,
    }
}

/// Puts the two numbers of an ECDSA signature side by side, each so many bytes wide.
fn both_numbers(mut signature: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut fixed = Vec::with_capacity(width * 2);
    for _ in 0..2 {
        let (length, rest) = signature.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        signature = rest;
        let number = Mpint::from_bytes(number).ok()?;
        let bytes = number.as_positive_bytes()?;
        fixed.resize(fixed.len() + width.checked_sub(bytes.len())?, 0);
        fixed.extend_from_slice(bytes);
    }
    signature.is_empty().then_some(fixed)
}
