//! The CRC-16 of protocol 2.0: polynomial 0x8005, start value 0, not reflected.

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0_u16; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x8005
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

/// The CRC of `bytes`.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        let [high, _] = crc.to_be_bytes();
        let entry = TABLE
            .get(usize::from(high ^ byte))
            .copied()
            .unwrap_or_default();
        (crc << 8) ^ entry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogued_check_value_holds() {
        // CRC-16/UMTS (also called CRC-16/BUYPASS) of "123456789".
        assert_eq!(crc16(b"123456789"), 0xfee8);
    }
}
