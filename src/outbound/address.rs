//! Where we may connect to: the guard against server-side request forgery.
//!
//! A tenant names hosts for us to call. A literal address is checked when its URL is read, because an HTTP client never
//! asks a resolver about it; a name is checked on every connection, against every address that it resolves to, because
//! it may resolve differently each time. Not here: the connection itself.
//!
//! Invariant: unless private networks are allowed, no returned address is outside the global internet; one bad address
//! among many, an empty answer or a failing resolver refuse the whole name.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::domain::ids::Mode;

/// Which addresses may be called. The default is the strict one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Lets private and loopback addresses, and unencrypted connections in live mode, pass: for an installation inside
    /// one company's network, and for tests.
    pub allow_private: bool,
}

/// The system's resolver blocks a thread; one that hangs must not take them all.
static LOOKUPS: Semaphore = Semaphore::const_new(32);

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Not an absolute http or https URL with a host.
    #[error("not an absolute http or https URL")]
    NotHttp,
    /// Unencrypted, in live mode.
    #[error("live mode calls https URLs only")]
    NotEncrypted,
    /// `https://user:password@host/`: secrets in URLs end in logs.
    #[error("a URL must not carry a user name or a password")]
    UserInfo,
    /// Outside the global internet.
    #[error("private, local and reserved addresses are not called")]
    NotGlobal,
    /// No usable answer from the resolver.
    #[error("the host's name cannot be resolved")]
    Unresolved,
}

impl Policy {
    /// Reads a URL that a tenant gave. What passes may still be refused on connection, when its name resolves.
    ///
    /// # Errors
    /// [`Forbidden`], never [`Forbidden::Unresolved`].
    pub fn check_url(self, mode: Mode, text: &str) -> Result<Url, Forbidden> {
        let url = Url::parse(text).map_err(|_| Forbidden::NotHttp)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_private || mode == Mode::Test => {}
            "http" => return Err(Forbidden::NotEncrypted),
            _ => return Err(Forbidden::NotHttp),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::UserInfo);
        }
        self.check_host(url.host().ok_or(Forbidden::NotHttp)?)?;
        Ok(url)
    }

    /// Reads a bare host, such as a mail server's.
    ///
    /// # Errors
    /// [`Forbidden::NotGlobal`], or [`Forbidden::Unresolved`] for what can be no host at all.
    pub fn check_host_name(self, host: &str) -> Result<(), Forbidden> {
        self.check_host(Host::parse(host).map_err(|_| Forbidden::Unresolved)?)
    }

    fn check_host<S: AsRef<str>>(self, host: Host<S>) -> Result<(), Forbidden> {
        let global = match host {
            Host::Ipv4(address) => is_global(IpAddr::V4(address)),
            Host::Ipv6(address) => is_global(IpAddr::V6(address)),
            Host::Domain(name) => !is_local_name(name.as_ref()),
        };
        if global || self.allow_private { Ok(()) } else { Err(Forbidden::NotGlobal) }
    }

    /// The addresses behind `host` (a name or a literal), all of them allowed.
    ///
    /// # Errors
    /// [`Forbidden::Unresolved`] also when the resolver does not answer within `deadline`.
    pub async fn resolve(self, host: &str, port: u16, deadline: Duration) -> Result<Vec<SocketAddr>, Forbidden> {
        self.check_host_name(host)?;
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let lookup = async {
            let permit = LOOKUPS.acquire().await.ok()?;
            let resolved = tokio::task::spawn_blocking(move || {
                // Held until the resolver lets go, which a deadline cannot make it do.
                let _permit = permit;
                (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
            });
            resolved.await.ok()?.ok()
        };
        let found = tokio::time::timeout(deadline, lookup).await.ok().flatten().ok_or(Forbidden::Unresolved)?;
        self.admit(found)
    }

    fn admit(self, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Forbidden> {
        if found.is_empty() {
            return Err(Forbidden::Unresolved);
        }
        if self.allow_private || found.iter().all(|address| is_global(address.ip())) { Ok(found) } else { Err(Forbidden::NotGlobal) }
    }
}

/// Names that mean this machine or this network, whatever the resolver says (RFC 6761, RFC 6762, RFC 8375), and names with empty labels: `10.0.0.1..` is no address to
/// a URL parser, and may be one to a resolver.
fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let reserved = ["localhost", "local", "localdomain", "internal", "home.arpa", "onion", "test", "invalid"];
    name.split('.').any(str::is_empty)
        || reserved.iter().any(|last| name == *last || name.strip_suffix(last).is_some_and(|rest| rest.ends_with('.')))
}

/// What is not globally reachable in IPv4 (IANA special-purpose registry, RFC 6890), and one public address that only
/// answers from inside a cloud.
const NOT_GLOBAL_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),        // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // Azure's host agent
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, cloud metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24),  // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24),  // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(192, 175, 48, 0), 24),  // AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, broadcast
];

