//! The types of RTDE variables, and reading and writing them.

use super::RtdeError;
use std::fmt;
use std::str::FromStr;

/// The type of an RTDE variable, as the controller names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the type it names")]
pub enum DataType {
    Bool,
    UInt8,
    UInt32,
    UInt64,
    Int32,
    Double,
    Vector3D,
    Vector6D,
    Vector6Int32,
    Vector6UInt32,
}

impl DataType {
    /// Every type, in the order of the protocol's documentation.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::UInt8,
        Self::UInt32,
        Self::UInt64,
        Self::Int32,
        Self::Double,
        Self::Vector3D,
        Self::Vector6D,
        Self::Vector6Int32,
        Self::Vector6UInt32,
    ];

    /// The name used on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "BOOL",
            Self::UInt8 => "UINT8",
            Self::UInt32 => "UINT32",
            Self::UInt64 => "UINT64",
            Self::Int32 => "INT32",
            Self::Double => "DOUBLE",
            Self::Vector3D => "VECTOR3D",
            Self::Vector6D => "VECTOR6D",
            Self::Vector6Int32 => "VECTOR6INT32",
            Self::Vector6UInt32 => "VECTOR6UINT32",
        }
    }

    /// Length of a value of this type in bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::UInt8 => 1,
            Self::UInt32 | Self::Int32 => 4,
            Self::UInt64 | Self::Double => 8,
            Self::Vector3D | Self::Vector6Int32 | Self::Vector6UInt32 => 24,
            Self::Vector6D => 48,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DataType {
    type Err = RtdeError;

    fn from_str(name: &str) -> Result<Self, RtdeError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| RtdeError::UnknownType {
                name: name.to_owned(),
            })
    }
}

/// Reads fields off the front of a payload.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`; `what` names the package in errors.
    #[must_use]
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes }
    }

    /// Takes a fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RtdeError> {
        let (head, rest) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or(RtdeError::Truncated {
                what: self.what,
                needed: N,
                left: self.bytes.len(),
            })?;
        self.bytes = rest;
        Ok(*head)
    }

    /// Takes a text of `length` bytes.
    pub fn text(&mut self, length: usize) -> Result<&'a str, RtdeError> {
        if length > self.bytes.len() {
            return Err(RtdeError::Truncated {
                what: self.what,
                needed: length,
                left: self.bytes.len(),
            });
        }
        let (head, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        std::str::from_utf8(head).map_err(|_| RtdeError::NotText { what: self.what })
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// Takes all that is left, as text.
    pub fn rest_text(&mut self) -> Result<&'a str, RtdeError> {
        self.text(self.bytes.len())
    }

    /// Checks that nothing is left.
    pub fn finish(self) -> Result<(), RtdeError> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(RtdeError::TrailingBytes {
                what: self.what,
                extra: self.bytes.len(),
            })
        }
    }
}

