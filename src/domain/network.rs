//! Networks by their addresses: from where a key works, and which proxies are believed.
//!
//! Invariant: a network's own address has no bits beyond its prefix, so that each network has one spelling.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A network in CIDR notation: `192.0.2.0/24`, `2001:db8::/32`; a single address is one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network; write one such as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7, with nothing behind the prefix")]
pub struct WrongNetwork;

impl Network {
    /// Whether the address is in it. An IPv4 address that came in IPv6's clothes is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = WrongNetwork;
    fn from_str(text: &str) -> Result<Self, WrongNetwork> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| WrongNetwork)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => whole,
            // `+8` and `08` are numbers to Rust, and no spelling of a prefix.
            Some(digits) => digits.parse().ok().filter(|bits: &u32| *bits <= whole && bits.to_string() == digits).ok_or(WrongNetwork)?,
        };
        let trailing = match address {
            IpAddr::V4(own) => own.to_bits().trailing_zeros(),
            IpAddr::V6(own) => own.to_bits().trailing_zeros(),
        };
        if trailing + bits < whole || address.to_canonical() != address {
            return Err(WrongNetwork);
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Network {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("A network in CIDR notation, or a single address."))
            .pattern(Some("^[0-9a-fA-F.:]{2,39}(/[0-9]{1,3})?$"))
            .max_length(Some(43))
            .examples([serde_json::json!("192.0.2.0/24")])
            .into()
    }
}
impl utoipa::ToSchema for Network {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_its_own_addresses_alone() {
        for (net, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "11.0.0.0"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "::1", "10.0.0.1"),
        ] {
            assert!(network(net).contains(inside.parse().unwrap()), "{net} {inside}");
            assert!(!network(net).contains(outside.parse().unwrap()), "{net} {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10/8",
            "::/129",
            "::ffff:10.0.0.0/104",
            "a.example",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(WrongNetwork), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back(address: u32, bits in 0u32..=32) {
            let kept = if bits == 0 { 0 } else { address & (u32::MAX << (32 - bits)) };
            let text = format!("{}/{bits}", std::net::Ipv4Addr::from_bits(kept));
            let parsed = network(&text);
            let is_inside = parsed.contains(std::net::Ipv4Addr::from_bits(address).into());
            prop_assert_eq!(parsed.to_string(), text);
            prop_assert!(is_inside);
        }
    }
}
