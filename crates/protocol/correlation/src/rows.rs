//! Rows of bits, as streams give them and as corrections hold them.

use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring};

/// The ring of a demand, whose widths are valid.
pub(crate) fn ring(bits: u32) -> Ring {
    Ring::new(bits).expect("demands hold valid widths")
}

/// The next `rows` rows of a stream, of `count` bits each.
pub(crate) fn draw(prg: &mut Prg, rows: usize, count: usize) -> Vec<Bits> {
    (0..rows).map(|_| prg.bits(count)).collect()
}

/// Adds each row of `more` to the row at its place, modulo 2.
pub(crate) fn add(rows: &mut [Bits], more: &[Bits]) {
    rows.iter_mut().zip(more).for_each(|(row, more)| row.xor_assign(more));
}

/// Rows one after another, without a gap.
pub(crate) fn pack(rows: &[Bits]) -> Vec<u8> {
    Bits::concat(rows).to_bytes()
}

/// The rows of `count` bits that were packed.
pub(crate) fn unpack(bytes: &[u8], rows: usize, count: usize) -> Vec<Bits> {
    let all = Bits::from_bytes(bytes, rows * count);
    (0..rows).map(|row| all.slice(row * count, count)).collect()
}
