//! Where things are on the servo bus: ids and registers, read from YAML.
//!
//! The SIH's own map is not published, so it is configuration; `config/sih_bus.yaml` is an example
//! and the default.

use robot::hand::SERVOS;
use serde::Deserialize;
use std::path::Path;
use thiserror::Error;

/// Ids and registers of a servo bus.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterMap {
    /// Id of each servo.
    pub servos: ServoIds,
    /// The registers that the driver uses.
    pub registers: Registers,
    /// The value of `present_load` at full load.
    pub full_load: i32,
    /// The bit of `hardware_error` that says overload.
    pub overload_bit: u8,
    /// The bit of `hardware_error` that says overheating.
    pub overheating_bit: u8,
}

/// The id of each servo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "each field is the servo it names")]
pub struct ServoIds {
    pub thumb_opposition: u8,
    pub thumb_flexion: u8,
    pub index: u8,
    pub middle: u8,
    pub ring: u8,
}

/// The registers that the driver uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registers {
    /// 1 switches the motor on.
    pub torque_enable: Register,
    /// Bits that say what is broken.
    pub hardware_error: Register,
    /// Where the servo is to go, ticks.
    pub goal_position: Register,
    /// How hard it pushes; positive towards larger ticks.
    pub present_load: Register,
    /// Where it is, ticks.
    pub present_position: Register,
    /// Temperature of the motor, degrees Celsius.
    pub temperature: Register,
}

/// A register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Address of its first byte.
    pub address: u16,
    /// Its width.
    pub width: Width,
    /// Whether it is a two's complement number.
    #[serde(default)]
    pub signed: bool,
}

/// The width of a register in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct Width(u16);

impl TryFrom<u16> for Width {
    type Error = String;

    fn try_from(bytes: u16) -> Result<Self, String> {
        match bytes {
            1 | 2 | 4 => Ok(Self(bytes)),
            other => Err(format!("a register is 1, 2 or 4 bytes wide, not {other}")),
        }
    }
}

/// What is wrong with a register map.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegisterMapError {
    /// The file cannot be read.
    #[error("cannot read the register map {file}: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a register map.
    #[error("{file}: {source}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        source: serde_yaml::Error,
    },
    /// A value makes no sense.
    #[error("{file}: {problem}")]
    Value {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

/// The example map, which is the default.
const EXAMPLE: &str = include_str!("../../../../config/sih_bus.yaml");

impl RegisterMap {
    /// The map of `config/sih_bus.yaml` as it was when the program was built.
    pub fn example() -> Result<Self, RegisterMapError> {
        Self::from_yaml(EXAMPLE, "config/sih_bus.yaml (built in)")
    }

    /// Reads a map from a file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, RegisterMapError> {
        let file = path.as_ref().display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_yaml(&text, &file),
            Err(source) => Err(RegisterMapError::Unreadable { file, source }),
        }
    }

    /// Reads a map from YAML text; `file` names where it came from in errors.
    pub fn from_yaml(text: &str, file: &str) -> Result<Self, RegisterMapError> {
        let map: Self = serde_yaml::from_str(text).map_err(|source| RegisterMapError::Yaml {
            file: file.to_owned(),
            source,
        })?;
        let problem = |problem: String| RegisterMapError::Value {
            file: file.to_owned(),
            problem,
        };
        let ids = map.ids();
        for (index, id) in ids.iter().enumerate() {
            let earlier = ids.iter().take(index).position(|other| other == id);
            if let Some(name) = earlier.and_then(|index| SERVOS.get(index)) {
                return Err(problem(format!(
                    "servo id {id} is given twice, first to {name}"
                )));
            }
            if *id > 252 {
                return Err(problem(format!(
                    "servo id {id} is beyond 252, the last of the protocol"
                )));
            }
        }
        if map.full_load <= 0 {
            return Err(problem(format!(
                "full_load is {}, but must be positive",
                map.full_load
            )));
        }
        if map.overload_bit > 7 || map.overheating_bit > 7 {
            return Err(problem(
                "overload_bit and overheating_bit are bits 0 to 7 of hardware_error".into(),
            ));
        }
        Ok(map)
    }

    /// The ids in the order of [`SERVOS`].
    #[must_use]
    pub fn ids(&self) -> [u8; 5] {
        let ServoIds {
            thumb_opposition,
            thumb_flexion,
            index,
            middle,
            ring,
        } = self.servos;
        [thumb_opposition, thumb_flexion, index, middle, ring]
    }

    /// The smallest block that holds load and position, read in one go: address and length.
    #[must_use]
    pub fn feedback_block(&self) -> (u16, u16) {
        let (load, position) = (self.registers.present_load, self.registers.present_position);
        let start = load.address.min(position.address);
        let end = load.end().max(position.end());
        (start, end - start)
    }
}

