//! Tables of a flatbuffer, read in place. Every offset is checked.

use veilflow_ir::Reason;

type Read<T> = Result<T, Reason>;

fn damaged<T>() -> Read<T> {
    Err("an offset leads out of the file".into())
}

/// A table: its fields by the places that the schema gives them.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where its vtable begins and ends.
    vtable: (usize, usize),
}

/// `N` bytes of the file.
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Read<[u8; N]> {
    match bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()) {
        Some(chunk) => Ok(*chunk),
        None => damaged(),
    }
}

/// Where the offset that lies at `at` leads.
fn follow(bytes: &[u8], at: usize) -> Read<usize> {
    let offset = u32::from_le_bytes(chunk(bytes, at)?) as usize;
    match at.checked_add(offset).filter(|&to| offset != 0 && to < bytes.len()) {
        Some(to) => Ok(to),
        None => damaged(),
    }
}

impl<'a> Table<'a> {
    /// The table that a file begins with.
    pub(crate) fn root(bytes: &'a [u8]) -> Read<Self> {
        Self::new(bytes, follow(bytes, 0)?)
    }

    fn new(bytes: &'a [u8], at: usize) -> Read<Self> {
        let back = i64::from(i32::from_le_bytes(chunk(bytes, at)?));
        let start = usize::try_from(at as i64 - back).unwrap_or(usize::MAX);
        let size = usize::from(u16::from_le_bytes(chunk(bytes, start)?));
        match start.checked_add(size).filter(|&end| size >= 4 && end <= bytes.len()) {
            Some(end) => Ok(Self { bytes, at, vtable: (start, end) }),
            None => damaged(),
        }
    }

    /// Where a field lies, if the table has it.
    fn field(&self, slot: usize) -> Read<Option<usize>> {
        let entry = self.vtable.0 + 4 + 2 * slot;
        if entry + 2 > self.vtable.1 {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(chunk(self.bytes, entry)?));
        Ok((offset != 0).then_some(self.at + offset))
    }

    fn scalar<const N: usize, T>(&self, slot: usize, default: T, decode: fn([u8; N]) -> T) -> Read<T> {
        match self.field(slot)? {
            Some(at) => Ok(decode(chunk(self.bytes, at)?)),
            None => Ok(default),
        }
    }

    pub(crate) fn byte(&self, slot: usize) -> Read<u8> {
        self.scalar(slot, 0, |[byte]: [u8; 1]| byte)
    }

    pub(crate) fn flag(&self, slot: usize) -> Read<bool> {
        Ok(self.byte(slot)? != 0)
    }

    pub(crate) fn int(&self, slot: usize, default: i32) -> Read<i32> {
        self.scalar(slot, default, i32::from_le_bytes)
    }

    pub(crate) fn float(&self, slot: usize) -> Read<f32> {
        self.scalar(slot, 0.0, f32::from_le_bytes)
    }

    pub(crate) fn long(&self, slot: usize) -> Read<u64> {
        self.scalar(slot, 0, u64::from_le_bytes)
    }

    pub(crate) fn table(&self, slot: usize) -> Read<Option<Self>> {
        match self.field(slot)? {
            Some(at) => Self::new(self.bytes, follow(self.bytes, at)?).map(Some),
            None => Ok(None),
        }
    }

    /// Where the elements of a vector begin, and how many there are of `size` bytes each.
    fn vector(&self, slot: usize, size: usize) -> Read<(usize, usize)> {
        let Some(at) = self.field(slot)? else { return Ok((0, 0)) };
        let start = follow(self.bytes, at)?;
        let count = u32::from_le_bytes(chunk(self.bytes, start)?) as usize;
        match count
            .checked_mul(size)
            .and_then(|n| n.checked_add(start + 4))
            .filter(|&end| end <= self.bytes.len())
        {
            Some(_) => Ok((start + 4, count)),
            None => damaged(),
        }
    }

    fn numbers<const N: usize, T>(&self, slot: usize, decode: fn([u8; N]) -> T) -> Read<Vec<T>> {
        let (start, count) = self.vector(slot, N)?;
        (0..count).map(|i| Ok(decode(chunk(self.bytes, start + N * i)?))).collect()
    }

    pub(crate) fn ints(&self, slot: usize) -> Read<Vec<i32>> {
        self.numbers(slot, i32::from_le_bytes)
    }

    pub(crate) fn longs(&self, slot: usize) -> Read<Vec<i64>> {
        self.numbers(slot, i64::from_le_bytes)
    }

    pub(crate) fn floats(&self, slot: usize) -> Read<Vec<f32>> {
        self.numbers(slot, f32::from_le_bytes)
    }

    pub(crate) fn bytes(&self, slot: usize) -> Read<&'a [u8]> {
        let (start, count) = self.vector(slot, 1)?;
        Ok(&self.bytes[start..start + count])
    }

    /// Bytes of the file itself, from `offset`.
    pub(crate) fn outside(&self, offset: u64, size: u64) -> Read<&'a [u8]> {
        let range = usize::try_from(offset).ok().zip(usize::try_from(size).ok());
        let range = range.and_then(|(from, size)| Some(from..from.checked_add(size)?));
        match range.and_then(|range| self.bytes.get(range)) {
            Some(bytes) => Ok(bytes),
            None => damaged(),
        }
    }

    pub(crate) fn text(&self, slot: usize) -> Read<String> {
        Ok(String::from_utf8_lossy(self.bytes(slot)?).into_owned())
    }

    pub(crate) fn tables(&self, slot: usize) -> Read<Vec<Self>> {
        let (start, count) = self.vector(slot, 4)?;
        (0..count).map(|i| Self::new(self.bytes, follow(self.bytes, start + 4 * i)?)).collect()
    }
}
