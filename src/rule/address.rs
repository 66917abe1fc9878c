//! Ranges of addresses that may call.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::error::{Fault, RuleError};

/// An `ip-range`: networks, judged from left to right.
#[derive(Debug)]
pub struct AddressRange(Vec<Result<IpNet, String>>);

impl AddressRange {
    /// Reads addresses and networks, separated by blanks. A lone address is just that one; where adnanh/webhook makes
    /// `/32` of an IPv6 address too, and lets a large part of the Internet in.
    pub fn parse(text: &str) -> AddressRange {
        AddressRange(text.split_whitespace().map(network).collect())
    }

    /// Whether the caller is in one of the networks. A broken entry is an error once it is reached.
    ///
    /// upstream: internal/hook/hook.go CheckIPWhitelist. Headers of proxies are not asked.
    pub fn contains<'r>(&'r self, remote: &'r str) -> Result<bool, RuleError<'r>> {
        let broken = |fault| Err(RuleError::Broken(fault));
        let Some(caller) = address(remote) else { return broken(Fault::Peer(remote)) };
        for network in &self.0 {
            match network {
                Ok(network) if network.contains(&caller) => return Ok(true),
                Ok(_) => {}
                Err(entry) => return broken(Fault::Range(entry)),
            }
        }
        Ok(false)
    }

    /// The entries that are no networks.
    pub fn broken(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| entry.as_ref().err().map(String::as_str))
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anybody may be in it.
    pub fn is_everybody(&self) -> bool {
        self.0.iter().flatten().any(|network| network.prefix_len() == 0)
    }
}

/// `ip:port`, `[ip]:port` or an address alone.
fn address(remote: &str) -> Option<IpAddr> {
    let (host, _) = remote.rsplit_once(':').unwrap_or((remote, ""));
    host.trim_matches([' ', '[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// One entry; the error is its text as the peer would complain of it.
///
/// upstream: net.ParseCIDR and IPNet.Contains. Bits behind the prefix may be set; a network of mapped addresses,
/// `::ffff:10.0.0.0/104`, holds IPv4 callers, while `::/0` holds none.
fn network(entry: &str) -> Result<IpNet, String> {
    let (host, prefix) = match entry.split_once('/') {
        Some((host, prefix)) => (host, prefix),
        None if entry.contains(':') => (entry, "128"),
        None => (entry, "32"),
    };
    let is_number = !prefix.is_empty() && prefix.bytes().all(|digit| digit.is_ascii_digit());
    let parsed = host.parse::<IpAddr>().ok().zip(prefix.parse::<u8>().ok().filter(|_| is_number));
    let network = parsed.and_then(|(host, prefix)| IpNet::new(host, prefix).ok());
    match network.ok_or_else(|| format!("{host}/{prefix}"))?.trunc() {
        IpNet::V6(net) if net.prefix_len() >= 96 => match net.network().to_ipv4_mapped() {
            Some(mapped) => Ipv4Net::new(mapped, net.prefix_len() - 96).map(IpNet::V4).map_err(|_| entry.to_owned()),
            None => Ok(IpNet::V6(net)),
        },
        network => Ok(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_found_in_ranges() {
        let v4 = "127.0.0.1:4711";
        for (range, remote, found) in [
            ("127.0.0.1", v4, Ok(true)),
            ("10.0.0.0/8\t127.9.9.9/8", v4, Ok(true)),
            ("10.0.0.0/8 10.0.0.1", v4, Ok(false)),
            ("", v4, Ok(false)),
            ("::/0", v4, Ok(false)),
            ("::ffff:127.0.0.1", v4, Ok(true)),
            ("::ffff:0:0/96", v4, Ok(true)),
            ("127.0.0.1 bogus", v4, Ok(true)),
            ("bogus 127.0.0.1", v4, Err("invalid CIDR address: bogus/32")),
            ("10.0.0.0/8,127.0.0.1", v4, Err("invalid CIDR address: 10.0.0.0/8,127.0.0.1")),
            ("127.0.0.1/33", v4, Err("invalid CIDR address: 127.0.0.1/33")),
            ("127.0.0.1/+8", v4, Err("invalid CIDR address: 127.0.0.1/+8")),
            ("127.0.0.1/08", v4, Ok(true)),
            ("127.000.0.1", v4, Err("invalid CIDR address: 127.000.0.1/32")),
            ("::1", "[::1]:9", Ok(true)),
            ("::1", "[::2]:9", Ok(false)),
            ("::/32", "[::2]:9", Ok(true)),
            ("0.0.0.0/0", "[::2]:9", Ok(false)),
            ("10.0.0.0/8", "[::ffff:10.1.1.1]:9", Ok(true)),
            ("", "@", Err("invalid IP address found in remote address '@'")),
            ("fe80::/10", "[fe80::1%2]:9", Err("invalid IP address found in remote address '[fe80::1%2]:9'")),
        ] {
            let judged = AddressRange::parse(range);
            let judged = judged.contains(remote).map_err(|why| why.to_string());
            assert_eq!(judged, found.map_err(str::to_owned), "{remote} in {range:?}");
        }
    }
}
