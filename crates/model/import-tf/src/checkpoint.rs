//! The variables of a SavedModel: a tensor bundle, whose index is a table in LevelDB's format.
//!
//! Crates for such tables abort on damaged ones or write them too; what is read here is one block after the
//! other, every offset checked. TensorFlow writes its index uncompressed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use prost::Message;
use veilflow_ir::Reason;
use veilflow_lowering::{MAX_FILE_BYTES, source};

use crate::{proto, tensor};

/// The last eight bytes of a table.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// The length of a table's footer.
const FOOTER: usize = 48;
/// What follows each block: its compression and a checksum.
const TRAILER: usize = 5;

/// The longest key taken: keys that share all but a few bytes could fill the memory.
const MAX_KEY: usize = 4096;

/// The variables of a checkpoint, by key.
pub(crate) struct Checkpoint {
    prefix: PathBuf,
    shards: i32,
    entries: BTreeMap<Vec<u8>, proto::BundleEntry>,
}

impl Checkpoint {
    /// Reads the index of the checkpoint whose files begin with `prefix`.
    pub(crate) fn open(prefix: &Path) -> Result<Self, Reason> {
        let index = with_suffix(prefix, ".index");
        let mut bytes = Vec::new();
        let read = File::open(&index).and_then(|f| f.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
        read.map_err(|e| format!("its variables can't be read from {}: {e}", index.display()))?;
        let mut entries = BTreeMap::new();
        let mut shards = 1;
        for (key, value) in table(&bytes)? {
            let damaged = |e: prost::DecodeError| format!("an entry of the checkpoint is damaged: {e}");
            if key.is_empty() {
                let header = proto::BundleHeader::decode(&value[..]).map_err(damaged)?;
                if header.big_endian != 0 {
                    return Err("its checkpoint is in big-endian order".into());
                }
                shards = header.shards;
            } else {
                entries.insert(key, proto::BundleEntry::decode(&value[..]).map_err(damaged)?);
            }
        }
        Ok(Self { prefix: prefix.to_owned(), shards, entries })
    }

    /// Whether it has a variable.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key.as_bytes())
    }

    /// A variable, as a tensor called `name`.
    pub(crate) fn variable(&self, key: &str, name: &str) -> Result<source::Tensor, Reason> {
        let entry = self.entries.get(key.as_bytes());
        let entry = entry.ok_or_else(|| format!("its checkpoint has no variable `{key}`"))?;
        let dims = tensor::dims(entry.shape.as_ref())?;
        let path = with_suffix(&self.prefix, &format!(".data-{:05}-of-{:05}", entry.shard, self.shards));
        let failed =
            |e: std::io::Error| format!("variable `{key}` can't be read from {}: {e}", path.display());
        let mut file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let (offset, size) = (u64::try_from(entry.offset), u64::try_from(entry.size));
        let (Ok(offset), Ok(size)) = (offset, size) else { return Err("a negative offset".into()) };
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(format!("variable `{key}` lies beyond the end of {}", path.display()).into());
        }
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes).map_err(failed)?;
        Ok(tensor::raw(name, entry.dtype, dims, bytes))
    }
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The pairs of a table.
fn table(bytes: &[u8]) -> Result<Pairs, Reason> {
    let damaged = || Reason::from("its checkpoint's index is damaged");
    let footer = bytes.len().checked_sub(FOOTER).and_then(|at| bytes.get(at..)).ok_or_else(damaged)?;
    if footer[FOOTER - 8..] != MAGIC.to_le_bytes() {
        return Err("its checkpoint's index is no table".into());
    }
    let mut rest = footer;
    // The handle of the index of metadata comes first.
    (varint(&mut rest).and(varint(&mut rest))).ok_or_else(damaged)?;
    let index = block(bytes, &mut rest)?;
    let mut pairs = Vec::new();
    for (_, handle) in index {
        pairs.extend(block(bytes, &mut &handle[..])?);
        if pairs.len() > 1 << 20 {
            return Err("its checkpoint has too many variables".into());
        }
    }
    Ok(pairs)
}

/// The pairs of the block at a handle.
fn block(bytes: &[u8], handle: &mut &[u8]) -> Result<Pairs, Reason> {
    let damaged = || Reason::from("its checkpoint's index is damaged");
    let offset = varint(handle).and_then(|v| usize::try_from(v).ok()).ok_or_else(damaged)?;
    let size = varint(handle).and_then(|v| usize::try_from(v).ok()).ok_or_else(damaged)?;
    let end = offset.checked_add(size).filter(|end| end.saturating_add(TRAILER) <= bytes.len());
    let end = end.ok_or_else(damaged)?;
    if bytes[end] != 0 {
        return Err("its checkpoint's index is compressed".into());
    }
    let block = &bytes[offset..end];
    let restarts = block.len().checked_sub(4).ok_or_else(damaged)?;
    let count = block[restarts..].first_chunk().map(|&b| u32::from_le_bytes(b)).ok_or_else(damaged)?;
    let tail = usize::try_from(count).ok().and_then(|c| c.checked_mul(4)).ok_or_else(damaged)?;
    let mut rest = block.get(..restarts.checked_sub(tail).ok_or_else(damaged)?).ok_or_else(damaged)?;
    let mut pairs: Pairs = Vec::new();
    while !rest.is_empty() {
        let mut next = || varint(&mut rest).and_then(|v| usize::try_from(v).ok()).ok_or_else(damaged);
        let (shared, unshared, length) = (next()?, next()?, next()?);
        let before = pairs.last().map_or(&[][..], |(key, _)| key);
        let mut key = before.get(..shared).ok_or_else(damaged)?.to_vec();
        let (own, after) = rest.split_at_checked(unshared).ok_or_else(damaged)?;
        let (value, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        key.extend_from_slice(own);
        if key.len() > MAX_KEY {
            return Err(damaged());
        }
        pairs.push((key, value.to_vec()));
        rest = after;
    }
    Ok(pairs)
}

/// A number of seven bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}