/// A Rust type that stands for an RTDE type.
pub trait Field: Sized {
    /// The RTDE type.
    const TYPE: DataType;
    /// Reads a value.
    fn read(reader: &mut Reader<'_>) -> Result<Self, RtdeError>;
    /// Appends the value to `out`.
    fn write(&self, out: &mut Vec<u8>);
}

impl Field for bool {
    const TYPE: DataType = DataType::Bool;
    fn read(reader: &mut Reader<'_>) -> Result<Self, RtdeError> {
        Ok(reader.array::<1>()? != [0])
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

macro_rules! number_field {
    ($($rust:ty => $rtde:ident;)*) => {$(
        impl Field for $rust {
            const TYPE: DataType = DataType::$rtde;
            fn read(reader: &mut Reader<'_>) -> Result<Self, RtdeError> {
                reader.array().map(<$rust>::from_be_bytes)
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }
    )*};
}

number_field! {
    u8 => UInt8;
    u32 => UInt32;
    u64 => UInt64;
    i32 => Int32;
    f64 => Double;
}

macro_rules! vector_field {
    ($($rust:ty, $n:literal => $rtde:ident;)*) => {$(
        impl Field for [$rust; $n] {
            const TYPE: DataType = DataType::$rtde;
            fn read(reader: &mut Reader<'_>) -> Result<Self, RtdeError> {
                let mut vector = Self::default();
                for element in &mut vector {
                    *element = Field::read(reader)?;
                }
                Ok(vector)
            }
            fn write(&self, out: &mut Vec<u8>) {
                for element in self {
                    element.write(out);
                }
            }
        }
    )*};
}

vector_field! {
    f64, 3 => Vector3D;
    f64, 6 => Vector6D;
    i32, 6 => Vector6Int32;
    u32, 6 => Vector6UInt32;
}

/// A value whose type is known only at run time.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "each variant is the type it names")]
pub enum Value {
    Bool(bool),
    UInt8(u8),
    UInt32(u32),
    UInt64(u64),
    Int32(i32),
    Double(f64),
    Vector3D([f64; 3]),
    Vector6D([f64; 6]),
    Vector6Int32([i32; 6]),
    Vector6UInt32([u32; 6]),
}

impl Value {
    /// The type of the value.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Bool(_) => DataType::Bool,
            Self::UInt8(_) => DataType::UInt8,
            Self::UInt32(_) => DataType::UInt32,
            Self::UInt64(_) => DataType::UInt64,
            Self::Int32(_) => DataType::Int32,
            Self::Double(_) => DataType::Double,
            Self::Vector3D(_) => DataType::Vector3D,
            Self::Vector6D(_) => DataType::Vector6D,
            Self::Vector6Int32(_) => DataType::Vector6Int32,
            Self::Vector6UInt32(_) => DataType::Vector6UInt32,
        }
    }

    /// Reads a value of a type.
    pub fn read(kind: DataType, reader: &mut Reader<'_>) -> Result<Self, RtdeError> {
        Ok(match kind {
            DataType::Bool => Self::Bool(Field::read(reader)?),
            DataType::UInt8 => Self::UInt8(Field::read(reader)?),
            DataType::UInt32 => Self::UInt32(Field::read(reader)?),
            DataType::UInt64 => Self::UInt64(Field::read(reader)?),
            DataType::Int32 => Self::Int32(Field::read(reader)?),
            DataType::Double => Self::Double(Field::read(reader)?),
            DataType::Vector3D => Self::Vector3D(Field::read(reader)?),
            DataType::Vector6D => Self::Vector6D(Field::read(reader)?),
            DataType::Vector6Int32 => Self::Vector6Int32(Field::read(reader)?),
            DataType::Vector6UInt32 => Self::Vector6UInt32(Field::read(reader)?),
        })
    }

    /// Appends the value to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => value.write(out),
            Self::UInt8(value) => value.write(out),
            Self::UInt32(value) => value.write(out),
            Self::UInt64(value) => value.write(out),
            Self::Int32(value) => value.write(out),
            Self::Double(value) => value.write(out),
            Self::Vector3D(value) => value.write(out),
            Self::Vector6D(value) => value.write(out),
            Self::Vector6Int32(value) => value.write(out),
            Self::Vector6UInt32(value) => value.write(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn type_names_go_both_ways() {
        for kind in DataType::ALL {
            assert_eq!(kind.name().parse::<DataType>().unwrap(), kind);
        }
        assert!("NOT_FOUND".parse::<DataType>().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_of_the_right_size_or_an_error(
            kind in proptest::sample::select(DataType::ALL.to_vec()),
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut reader = Reader::new("test", &bytes);
            match Value::read(kind, &mut reader) {
                Ok(value) => {
                    prop_assert_eq!(value.data_type(), kind);
                    prop_assert!(bytes.len() >= kind.size());
                    prop_assert_eq!(reader.rest().len(), bytes.len() - kind.size());
                    let mut written = Vec::new();
                    value.write(&mut written);
                    prop_assert_eq!(written.len(), kind.size());
                    if kind != DataType::Bool {
                        prop_assert_eq!(&written[..], &bytes[..kind.size()]);
                    }
                }
                Err(error) => {
                    prop_assert!(bytes.len() < kind.size(), "{}", error);
                }
            }
        }
    }
}
