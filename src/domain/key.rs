//! Tokens that open something: an API key, one debtor's page, a path where a provider delivers receipts.
//!
//! All have one shape: a prefix that says what it is, 65 base62 digits of the tenant's UUID (16 bytes) and a secret
//! (32 random bytes), 6 base62 digits of the CRC-32 over all before them.
//!
//! ```text
//! rlk_live_…  rlk_test_…  rlk_platform_…  rlp_live_…  rlp_test_…  rli_…
//! ```
//!
//! The tenant inside lets the first look-up name its partition. The checksum lets a mistyped token be refused without any
//! look-up, and scanners of leaked secrets be sure. Not here: which tokens exist; the store keeps digests, never
//! tokens. Invariant: a [`Token`] was well formed, and its prefix is the one of its partition. That it is *valid* only a
//! stored digest can say.

use std::fmt;

use super::{
    crypto::{Hash, Unavailable, random, same, sha256},
    ids::{Mode, TenantId},
};

/// 62^65 > 2^384: digits of tenant and secret.
const BODY_DIGITS: usize = 65;
/// 62^6 > 2^32: digits of the checksum.
const SUM_DIGITS: usize = 6;

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The API: `rlk_live_`, `rlk_test_`, `rlk_platform_`.
    ApiKey,
    /// What one debtor owes: `rlp_live_`, `rlp_test_`.
    Publishable,
    /// The path where a provider delivers receipts: `rli_`.
    Inbound,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::ApiKey, Self::Publishable, Self::Inbound];

    /// What a token of this purpose and that partition begins with.
    fn prefix(self, tenant: TenantId) -> &'static str {
        match (self, tenant.mode()) {
            (Self::ApiKey, _) if tenant.is_platform() => "rlk_platform_",
            (Self::ApiKey, Mode::Live) => "rlk_live_",
            (Self::ApiKey, Mode::Test) => "rlk_test_",
            (Self::Publishable, Mode::Live) => "rlp_live_",
            (Self::Publishable, Mode::Test) => "rlp_test_",
            (Self::Inbound, _) => "rli_",
        }
    }
}

/// What a token says before anything is looked up. It no longer holds the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it opens.
    pub purpose: Purpose,
    /// In which partition.
    pub tenant: TenantId,
    /// SHA-256 of the whole text: what the store keeps. The secret's 256 bits make a slow hash needless.
    pub digest: Hash,
    /// The last four characters, by which its owner recognises it.
    pub last4: String,
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongToken {
    /// Another length, prefix or alphabet.
    #[error("not a key; it begins with rlk_live_, rlk_test_, rlk_platform_, rlp_live_ or rlp_test_ and is used whole")]
    Shape,
    /// Mistyped or cut.
    #[error("the key's checksum does not match: it was mistyped or cut")]
    Checksum,
    /// Well formed, but its prefix belongs to another partition.
    #[error("the key's prefix is not the one of its partition")]
    Prefix,
}

impl Token {
    /// Reads a token of any purpose.
    ///
    /// # Errors
    /// For any text that [`NewToken::generate`] cannot have made.
    pub fn parse(text: &str) -> Result<Self, WrongToken> {
        let (rest, sum) = text.split_at_checked(text.len().saturating_sub(SUM_DIGITS)).ok_or(WrongToken::Shape)?;
        let (prefix, body) = rest.split_at_checked(rest.len().saturating_sub(BODY_DIGITS)).ok_or(WrongToken::Shape)?;
        let body: [u8; 48] = decode(body).ok_or(WrongToken::Shape)?;
        let sum: [u8; 4] = decode(sum).ok_or(WrongToken::Shape)?;
        if u32::from_be_bytes(sum) != crc32(rest.as_bytes()) {
            return Err(WrongToken::Checksum);
        }
        let (tenant, _) = body.split_first_chunk::<16>().ok_or(WrongToken::Shape)?;
        let tenant = TenantId::from_uuid(uuid::Uuid::from_bytes(*tenant));
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.prefix(tenant) == prefix).ok_or(WrongToken::Prefix)?;
        let last4 = text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned();
        Ok(Self { purpose, tenant, digest: sha256(&[text.as_bytes()]), last4 })
    }

    /// Whether this is the token whose digest was stored; takes the same time either way.
    pub fn is(&self, stored: &[u8]) -> bool {
        same(&self.digest, stored)
    }
}

/// A token just made: the one time that its text exists.
pub struct NewToken {
    /// What the store keeps.
    pub token: Token,
    text: String,
}

impl NewToken {
    /// A fresh token for `tenant`; for API keys, the partition decides the prefix.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn generate(purpose: Purpose, tenant: TenantId) -> Result<Self, Unavailable> {
        let body = [tenant.uuid().as_bytes().as_slice(), &random::<32>()?].concat();
        let mut text = purpose.prefix(tenant).to_owned();
        text.push_str(&encode(&body, BODY_DIGITS));
        text.push_str(&encode(&crc32(text.as_bytes()).to_be_bytes(), SUM_DIGITS));
        Ok(Self { token: Token::parse(&text).map_err(|_| Unavailable)?, text })
    }

    /// The text, to be shown once and kept nowhere.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewToken(…{})", self.token.last4)
    }
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A big-endian number in base62, filled with zeros to `width` digits, which must suffice.
fn encode(number: &[u8], width: usize) -> String {
    let mut number = number.to_vec();
    let mut digits: Vec<char> =
        (0..width).filter_map(|_| DIGITS.get(usize::from(divide(&mut number)))).map(|digit| char::from(*digit)).collect();
    digits.reverse();
    digits.into_iter().collect()
}

