//! Which addresses programs of this machine listen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::mapping::Protocol;

/// The addresses on which sockets of this machine take what comes for a port, each once; `None` where the system does
/// not tell, which is everywhere but on Linux.
pub(crate) fn listeners(protocol: Protocol, port: u16) -> Option<Vec<IpAddr>> {
    let (v4, v6) = match protocol {
        Protocol::Tcp => ("/proc/net/tcp", "/proc/net/tcp6"),
        Protocol::Udp => ("/proc/net/udp", "/proc/net/udp6"),
    };
    let v4 = std::fs::read_to_string(v4).ok()?;
    // A kernel without IPv6 has no such file.
    let v6 = std::fs::read_to_string(v6).unwrap_or_default();
    let mut addresses: Vec<_> = v4
        .lines()
        .chain(v6.lines())
        .filter_map(|line| listening(line, protocol))
        .filter(|(_, listens_on)| *listens_on == port)
        .map(|(address, _)| address)
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Some(addresses)
}

/// Address and port of a line of `/proc/net/tcp` and the like (proc_pid_net(5)), if it is of a socket that listens.
fn listening(line: &str, protocol: Protocol) -> Option<(IpAddr, u16)> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let listens = match protocol {
        // TCP_LISTEN, and TCP_CLOSE, which for UDP means that it takes from everybody.
        Protocol::Tcp => "0A",
        Protocol::Udp => "07",
    };
    if state != listens {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    Some((address_of(address)?, u16::from_str_radix(port, 16).ok()?))
}

/// An address printed as words of 32 bits, each in the machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (part, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                part.copy_from_slice(&word(at)?);
            }
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_proc_are_read() {
        let listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1";
        let expected = Some(("127.0.0.1".parse().unwrap(), 8080));
        assert_eq!(listening(listens, Protocol::Tcp), expected);
        assert_eq!(listening(listens, Protocol::Udp), None);
        let any = "   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 0:0 0";
        assert_eq!(listening(any, Protocol::Tcp), Some(("::".parse().unwrap(), 22)));
        let one = "   2: 000080FE00000000FF565002BD69B1FE:0035 00000000000000000000000000000000:0000 07 0:0 0:0 0";
        let expected = Some(("fe80::250:56ff:feb1:69bd".parse().unwrap(), 53));
        assert_eq!(listening(one, Protocol::Udp), expected);
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        for line in [
            head,
            "",
            "x",
            "1: 0100:1 0 0A",
            "1: 0100007F 0 0A",
            "1: 0100007F:1F90F 0 0A",
        ] {
            assert_eq!(listening(line, Protocol::Tcp), None, "{line}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn sockets_of_this_machine_are_found_and_no_others() {
        let tcp = TcpListener::bind("127.7.8.9:0").unwrap();
        let udp = UdpSocket::bind("127.7.8.9:0").unwrap();
        let here: Vec<IpAddr> = vec!["127.7.8.9".parse().unwrap()];
        let tcp_port = tcp.local_addr().unwrap().port();
        assert_eq!(listeners(Protocol::Tcp, tcp_port), Some(here.clone()));
        assert_eq!(listeners(Protocol::Udp, udp.local_addr().unwrap().port()), Some(here));
        assert_eq!(listeners(Protocol::Tcp, 0), Some(vec![]));
    }
}
