//! Where a request comes from. Anybody can write `X-Forwarded-For`: it is believed of our own proxies alone, from the right, as far as they reach.

use std::net::IpAddr;

use actix_web::HttpRequest;

use crate::domain::network::Network;

/// The caller's address: the other end of the connection or, behind proxies of ours, the last one that is none of them.
pub fn address(request: &HttpRequest, proxies: &[Network]) -> Option<IpAddr> {
    let lines = request.headers().get_all("x-forwarded-for").filter_map(|line| line.to_str().ok());
    behind(request.peer_addr()?.ip(), lines, proxies)
}

fn behind<'a>(peer: IpAddr, lines: impl Iterator<Item = &'a str>, proxies: &[Network]) -> Option<IpAddr> {
    let is_ours = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut address = peer.to_canonical();
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        if !is_ours(address) {
            break;
        }
        // A hop of our own proxy that is no address says that nobody knows where it comes from.
        address = hop.parse::<IpAddr>().ok()?.to_canonical();
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, lines: &[&str]) -> Option<String> {
        let proxies: Vec<Network> = ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        behind(peer.parse().unwrap(), lines.iter().copied(), &proxies).map(|address| address.to_string())
    }

    #[test]
    fn only_our_own_proxies_are_believed() {
        for (peer, lines, address) in [
            ("198.51.100.7", &[][..], Some("198.51.100.7")),
            ("198.51.100.7", &["203.0.113.9"], Some("198.51.100.7")),
            ("10.0.0.1", &["203.0.113.9"], Some("203.0.113.9")),
            ("::ffff:10.0.0.1", &["203.0.113.9"], Some("203.0.113.9")),
            ("10.0.0.1", &["192.0.2.1, 203.0.113.9"], Some("203.0.113.9")),
            ("10.0.0.1", &["192.0.2.1", "203.0.113.9, 10.0.0.2"], Some("203.0.113.9")),
            ("fd00::1", &["2001:db8::1"], Some("2001:db8::1")),
            ("10.0.0.1", &[], Some("10.0.0.1")),
            ("10.0.0.1", &["unknown"], None),
            ("10.0.0.1", &["203.0.113.9:1234"], None),
        ] {
            assert_eq!(from(peer, lines).as_deref(), address, "{peer} {lines:?}");
        }
    }
}
