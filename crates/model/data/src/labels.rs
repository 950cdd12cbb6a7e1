//! The classes of pictures.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::samples::open;
use crate::{Error, Result};

/// How much of a file of labels is read, in bytes.
const MAX_LABELS: u64 = 64 << 20;

/// The classes of pictures with these names, in their order. `from` is a text file with a name and a class a
/// line, or the word `names`: then the class is what follows the last underscore of each name, as in
/// `photo_17_243.jpg`.
///
/// # Errors
/// [`Error::Labels`] if there are no names, a name has no class or two, or a line is not a name and a number.
pub fn labels(from: impl AsRef<Path>, names: &[String]) -> Result<Vec<i64>> {
    let from = from.as_ref();
    if names.is_empty() {
        let what = "labels are for pictures; arrays come with their labels in an npz file";
        return Err(Error::Labels(what.to_owned()));
    }
    if from.as_os_str() == "names" {
        let class =
            |name: &String| in_name(name).ok_or(Error::Labels(format!("{name} does not end with _CLASS")));
        return names.iter().map(class).collect();
    }
    let file = from.display();
    let classes = read(from)?;
    let class = |name: &String| classes.get(name).copied();
    names
        .iter()
        .map(|n| class(n).ok_or_else(|| Error::Labels(format!("{file} has no class for {n}"))))
        .collect()
}

fn in_name(name: &str) -> Option<i64> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('_')?.1.parse().ok()
}

fn read(from: &Path) -> Result<BTreeMap<String, i64>> {
    let file = from.display();
    let mut text = String::new();
    open(from)?.take(MAX_LABELS).read_to_string(&mut text).map_err(|e| Error::read(from, e))?;
    let mut classes = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let (name, class) = line
            .trim()
            .rsplit_once(char::is_whitespace)
            .and_then(|(name, class)| Some((name.trim(), class.parse::<i64>().ok()?)))
            .ok_or_else(|| {
                Error::Labels(format!("line {number} of {file} is not a file name and a class number"))
            })?;
        if classes.insert(name.to_owned(), class).is_some() {
            return Err(Error::Labels(format!("{file} has {name} twice")));
        }
    }
    Ok(classes)
}
