//! Files of points and pictures, whole and broken.

use std::io::{Cursor, ErrorKind, Seek, SeekFrom, Write};

use bus::Time;
use lz4_flex::frame::FrameEncoder;
use mcap::records::ChunkHeader;
use msgs::geometry_msgs::{Point, PointStamped};
use msgs::sensor_msgs::Image;
use proptest::prelude::*;

use super::reader::decompress;
use super::*;

fn point(x: f64) -> PointStamped {
    PointStamped {
        point: Point { x, y: 0.0, z: 0.0 },
        ..PointStamped::default()
    }
}

/// A file with `count` points and a picture with each.
fn write(to: impl Write + Seek, count: u32) -> Result<(), RecordingError> {
    let mut writer = Writer::new(to)?;
    writer.metadata("first", [("key", "value")])?;
    let points = writer.channel::<PointStamped>("/points")?;
    let images = writer.channel::<Image>("/images")?;
    for index in 0..count {
        let at = Time::from_nanos(i64::from(index) * 1_000_000);
        writer.write(points, at, &point(f64::from(index)))?;
        // Nothing that compresses.
        let data =
            (0..30_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761 + index) >> 13) as u8);
        let image = Image {
            data: data.collect(),
            ..Image::default()
        };
        writer.write(images, at, &image)?;
    }
    writer.metadata("last", [("outcome", "held")])?;
    writer.finish()
}

fn bytes(count: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(Cursor::new(&mut bytes), count).unwrap();
    bytes
}

#[test]
fn what_is_written_is_read() {
    let recording = read(&bytes(100)).unwrap();
    assert_eq!(recording.broken, None);
    assert_eq!(recording.messages.len(), 200);
    for (index, pair) in recording.messages.chunks(2).enumerate() {
        assert_eq!(pair[0].topic, "/points");
        let read: PointStamped = pair[0].decode().unwrap();
        assert_eq!(read.point.x, index as f64);
        assert_eq!(pair[1].decode::<Image>().unwrap().data.len(), 30_000);
    }
    assert_eq!(recording.metadata["last"]["outcome"], "held");
    let wrong = recording.messages[0].decode::<Image>().unwrap_err();
    assert!(wrong.to_string().contains("/points carries geometry_msgs"));
}

#[test]
fn a_file_that_broke_off_is_read_up_to_there() {
    let whole = bytes(200);
    let half = read(&whole[..whole.len() / 2]).unwrap();
    assert!(
        (50..350).contains(&half.messages.len()),
        "{}",
        half.messages.len()
    );
    assert_eq!(half.metadata["first"]["key"], "value");
    assert!(read(b"no recording").is_err());
    assert!(read(b"").is_err());
}

/// A disk with so many bytes left.
struct SmallDisk {
    file: Cursor<Vec<u8>>,
    size: usize,
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.file.position() as usize + bytes.len() > self.size {
            return Err(ErrorKind::StorageFull.into());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for SmallDisk {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_strikes() {
    let needed = bytes(80).len();
    for size in (0..needed)
        .step_by(4_099)
        .chain((needed - 2_000..needed).step_by(37))
    {
        let file = Cursor::new(Vec::new());
        let error = write(SmallDisk { file, size }, 80).unwrap_err();
        // Each error, that of the end included, says what the disk said.
        let words = error.to_string().to_lowercase();
        assert!(
            words.contains("storage") || words.contains("space"),
            "{size}: {words}"
        );
    }
    let file = Cursor::new(Vec::new());
    write(SmallDisk { file, size: needed }, 80).unwrap();
}

/// Chunks whose sizes are wrong kept mcap's own reader for ever, or stopped it.
#[test]
fn whatever_byte_of_a_file_is_wrong_reading_ends() {
    let whole = bytes(1);
    for place in 8..whole.len() {
        // All of what is about sizes and names, and samples of the picture.
        let step = if place < 2_000 { 5 } else { 85 };
        for byte in (0..=255).step_by(step) {
            let mut file = whole.clone();
            file[place] = byte;
            read(&file).unwrap();
        }
    }
}

#[test]
fn a_chunk_is_as_long_as_it_says() {
    let header = |compression: &str, uncompressed_size| ChunkHeader {
        message_start_time: 0,
        message_end_time: 0,
        uncompressed_size,
        uncompressed_crc: 0,
        compression: compression.to_owned(),
        compressed_size: 0,
    };
    let mut encoder = FrameEncoder::new(Vec::new());
    encoder.write_all(&[7; 1000]).unwrap();
    let packed = encoder.finish().unwrap();
    let problem = |compression: &str, told, data: &[u8]| {
        let (_, error) = decompress(&header(compression, told), data);
        error.map(|error| error.to_string())
    };
    assert_eq!(problem("lz4", 1000, &packed), None);
    assert_eq!(problem("", 3, &[1, 2, 3]), None);
    for (compression, told, data, words) in [
        ("lz4", 999, &packed[..], "has 1000 bytes and not 999"),
        ("lz4", 1001, &packed[..], "has 1000 bytes and not 1001"),
        ("lz4", 1000, &packed[..packed.len() / 2], "decompressed"),
        ("lz4", 1000, &[][..], "has 0 bytes"),
        ("lz4", 1 << 40, &packed[..], "claims to have 1099511627776"),
        ("", 4, &[1, 2, 3][..], "has 3 bytes and not 4"),
        ("zstd", 4, &[1, 2, 3][..], "\"zstd\", and only lz4"),
    ] {
        let problem = problem(compression, told, data).unwrap();
        assert!(problem.contains(words), "{problem}");
    }
}

proptest! {
    #[test]
    fn no_file_panics(place in 0_usize..20_000, byte: u8, length in 0_usize..20_000) {
        let mut file = bytes(3);
        let place = place % file.len();
        file[place] = byte;
        file.truncate(length.max(8));
        read(&file).ok();
    }
}
