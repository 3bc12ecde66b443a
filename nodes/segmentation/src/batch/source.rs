//! Frames from an image, a folder or a video.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use crate::batch::BatchError;

/// One frame.
pub(super) struct Picture {
    pub(super) stem: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

/// Where frames come from.
pub(super) enum Source {
    Files(VecDeque<PathBuf>),
    Video(Video),
}

/// Frame period of folders, which say nothing about time, and of videos: only the patience of the tracker
/// depends on it.
const SECONDS_PER_FRAME: f64 = 1.0 / 15.0;

impl Source {
    pub(super) fn open(input: &Path) -> Result<Self, BatchError> {
        let read = |source| BatchError::Read {
            path: input.to_path_buf(),
            source,
        };
        let kind = std::fs::metadata(input).map_err(read)?;
        if kind.is_dir() {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(input).map_err(read)? {
                let path = entry.map_err(read)?.path();
                if is_picture(&path) {
                    files.push(path);
                }
            }
            files.sort();
            return Ok(Self::Files(files.into()));
        }
        if is_picture(input) {
            return Ok(Self::Files(VecDeque::from([input.to_path_buf()])));
        }
        Video::open(input).map(Self::Video)
    }

    pub(super) fn seconds_per_frame(&self) -> f64 {
        SECONDS_PER_FRAME
    }

    pub(super) fn next(&mut self) -> Result<Option<Picture>, BatchError> {
        match self {
            Self::Files(files) => files.pop_front().map(|path| load(&path)).transpose(),
            Self::Video(video) => video.next(),
        }
    }
}

fn is_picture(path: &Path) -> bool {
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    matches!(extension.as_str(), "png" | "jpg" | "jpeg")
}

fn load(path: &Path) -> Result<Picture, BatchError> {
    let picture = image::open(path).map_err(|source| BatchError::ReadPicture {
        path: path.to_path_buf(),
        source,
    })?;
    let rgb = picture.into_rgb8();
    let stem = path
        .file_stem()
        .map(|s| s.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(Picture {
        stem,
        width: rgb.width(),
        height: rgb.height(),
        rgb: rgb.into_raw(),
    })
}

/// A video that an ffmpeg process decodes into a pipe of PPM pictures, which carry their size.
pub(super) struct Video {
    path: PathBuf,
    process: Child,
    pipe: BufReader<ChildStdout>,
    /// Reads what ffmpeg complains of: it would wait for ever if nobody did.
    complaint: Option<JoinHandle<String>>,
    count: usize,
}

/// The first lines of what a process says; the rest is read and forgotten.
fn beginning_of(mut stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    // What cannot be read is not worth an error of its own: the process ended, and its status tells how.
    stderr.by_ref().take(4000).read_to_end(&mut said).ok();
    std::io::copy(&mut stderr, &mut std::io::sink()).ok();
    String::from_utf8_lossy(&said).into_owned()
}

impl Video {
    fn open(path: &Path) -> Result<Self, BatchError> {
        let mut process = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-i"])
            .arg(path)
            .args(["-f", "image2pipe", "-c:v", "ppm", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| BatchError::NoFfmpeg { source })?;
        let (Some(pipe), Some(stderr)) = (process.stdout.take(), process.stderr.take()) else {
            return Err(BatchError::NoFfmpeg {
                source: std::io::Error::other("its output cannot be read"),
            });
        };
        Ok(Self {
            complaint: Some(std::thread::spawn(move || beginning_of(stderr))),
            path: path.to_path_buf(),
            process,
            pipe: BufReader::with_capacity(1 << 20, pipe),
            count: 0,
        })
    }

    fn next(&mut self) -> Result<Option<Picture>, BatchError> {
        match read_ppm(&mut self.pipe) {
            Ok(Some((width, height, rgb))) => {
                let stem = format!("{:06}", self.count);
                self.count += 1;
                Ok(Some(Picture {
                    stem,
                    width,
                    height,
                    rgb,
                }))
            }
            Ok(None) => {
                let complaint = self.complaint.take();
                let complaint = complaint.and_then(|thread| thread.join().ok());
                let complaint = complaint.unwrap_or_default();
                let finished = self.process.wait().is_ok_and(|status| status.success());
                if finished && self.count > 0 && !complaint.is_empty() {
                    tracing::error!(
                        "{} is damaged, and only what could be read was segmented: {}",
                        self.path.display(),
                        complaint.trim()
                    );
                }
                if finished && self.count > 0 {
                    Ok(None)
                } else {
                    Err(self.failed(complaint.trim()))
                }
            }
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn failed(&self, reason: &str) -> BatchError {
        let reason = if reason.is_empty() {
            "it has no video stream"
        } else {
            reason
        };
        BatchError::Video {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        // Ends a decoder that nobody reads from any more; it has often ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Reads one binary PPM with 8 bits a channel; `None` at the end.
fn read_ppm(pipe: &mut impl std::io::BufRead) -> std::io::Result<Option<(u32, u32, Vec<u8>)>> {
    if pipe.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let broken = || {
        std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "the decoder's pictures are broken",
        )
    };
    let mut words = Vec::new();
    while words.len() < 4 {
        let mut line = Vec::new();
        if pipe.take(200).read_until(b'\n', &mut line)? == 0 {
            return Err(broken());
        }
        let text = String::from_utf8(line).map_err(|_| broken())?;
        words.extend(text.split_whitespace().map(str::to_owned));
    }
    let number = |i: usize| {
        words
            .get(i)
            .and_then(|w| w.parse::<u32>().ok())
            .filter(|n| (1..=20_000).contains(n))
            .ok_or_else(broken)
    };
    if words.first().is_none_or(|w| w != "P6") || number(3)? != 255 {
        return Err(broken());
    }
    let (width, height) = (number(1)?, number(2)?);
    let mut rgb = vec![0; width as usize * height as usize * 3];
    pipe.read_exact(&mut rgb)?;
    Ok(Some((width, height, rgb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pictures_until_the_end() {
        let mut pipe: &[u8] = b"P6\n2 1\n255\nabcdefP6\n1 1\n255\nxyz";
        assert_eq!(
            read_ppm(&mut pipe).unwrap(),
            Some((2, 1, b"abcdef".to_vec()))
        );
        assert_eq!(read_ppm(&mut pipe).unwrap(), Some((1, 1, b"xyz".to_vec())));
        assert_eq!(read_ppm(&mut pipe).unwrap(), None);
    }

    #[test]
    fn refuses_what_is_no_picture() {
        for bytes in [
            &b"P6\n2 1\n255\nabc"[..],
            b"P5\n2 1\n255\nab",
            b"P6\n2 x\n255\n",
            b"hello",
            b"P6\n2 1\n65535\nabcdef",
        ] {
            assert!(read_ppm(&mut &bytes[..]).is_err());
        }
    }
}
