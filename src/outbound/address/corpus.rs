//! Three hundred spellings of what must not be called, and what is left of a name once it resolves.

use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::outbound::{
    bench,
    net::{Deadlines, Failure, Net},
};

const STRICT: Policy = Policy { allow_private: false };

/// Hosts, one per word; what stands in a line is of one kind.
const HOSTS: &[(&str, &str)] = &[
    ("loopback in every base and length", "
        127.0.0.1 127.0.0.2 127.255.255.254 127.1 127.0.1 127.65535 127.16777215 2130706433 2130706434 0x7f000001 0x7F000001 0x7f.0.0.1 0x7f.1
        0x7f.0x0.0x0.0x1 0x7f.0.1 0177.0.0.1 0177.1 0177.0.0.01 00177.0.0.1 017700000001 0000000000000177.0.0.1 0x0000007f.1 127.0x1 127.00.00.01
        127.0.0.0x1 127.000.000.001 0x7f.0377.0377.0376"),
    ("trailing dots and percent signs", "
        127.0.0.1. 127.1. 2130706433. 0x7f000001. 127.0.0.1%2e %31%32%37.0.0.1 127%2e0%2e0%2e1 %30x7f.1 10.0.0.1. 169.254.169.254. 192.168.1.1. localhost. localhost%2e
        %6c%6f%63%61%6c%68%6f%73%74 loc%61lhost"),
    ("other scripts' dots and digits", "
        127。0。0。1 127．0．0．1 127｡0｡0｡1 １２７.0.0.1 １２７．０．０．１ ①②⑦.0.0.1 ①②⑦｡⓪｡⓪｡① 𝟏𝟐𝟕.0.0.1 𝟙𝟚𝟟.𝟘.𝟘.𝟙 ₁₂₇.0.0.1 ¹²⁷.0.0.1 １０．０．０．１ １６９。２５４。１６９。２５４ ⑯⑨.254.169.254
        ０x7f.1 0ｘ7f.1 ｌｏｃａｌｈｏｓｔ ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ℒocalhost localhoſt ｌocalhost． ⓂⒺⓉⒶⒹⒶⓉⒶ.ⒼⓄⓄⒼⓁⒺ.ⒾⓃⓉⒺⓇⓃⒶⓁ 127.0.0.1\u{ad}"),
    ("this network", "0 0.0.0.0 0.0.0.1 0x0 00 0.1 0.255.255.255 [::] [0::0] [0:0:0:0:0:0:0:0] [::0.0.0.0]"),
    ("private networks", "
        10.0.0.1 10.255.255.255 10.1 0xa.1 0xa000001 012.0.0.1 167772161 172.16.0.1 172.31.255.255 172.16.1 0xac.0x10.0.1 0254.020.0.1 2886729729 192.168.0.1 192.168.1.1
        192.168.257 192.11010305 0xc0a80101 0300.0250.1.1 3232235777 100.64.0.1 100.127.255.255 0x64.64.1 1681915905"),
    ("link-local and cloud metadata", "
        169.254.169.254 169.254.169.253 169.254.170.2 169.254.170.23 169.254.0.1 169.254.43518 169.16689662 2852039166 0xa9fea9fe 0xA9.0xFE.0xA9.0xFE 0251.0376.0251.0376
        0251.254.0xa9.254 025177524776 168.63.129.16 0xa83f8110 2822734096 192.0.0.192 100.100.100.200 [fd00:ec2::254] [fd20:ce::254] [fe80::a9fe:a9fe] [::ffff:169.254.169.254]
        [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::] metadata.google.internal metadata.google.internal. METADATA.GOOGLE.INTERNAL metadata.internal
        instance-data.ec2.internal kubernetes.default.svc.cluster.local host.docker.internal gateway.docker.internal vault.service.internal"),
    ("reserved, documentation, benchmarks, multicast", "
        192.0.0.1 192.0.0.8 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.250
        240.0.0.1 250.1.2.3 255.255.255.255 0xffffffff 4294967295 037777777777 0xe0.1 3758096385"),
    ("loopback in IPv6", "[::1] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] [::0:1] [::0.0.0.1]"),
    ("IPv4 inside IPv6: mapped, compatible, translated", "
        [::ffff:127.0.0.1] [::FFFF:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [0:0:0:0:0:ffff:7f00:0001] [::ffff:10.0.0.1] [::ffff:a00:1] [::ffff:192.168.1.1]
        [::ffff:172.16.0.1] [::ffff:0.0.0.0] [::ffff:8.8.8.8] [::127.0.0.1] [::7f00:1] [::10.0.0.1] [::ffff:0:127.0.0.1] [::ffff:0:7f00:1] [::ffff:0:10.0.0.1]"),
    ("NAT64, well known and local", "
        [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b::192.168.1.1] [64:ff9b::8.8.8.8] [64:ff9b:1::7f00:1] [64:ff9b:1::10.0.0.1] [64:ff9b:1:fffe::a00:1]"),
    ("6to4 and Teredo", "
        [2002:7f00:1::] [2002:7f00:0001::1] [2002:a00:1::1] [2002:c0a8:101::1] [2002:ac10:1::] [2002:e000:1::] [2002:808:808::1] [2001::1] [2001:0:7f00:1::]
        [2001:0:4136:e378:8000:63bf:80ff:fffe] [2001:0000::f5ff:fffe] [2001:10::1] [2001:20::1] [2001:2::1] [2001:4:112::1] [2001:1ff::1]"),
    ("other IPv6 that is not global", "
        [fc00::1] [fd00::1] [fdff:ffff::1] [fe80::1] [fe80:0000::1] [febf::1] [fec0::1] [feff::1] [ff00::1] [ff01::1] [ff02::1] [ff05::1:3] [ff0e::1] [100::1] [100:0:0:1::1]
        [200::1] [1::1] [4000::1] [5f00::1] [8000::1] [2001:db8::1] [2001:db8:ffff::1] [3fff::1] [3fff:fff::1] [2620:4f:8000::1]"),
    ("zone ids, and what is no address", "[fe80::1%eth0] [fe80::1%25eth0] [::1%lo] [::1%25lo] [::1%1] [fe80::1%25] [::1 [:::1] [::1]] [127.0.0.1] [localhost] [::ffff:127.1] [1.2.3] [::1.]"),
    ("names of this machine and this network", "
        localhost LOCALHOST LocalHost localhost.. a.localhost a.b.localhost localhost.localdomain ip6-localhost.localdomain box.localdomain printer.local _http._tcp.local
        wiki.internal x.home.arpa router.home.arpa x.onion example.test x.invalid invalid test local internal localdomain home.arpa"),
];

/// Whole URLs: schemes, user names, slashes, backslashes, fragments, empty hosts, wrong ports, control characters.
const URLS: &[&str] = &[
    "ftp://example.com/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://example.com:70/_x",
    "dict://example.com:11211/stat",
    "ldap://example.com/",
    "ws://example.com/",
    "wss://example.com/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "mailto:ann@example.com",
    "blob:https://example.com/x",
    "about:blank",
    "unix:/run/docker.sock",
    "jar:http://example.com!/",
    "http+unix://%2Frun%2Fdocker.sock/x",
    "//example.com/",
    "/path",
    "example.com",
    "example.com:443",
    "",
    " ",
    "https://",
    "https:///",
    "https://?",
    "https://#",
    "https://:443/",
    "https://@/",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://:secret@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:443@127.0.0.1/",
    "https://example.com%40@10.0.0.1/",
    "https://127.0.0.1\\@example.com/",
    "https://127.0.0.1#@example.com/",
    "https://127.0.0.1?@example.com/",
    "https://127.0.0.1/@example.com/",
    "https:\\\\127.0.0.1\\",
    "https:/127.0.0.1/",
    "https:127.0.0.1/",
    "https:///127.0.0.1/",
    "https:////127.0.0.1/",
    "\thttps://127.0.0.1/",
    "https://127.0.0.1\t/",
    "ht\ntps://127.0.0.1/",
    "https://127.0.\n0.1/",
    "https://127.0.0.1:99999/",
    "https://example.com:99999/",
    "https://example.com:-1/",
    "https://example.com:x/",
    "https://exa mple.com/",
    "https://exa<mple.com/",
    "https://example.com\u{0}.internal/",
    "https://256.256.256.256/",
    "https://127.0.0.1.1/",
    "https://0x7f.0.0.0.1/",
    "https://1.2.3.4.5/",
    "https://999999999999/",
    "https://[::1/",
    "https://::1/",
    "https://[::1]:99999/",
    "https://xn--/",
    "http://example.com/",
];

fn hosts() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().flat_map(|(_, hosts)| hosts.split_whitespace())
}

#[test]
fn three_hundred_spellings_are_refused() {
    assert!(hosts().count() + URLS.len() >= 300, "{}", hosts().count() + URLS.len());
    for host in hosts() {
        for url in [
            format!("https://{host}/"),
            format!("https://{host}:8443/a?b#c"),
            format!("https://{host}./"),
            format!("HTTPS:\\\\{host}\\x"),
            format!("http://{host}/"),
        ] {
            for mode in [Mode::Live, Mode::Test] {
                assert!(STRICT.check_url(mode, &url).is_err(), "{url:?} passed");
            }
        }
        assert!(STRICT.check_host_name(host).is_err(), "{host:?} passed as a mail server's name");
    }
    for url in URLS {
        assert!(STRICT.check_url(Mode::Live, url).is_err(), "{url:?} passed");
    }
    assert_eq!(Policy::default(), STRICT, "private networks are closed unless opened");
}

#[tokio::test]
async fn none_is_resolved_to_anything() {
    for host in hosts() {
        assert!(STRICT.resolve(host, 443, Duration::from_secs(5)).await.is_err(), "{host:?} resolved");
    }
}

/// The judge is the address that would be connected to: an answer may change between two questions, so each is judged anew, as a whole.
#[test]
fn what_a_resolver_says_is_judged_address_by_address() {
    let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 443);
    let literal = |host: &str| host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let inner: Vec<IpAddr> = hosts().filter_map(literal).collect();
    assert!(inner.len() > 120, "{}", inner.len());
    for address in inner {
        let bad = SocketAddr::new(address, 443);
        for answer in [vec![bad], vec![at("8.8.8.8"), bad], vec![bad, at("2606:4700::1111")], vec![at("8.8.8.8"), bad, at("1.1.1.1")]] {
            assert_eq!(STRICT.admit(answer), Err(Forbidden::NotGlobal), "{address}");
        }
    }
    assert_eq!(STRICT.admit(vec![at("8.8.8.8"), at("2606:4700::1111")]).map(|all| all.len()), Ok(2));
}

/// Nothing is connected to: a server listens on this machine, and hears of nobody.
#[tokio::test]
async fn no_spelling_of_this_machine_reaches_a_server_on_it() {
    let server = bench::http(bench::Script::Answer(200, "", "{}"));
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let strict = Net::new(STRICT, Deadlines { connect: Duration::from_millis(300), total: Duration::from_millis(600) }).unwrap();
    for host in
        hosts().filter(|host| host.contains("127") || host.contains("7f") || host.contains("::1") || host.to_lowercase().contains("local"))
    {
        match strict.post(Mode::Test, &format!("http://{host}:{port}/")) {
            Err(_) => {}
            Ok(request) => assert!(matches!(strict.call(request, chrono::DateTime::UNIX_EPOCH).await, Err(Failure::NotSent(_))), "{host}"),
        }
    }
    assert!(server.requests().is_empty());
}
