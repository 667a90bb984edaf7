//! How far this server goes at a tenant's wish: addresses that tenants name must not lead into the deployment's own
//! network.
//!
//! A name can resolve to anything, and to something else a moment later. So a host is judged twice: as it is written,
//! where it is configured ([`Reach::allows_host`]), and by each resolved address, where the connection is made
//! ([`Reach::allows`]).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which hosts may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those on the public internet, with TLS.
    Public,
    /// Any: for simulators, and for deployments that trust their tenants with the network.
    Anywhere,
}

impl Reach {
    /// The reach that a deployment's setting gives its tenants.
    #[must_use]
    pub const fn of_tenants(private_urls: bool) -> Self {
        if private_urls { Self::Anywhere } else { Self::Public }
    }

    /// Whether this address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        self == Self::Anywhere || is_public(address)
    }

    /// Whether a host may be named: an address (IPv6 with or without brackets) or a name, which is judged again once
    /// it is resolved.
    #[must_use]
    pub fn allows_host(self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        self == Self::Anywhere || bare.parse().map_or_else(|_| is_public_name(bare), is_public)
    }
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let has_dot = name.contains('.');
    has_dot && ![".localhost", ".local", ".internal", ".home.arpa"].iter().any(|suffix| name.ends_with(suffix))
}

/// Whether an address lies on the public internet (IANA special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || first == 0
        // Carriers' own (RFC 6598), protocol assignments, 6to4 relays, benchmarks (RFC 2544).
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && (18..20).contains(&second))
        // Multicast, reserved, broadcast.
        || first >= 224;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    // Global unicast is 2000::/3; of it, protocol assignments (with Teredo), documentation and 6to4 are out.
    // NAT64 (64:ff9b::/96) and old IPv4-compatible addresses lie outside of it.
    let is_global = first & 0xe000 == 0x2000;
    let is_special = match first {
        0x2001 => second < 0x0200 || second == 0x0db8,
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_inside_are_for_those_who_may_go_anywhere() {
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "[::1]",
            "::",
            "[::ffff:10.0.0.1]",
            "fd00::1",
            "fe80::1",
            "2002:a00:1::",
            "2001:db8::1",
            "64:ff9b::a00:1",
            "localhost",
            "LOCALHOST.",
            "db",
            "",
            "2130706433",
            "metadata.google.internal",
            "printer.local",
            "mail.home.arpa",
        ];
        for host in inside {
            assert!(!Reach::Public.allows_host(host), "{host}");
            assert!(Reach::Anywhere.allows_host(host), "{host}");
        }
        for host in ["mail.example.com", "mail.example.com.", "1.1.1.1", "[2606:4700::1111]", "2606:4700::1111"] {
            assert!(Reach::Public.allows_host(host), "{host}");
        }
        assert!(Reach::Public.allows(Ipv4Addr::new(9, 9, 9, 9).into()));
        assert!(
            !Reach::Public.allows(Ipv4Addr::LOCALHOST.into()) && Reach::Anywhere.allows(Ipv4Addr::LOCALHOST.into())
        );
    }
}
