//! CRC-32 as in IEEE 802.3, reflected (polynomial 0xEDB88320), four bytes a step.

/// The CRC of `bytes`, continued from that of what precedes them; 0 at the beginning.
pub(crate) fn crc32(before: u32, bytes: &[u8]) -> u32 {
    let mut crc = !before;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let [a, b, c, d] = crc.to_le_bytes();
        crc = TABLES[3][usize::from(a ^ word[0])]
            ^ TABLES[2][usize::from(b ^ word[1])]
            ^ TABLES[1][usize::from(c ^ word[2])]
            ^ TABLES[0][usize::from(d ^ word[3])];
    }
    for byte in words.remainder() {
        crc = (crc >> 8) ^ TABLES[0][usize::from(crc.to_le_bytes()[0] ^ byte)];
    }
    !crc
}

/// `TABLES[n][b]` is what the byte `b` does to the CRC when `n` more bytes follow it in the step.
static TABLES: [[u32; 256]; 4] = tables();

const fn tables() -> [[u32; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut n = 1;
    while n < 4 {
        let mut byte = 0;
        while byte < 256 {
            let crc: u32 = tables[n - 1][byte];
            tables[n][byte] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
            byte += 1;
        }
        n += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_the_standard() {
        assert_eq!(crc32(0, b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(crc32(0, b"12345"), b"6789"), 0xCBF4_3926);
    }
}