/// The inverse of [`encode`]; `None` for a foreign character or a number of more than `N` bytes.
fn decode<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut number = [0; N];
    for byte in digits.bytes() {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        let mut carry = u16::try_from(digit).ok()?;
        for place in number.iter_mut().rev() {
            let [high, low] = (u16::from(*place) * 62 + carry).to_be_bytes();
            (*place, carry) = (low, u16::from(high));
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// Divides a big-endian number by 62, in place; gives the remainder.
fn divide(number: &mut [u8]) -> u8 {
    number.iter_mut().fold(0, |rest, place| {
        let value = u16::from_be_bytes([rest, *place]);
        let [_, quotient] = (value / 62).to_be_bytes();
        let [_, rest] = (value % 62).to_be_bytes();
        *place = quotient;
        rest
    })
}

/// CRC-32 as in ISO 3309 and PNG, bit by bit: tokens are short, a table would be longer than they are.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1))))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn tenant() -> TenantId {
        TenantId::new(DateTime::UNIX_EPOCH)
    }

    #[test]
    fn each_kind_has_its_prefix_and_one_length() {
        let cases = [
            (Purpose::ApiKey, tenant(), "rlk_live_"),
            (Purpose::ApiKey, tenant().in_mode(Mode::Test), "rlk_test_"),
            (Purpose::ApiKey, TenantId::PLATFORM, "rlk_platform_"),
            (Purpose::Publishable, tenant(), "rlp_live_"),
            (Purpose::Publishable, tenant().in_mode(Mode::Test), "rlp_test_"),
            (Purpose::Inbound, tenant().in_mode(Mode::Test), "rli_"),
        ];
        for (purpose, tenant, prefix) in cases {
            let new = NewToken::generate(purpose, tenant).unwrap();
            assert!(new.reveal().starts_with(prefix));
            assert_eq!(new.reveal().len(), prefix.len() + 71);
            let token = Token::parse(new.reveal()).unwrap();
            assert_eq!((token.purpose, token.tenant, &token), (purpose, tenant, &new.token));
            assert!(new.reveal().ends_with(&token.last4) && token.is(&sha256(&[new.reveal().as_bytes()])));
            assert!(!token.is(&[0; 32]) && !token.is(&[]));
            assert!(!format!("{new:?}{token:?}").contains(new.reveal().get(20..40).unwrap()));
        }
    }

    #[test]
    fn every_changed_character_is_refused() {
        let new = NewToken::generate(Purpose::ApiKey, tenant()).unwrap();
        let text = new.reveal().as_bytes();
        let is_refused = |bytes: &[u8]| Token::parse(std::str::from_utf8(bytes).unwrap()).is_err();
        for at in 0..text.len() {
            for letter in DIGITS.iter().chain(b"_- \n").filter(|letter| **letter != text[at]) {
                let mut other = text.to_vec();
                other[at] = *letter;
                assert!(is_refused(&other), "{at}: {letter}");
            }
            assert!(is_refused(&text[..at]) && is_refused(&text[at + 1..]));
        }
        assert!(is_refused(&[text, b" "].concat()));
        assert_eq!(Token::parse(&"é".repeat(40)), Err(WrongToken::Shape));
    }

    /// A token with a right checksum and a wrong prefix: the work of hands.
    #[test]
    fn a_prefix_belongs_to_its_partition() {
        let forge = |prefix: &str, tenant: TenantId| {
            let body = encode(&[tenant.uuid().as_bytes().as_slice(), &[7; 32]].concat(), BODY_DIGITS);
            let text = format!("{prefix}{body}");
            let sum = encode(&crc32(text.as_bytes()).to_be_bytes(), SUM_DIGITS);
            Token::parse(&format!("{text}{sum}"))
        };
        let test = tenant().in_mode(Mode::Test);
        assert!(forge("rlk_live_", tenant()).is_ok());
        for (prefix, tenant) in [
            ("rlk_live_", test),
            ("rlk_test_", tenant()),
            ("rlk_platform_", tenant()),
            ("rlk_live_", TenantId::PLATFORM),
            ("rlk_", tenant()),
            ("", tenant()),
            ("xrlk_live_", tenant()),
        ] {
            assert_eq!(forge(prefix, tenant), Err(WrongToken::Prefix), "{prefix}");
        }
    }

    #[test]
    fn the_checksum_is_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn base62_fits_and_overflows() {
        assert_eq!(decode::<48>(&encode(&[255; 48], BODY_DIGITS)), Some([255; 48]));
        assert_eq!(encode(&[255; 4], SUM_DIGITS), "4gfFC3");
        assert_eq!(decode::<4>("4gfFC4"), None);
        assert_eq!(decode::<4>("zzzzzz"), None);
        assert_eq!(decode::<4>("00000-"), None);
    }

    proptest! {
        #[test]
        fn base62_is_read_back(bytes in any::<[u8; 32]>(), sum in any::<u32>()) {
            prop_assert_eq!(decode::<32>(&encode(&bytes, 43)), Some(bytes));
            prop_assert_eq!(decode::<4>(&encode(&sum.to_be_bytes(), SUM_DIGITS)), Some(sum.to_be_bytes()));
        }

        #[test]
        fn no_text_breaks_the_parser(text in ".{0,120}") {
            prop_assert!(Token::parse(&text).is_err());
        }
    }
}
