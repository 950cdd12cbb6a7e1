//! A file that counts the runs of some weights, for all servers that serve them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Digits of the number: a number of the same length takes the place of the last one in one write.
const DIGITS: usize = 20;

/// Adds `runs` to the number in the file, and returns what it was; a missing file is zero. Whoever else does
/// so waits.
///
/// # Errors
/// A file that cannot be read or written, or holds no number.
pub(crate) fn add(path: &Path, runs: u64) -> io::Result<u64> {
    add_to(path, runs).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn add_to(path: &Path, runs: u64) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    let used = read(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(format!("{:0DIGITS$}\n", used.saturating_add(runs)).as_bytes())?;
    file.sync_data()?;
    Ok(used)
}

fn read(file: &mut File) -> io::Result<u64> {
    let mut text = String::new();
    file.take(2 * DIGITS as u64).read_to_string(&mut text)?;
    match text.trim_end() {
        "" => Ok(0),
        number => number.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no number of runs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_add_up_whoever_counts_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.txt");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10).for_each(|_| assert_eq!(add(&path, 64).unwrap() % 64, 0)));
            }
        });
        assert_eq!(add(&path, 1).unwrap(), 4 * 10 * 64);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "00000000000000002561\n");
        std::fs::write(&path, "many\n").unwrap();
        assert_eq!(add(&path, 1).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "many\n");
    }
}
