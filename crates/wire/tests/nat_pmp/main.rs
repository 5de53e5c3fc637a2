//! NAT-PMP by the octet (RFC 6886): what a server reads and answers, what a client writes and reads.

mod client;
mod properties;
mod server;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("hexadecimal"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "half an octet in {text}");
    let octets = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
    octets.map(|octet| u8::try_from(octet).expect("an octet")).collect()
}
