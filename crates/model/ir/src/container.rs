//! The frame of plan, weights and share files: a header line with format, version and checksum, then the
//! body.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{IrError, Reason, Result};

/// A file format.
pub struct Format {
    /// The first word of the header.
    pub(crate) name: &'static str,
    /// The second word of the header.
    pub(crate) version: u32,
}

impl Format {
    /// The file with this body: `NAME VERSION CHECKSUM`, a line end, then the body. The checksum is the
    /// body's BLAKE3 hash.
    pub(crate) fn encode(&self, body: &[u8]) -> Vec<u8> {
        let header = format!("{} {} {}\n", self.name, self.version, blake3::hash(body).to_hex());
        [header.as_bytes(), body].concat()
    }

    /// The body of a file of this format and version with a matching checksum.
    pub(crate) fn decode<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8]> {
        let header_end = bytes.iter().take(128).position(|&b| b == b'\n');
        let (header, body) = match header_end {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => return Err(self.error("no header: not such a file, or cut short")),
        };
        let words: Vec<&[u8]> = header.split(|&b| b == b' ').collect();
        let &[name, version, checksum] = &words[..] else { return Err(self.error("a malformed header")) };
        if name != self.name.as_bytes() {
            return Err(self.error("another kind of file"));
        }
        if version != self.version.to_string().as_bytes() {
            let found = String::from_utf8_lossy(version);
            return Err(self.error(format!("version {found}; this program reads {}", self.version)));
        }
        if blake3::hash(body).to_hex().as_bytes() != checksum {
            return Err(self.error("the checksum differs: damaged or cut short"));
        }
        Ok(body)
    }

    pub(crate) fn error(&self, reason: impl Into<Reason>) -> IrError {
        IrError::Format { format: self.name, reason: reason.into() }
    }

    /// The bytes of a file of at most `limit` bytes.
    pub(crate) fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>> {
        let io = |source| IrError::File { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(io)?.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > limit {
            return Err(self.error(format!("longer than {limit} bytes")));
        }
        Ok(bytes)
    }
}

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Everybody whom the folder and the system let.
    Everybody,
    /// Its owner alone, on systems that know owners.
    Owner,
}

fn create(path: &OsStr, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Writes a file under another name and renames it, so that no reader ever sees half of it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let io = |source| IrError::File { path: path.to_owned(), source };
    // Threads may write the same file at once.
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let mut temporary = path.as_os_str().to_owned();
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));
    let write = || {
        let mut file = create(&temporary, readers)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|e| {
        // The first error is the one that matters. The leftover may not even exist.
        let _ = fs::remove_file(&temporary);
        io(e)
    })
}
