//! Tensors whose elements lie in a file beside the model.
//!
//! The model names the file, so a hostile one must not reach any other: only files below the model's folder
//! are read, by a relative path without `..`, and no symbolic link leads out of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use veilflow_ir::Reason;

use crate::error::Result;
use crate::limits::MAX_FILE_BYTES;
use crate::source;

/// The bytes that a tensor's `external_data` points at.
pub(crate) fn read(entries: &[source::StringPair], folder: Option<&Path>) -> Result<Vec<u8>, Reason> {
    let entry = |key: &str| {
        let entry = entries.iter().find(|pair| pair.key.as_deref() == Some(key));
        entry.and_then(|pair| pair.value.as_deref())
    };
    let location = entry("location").ok_or("its external data names no file")?;
    let number = |key: &str| match entry(key).map(str::parse::<u64>) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(Reason::from(format!("`{key}` of its external data is no number"))),
    };
    let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
    let Some(folder) = folder else {
        return Err(format!("its data is external, in `{location}`: import the file, not its bytes").into());
    };
    let relative = Path::new(location);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !relative.components().all(plain) {
        return Err(format!("its external data `{location}` isn't in the model's folder").into());
    }
    let failed = |what: &str, error: std::io::Error| {
        Reason::from(format!("its external data `{location}` can't be {what}: {error}"))
    };
    let path = folder.join(relative);
    let (real, root) = (path.canonicalize(), folder.canonicalize());
    let (real, root) = (real.map_err(|e| failed("found", e))?, root.map_err(|e| failed("found", e))?);
    if !real.starts_with(&root) {
        return Err(format!("its external data `{location}` leads out of the model's folder").into());
    }
    let mut file = File::open(&real).map_err(|e| failed("opened", e))?;
    let metadata = file.metadata().map_err(|e| failed("read", e))?;
    if !metadata.is_file() {
        return Err(format!("its external data `{location}` is no file").into());
    }
    let rest = metadata.len().saturating_sub(offset);
    let length = length.unwrap_or(rest);
    if length > rest || length > MAX_FILE_BYTES {
        return Err(
            format!("its external data `{location}` has {rest} bytes from {offset}, not {length}").into()
        );
    }
    file.seek(SeekFrom::Start(offset)).map_err(|e| failed("read", e))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(|e| failed("read", e))?;
    Ok(bytes)
}