/// The only part of IPv6 that is assigned for global unicast. Outside it: loopback, mapped and compatible IPv4,
/// NAT64, discard, unique-local, link-local, site-local, multicast.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not globally reachable inside [`GLOBAL_V6`].
const NOT_GLOBAL_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments: Teredo, benchmarks, ORCHID
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether `address` is on the global internet, as far as the address alone tells.
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_GLOBAL_V4.iter().any(|(net, bits)| (v4.to_bits() ^ net.to_bits()).leading_zeros() >= *bits),
        IpAddr::V6(v6) => {
            let inside = |(net, bits): &(Ipv6Addr, u32)| (v6.to_bits() ^ net.to_bits()).leading_zeros() >= *bits;
            inside(&GLOBAL_V6) && !NOT_GLOBAL_V6.iter().any(inside)
        }
    }
}

#[cfg(test)]
mod corpus;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRICT: Policy = Policy { allow_private: false };

    /// Spellings of this machine, this network and reserved addresses.
    const INNER: &str = "
        127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.0.0.1. 0 0.0.0.0 127.0.0.1%2e
        %31%32%37.0.0.1 １２７.０.０.１ 127。0。0。1 127．0．0．1 127｡0｡0｡1 ①②⑦.0.0.1 10.0.0.1 0xa.1 167772161 012.0.0.1 172.16.0.1
        172.31.255.255 192.168.1.1 3232235777 169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518
        100.64.0.1 100.127.255.255 192.0.0.192 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1
        239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16 192.88.99.1 [::] [::1] [0:0:0:0:0:0:0:1]
        [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1] [::127.0.0.1] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1]
        [64:ff9b::10.0.0.1] [64:ff9b:1::a00:1] [2002:7f00:1::] [2002:a00:1::1] [2001:0:7f00:1::] [2001::1] [2001:db8::1]
        [3fff::1] [fc00::1] [fd00:ec2::254] [fe80::1] [fec0::1] [ff02::1] [100::1] [5f00::1] localhost LOCALHOST
        localhost. ｌｏｃａｌｈｏｓｔ a.localhost printer.local metadata.google.internal metadata.google.internal. x.home.arpa
    ";

    #[test]
    fn every_spelling_of_an_inner_address_is_refused() {
        for host in INNER.split_whitespace() {
            for scheme in ["http", "https"] {
                let url = format!("{scheme}://{host}:8080/a?b");
                assert!(STRICT.check_url(Mode::Test, &url).is_err(), "{url} passed");
            }
            assert!(STRICT.check_host_name(host).is_err(), "{host} passed");
        }
    }

    #[test]
    fn what_is_no_plain_web_address_is_refused() {
        let wrong = [
            ("ftp://example.com/", Forbidden::NotHttp),
            ("file:///etc/passwd", Forbidden::NotHttp),
            ("gopher://example.com/", Forbidden::NotHttp),
            ("//example.com/", Forbidden::NotHttp),
            ("example.com", Forbidden::NotHttp),
            ("http:///", Forbidden::NotHttp),
            ("https://user@example.com/", Forbidden::UserInfo),
            ("https://:secret@example.com/", Forbidden::UserInfo),
            ("https://example.com@127.0.0.1/", Forbidden::UserInfo),
            ("http://example.com/", Forbidden::NotEncrypted),
            ("https:\\\\127.0.0.1\\", Forbidden::NotGlobal),
            ("https://127.0.0.1#@example.com/", Forbidden::NotGlobal),
        ];
        for (url, why) in wrong {
            assert_eq!(STRICT.check_url(Mode::Live, url), Err(why), "{url}");
        }
        for fine in
            ["https://example.com/hook", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://xn--bcher-kva.example.com:8443/"]
        {
            assert!(STRICT.check_url(Mode::Live, fine).is_ok(), "{fine}");
        }
        assert!(STRICT.check_url(Mode::Test, "http://example.com/").is_ok());
        assert!(Policy { allow_private: true }.check_url(Mode::Live, "http://127.0.0.1:1/").is_ok());
    }

    #[test]
    fn one_inner_address_spoils_the_answer_and_none_is_no_answer() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 443);
        assert_eq!(STRICT.admit(vec![]), Err(Forbidden::Unresolved));
        assert_eq!(Policy { allow_private: true }.admit(vec![]), Err(Forbidden::Unresolved));
        assert_eq!(STRICT.admit(vec![at("8.8.8.8"), at("10.0.0.1")]), Err(Forbidden::NotGlobal));
        assert_eq!(STRICT.admit(vec![at("8.8.8.8"), at("::ffff:8.8.8.8")]), Err(Forbidden::NotGlobal));
        assert_eq!(STRICT.admit(vec![at("8.8.8.8"), at("2606:4700::1")]).map(|all| all.len()), Ok(2));
    }

    #[tokio::test]
    async fn a_failing_resolver_refuses() {
        let wait = Duration::from_secs(5);
        assert_eq!(STRICT.resolve("127.0.0.1", 80, wait).await, Err(Forbidden::NotGlobal));
        assert_eq!(STRICT.resolve("no such host", 80, wait).await, Err(Forbidden::Unresolved));
        assert_eq!(Policy { allow_private: true }.resolve("nowhere.invalid", 80, wait).await, Err(Forbidden::Unresolved));
        assert_eq!(Policy { allow_private: true }.resolve("127.0.0.1", 80, wait).await.map(|all| all.len()), Ok(1));
    }

    proptest! {
        #[test]
        fn agrees_with_the_standard_library(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let inner = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
            prop_assert!(!(inner && is_global(IpAddr::V4(address))));
            prop_assert!(!is_global(IpAddr::V6(address.to_ipv6_mapped())));
        }
    }
}
