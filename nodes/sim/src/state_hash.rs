//! The hash that tells whether two runs are the same.

/// The 64-bit Fowler-Noll-Vo hash: the same on every machine and in every version.
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// The hash of all that was added.
    pub(crate) fn value(&self) -> u64 {
        self.0
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, value: u64) {
        for byte in value.to_le_bytes() {
            self.add_byte(byte);
        }
    }

    fn add_byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

#[cfg(test)]
mod tests {
    use super::Fnv;

    /// Published test vectors of FNV-1a, 64 bits.
    #[test]
    fn known_bytes_give_known_hashes() {
        assert_eq!(Fnv::default().value(), 0xcbf2_9ce4_8422_2325);
        let mut hash = Fnv::default();
        hash.add_byte(b'a');
        assert_eq!(hash.value(), 0xaf63_dc4c_8601_ec8c);
    }
}
