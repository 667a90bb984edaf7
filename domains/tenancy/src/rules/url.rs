//! Addresses that this server calls at a tenant's wish: they must not lead into the deployment's own network.
//!
//! Only the literal address is judged here. A name can resolve to anything, so whoever connects must ask
//! [`is_public`] about each resolved address as well.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::FieldProblem;

const MAX_LEN: usize = 2_048;

/// Checks an address: `https`, a public host, no user name, no fragment. With `private` both `http` and private
/// hosts are allowed: for simulators, demos and tests.
pub(crate) fn check_outward(pointer: &str, text: &str, private: bool) -> Result<(), FieldProblem> {
    let refuse = |problem| Err(FieldProblem::new(pointer, problem));
    if text.len() > MAX_LEN {
        return refuse("must be at most 2,048 characters");
    }
    let Ok(url) = Url::parse(text) else { return refuse("must be an absolute address") };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse("must have no user name, password or fragment");
    }
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        _ => return refuse("must be https"),
    }
    let is_public_host = match url.host() {
        Some(Host::Domain(name)) => is_public_name(name),
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        None => return refuse("must have a host"),
    };
    if is_public_host || private { Ok(()) } else { refuse("must be a public host") }
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let has_dot = name.contains('.');
    has_dot && ![".localhost", ".local", ".internal", ".home.arpa"].iter().any(|suffix| name.ends_with(suffix))
}

/// Whether an address lies on the public internet (IANA special-purpose registries).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
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
