//! Packages on the wire: a big-endian `u16` size that counts the header, a type byte, a payload.

use super::RtdeError;

/// Length of a package header in bytes.
pub const HEADER_LEN: usize = 3;

/// One package, cut out of the stream but not yet understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package<'a> {
    /// The type byte; see [`message`](super::message) for its values.
    pub kind: u8,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// Checks whether `bytes` begins with a whole package and returns the package's full length.
///
/// `Ok(None)` says that more bytes are needed, which is no error.
pub fn check(bytes: &[u8]) -> Result<Option<usize>, RtdeError> {
    let &[high, low, ..] = bytes else {
        return Ok(None);
    };
    let size = u16::from_be_bytes([high, low]);
    let length = usize::from(size);
    if length < HEADER_LEN {
        return Err(RtdeError::BadSize { size });
    }
    Ok((bytes.len() >= length).then_some(length))
}

/// Cuts the first package off `bytes` and returns it with its full length.
///
/// `Ok(None)` says that more bytes are needed, which is no error.
pub fn parse(bytes: &[u8]) -> Result<Option<(Package<'_>, usize)>, RtdeError> {
    let Some(length) = check(bytes)? else {
        return Ok(None);
    };
    let package = bytes.get(..length).and_then(|bytes| match bytes {
        &[_, _, kind, ref payload @ ..] => Some(Package { kind, payload }),
        _ => None,
    });
    Ok(package.map(|package| (package, length)))
}

/// Appends a package to `out`, with the payload that `write` appends.
///
/// Payloads of this protocol are far below 64 KiB; one that is not is cut at the limit, and the
/// peer then refuses it by its length.
pub fn write(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, kind]);
    write(out);
    out.truncate(start + usize::from(u16::MAX));
    let size = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    if let Some(header) = out.get_mut(start..start + 2) {
        header.copy_from_slice(&size.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn incomplete_is_no_error() {
        let mut bytes = Vec::new();
        write(&mut bytes, b'V', |out| out.extend_from_slice(&[0, 2]));
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]).unwrap(), None, "cut at {cut}");
        }
        let (package, length) = parse(&bytes).unwrap().unwrap();
        assert_eq!(
            (package.kind, package.payload, length),
            (b'V', &[0, 2][..], 5)
        );
    }

    #[test]
    fn a_size_below_the_header_is_an_error() {
        for size in 0..3 {
            assert!(matches!(
                parse(&[0, size, b'V']),
                Err(RtdeError::BadSize { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some((package, length))) = parse(&bytes) {
                prop_assert_eq!(package.payload.len() + HEADER_LEN, length);
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn what_is_written_is_parsed(kind: u8, payload in proptest::collection::vec(any::<u8>(), 0..300), rest in proptest::collection::vec(any::<u8>(), 0..9)) {
            let mut bytes = Vec::new();
            write(&mut bytes, kind, |out| out.extend_from_slice(&payload));
            let length = bytes.len();
            bytes.extend_from_slice(&rest);
            let (package, parsed) = parse(&bytes).unwrap().unwrap();
            prop_assert_eq!(package.kind, kind);
            prop_assert_eq!(package.payload, &payload[..]);
            prop_assert_eq!(parsed, length);
        }
    }
}