impl Register {
    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> u16 {
        self.width.0
    }

    fn end(&self) -> u16 {
        self.address.saturating_add(self.width.0)
    }

    /// Reads the register's value out of a block of registers that begins at `block_address`.
    #[must_use]
    pub fn read_from(&self, block: &[u8], block_address: u16) -> Option<i32> {
        let start = usize::from(self.address.checked_sub(block_address)?);
        let bytes = block.get(start..start + usize::from(self.width.0))?;
        Some(match (bytes, self.signed) {
            (&[a], false) => i32::from(a),
            (&[a], true) => i32::from(i8::from_le_bytes([a])),
            (&[a, b], false) => i32::from(u16::from_le_bytes([a, b])),
            (&[a, b], true) => i32::from(i16::from_le_bytes([a, b])),
            (&[a, b, c, d], true) => i32::from_le_bytes([a, b, c, d]),
            (&[a, b, c, d], false) => {
                i32::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(i32::MAX)
            }
            _ => return None,
        })
    }

    /// The bytes that set the register to a value, which is clamped to what the register can hold.
    #[must_use]
    pub fn bytes_of(&self, value: i32) -> Vec<u8> {
        let bits = u32::from(self.width.0) * 8;
        let (least, greatest) = if self.signed {
            (-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1)
        } else {
            (0, (1_i64 << bits) - 1)
        };
        let clamped = i64::from(value).clamp(least, greatest);
        clamped
            .to_le_bytes()
            .into_iter()
            .take(usize::from(self.width.0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_is_a_map() {
        let map = RegisterMap::example().unwrap();
        assert_eq!(map.ids(), [1, 2, 3, 4, 5]);
        assert_eq!(map.feedback_block(), (126, 10));
    }

    #[test]
    fn mistakes_are_told() {
        for (from, to, part) in [
            ("index: 3", "index: 2", "twice"),
            ("ring: 5", "ring: 253", "252"),
            ("width: 1", "width: 3", "1, 2 or 4"),
            ("full_load: 1000", "full_load: 0", "positive"),
            ("overload_bit: 5", "overload_bit: 9", "0 to 7"),
            ("  ring: 5", "  little: 5", "little"),
        ] {
            let error = RegisterMap::from_yaml(&EXAMPLE.replacen(from, to, 1), "test.yaml")
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(part) && error.contains("test.yaml"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn values_go_both_ways(value: i32, width in proptest::sample::select(vec![1_u16, 2, 4]), signed: bool, before in 0_u16..9) {
            let register = Register { address: 100 + before, width: Width(width), signed };
            let bytes = register.bytes_of(value);
            prop_assert_eq!(bytes.len(), usize::from(width));
            let mut block = vec![0xaa; usize::from(before)];
            block.extend_from_slice(&bytes);
            let read = register.read_from(&block, 100).unwrap();
            let bits = width * 8;
            let fits = match (signed, bits) {
                (true, 32) => true,
                (false, 32) => value >= 0,
                (true, bits) => (-(1 << (bits - 1))..1 << (bits - 1)).contains(&value),
                (false, bits) => (0..1 << bits).contains(&value),
            };
            prop_assert!(!fits || read == value);
            prop_assert_eq!(register.read_from(&block, 101 + before), None);
        }
    }
}
