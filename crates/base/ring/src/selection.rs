//! Entries under bit-sliced indices. Every entry is read alike, so no branch and no address depends on an
//! index.

use crate::Bits;

/// The bits \[index = `value`\], element by element: bit t of every index is in row t of `index`.
///
/// Panics if `index` has no rows or rows of different length, or if `value` has more bits than `index` has
/// rows.
pub fn equals(index: &[Bits], value: usize) -> Bits {
    let first = index.first().expect("an index has a bit at least");
    assert!(value >> index.len() == 0, "{value} needs more than the {} bits of an index", index.len());
    index.iter().enumerate().fold(Bits::filled(true, first.len()), |equal, (t, row)| {
        // The value is public.
        if value >> t & 1 == 1 { equal.and(row) } else { equal.and(&row.not()) }
    })
}

/// The rows of the entry under each index, element by element: an entry is a slice of rows, and `entries`
/// come in the order of their indices.
///
/// Panics as [`equals`] does, if there are fewer than two entries, or if entries differ in size.
pub fn select<'a>(entries: impl IntoIterator<Item = &'a [Bits]>, index: &[Bits]) -> Vec<Bits> {
    let chosen = entries.into_iter().enumerate().map(|(value, entry)| {
        let here = equals(index, value);
        entry.iter().map(|row| row.and(&here)).collect::<Vec<Bits>>()
    });
    let joined = chosen.reduce(|mut sum, entry| {
        assert_eq!(sum.len(), entry.len(), "entries of different size");
        sum.iter_mut().zip(&entry).for_each(|(sum, row)| sum.xor_assign(row));
        sum
    });
    joined.expect("there are entries")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bit_slices;

    /// Every index at every place of a word and beyond it.
    #[test]
    fn every_entry_is_found_under_its_index() {
        for digits in 1..=5 {
            let count = 1usize << digits;
            let indices: Vec<u64> = (0..3 * count as u64 + 67).map(|i| i * i % count as u64).collect();
            let index = bit_slices(&indices, digits);
            let entries: Vec<Vec<Bits>> = (0..count)
                .map(|entry| {
                    let word = |place: usize| ((entry + 3) * (place + 7) * 0x9e37) as u64;
                    bit_slices(&(0..indices.len()).map(word).collect::<Vec<u64>>(), 9)
                })
                .collect();
            let selected = select(entries.iter().map(Vec::as_slice), &index);
            assert_eq!(selected.len(), 9);
            for (place, &wanted) in indices.iter().enumerate() {
                for value in 0..count {
                    let equal = equals(&index, value).get(place);
                    assert_eq!(
                        equal,
                        wanted == value as u64,
                        "{digits} bits: index {wanted} against {value}"
                    );
                }
                for (row, selected) in selected.iter().enumerate() {
                    assert_eq!(
                        selected.get(place),
                        entries[wanted as usize][row].get(place),
                        "{digits} bits"
                    );
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "4 needs more than the 2 bits of an index")]
    fn a_value_beyond_the_index_is_a_bug() {
        equals(&[Bits::zeros(3), Bits::zeros(3)], 4);
    }
}
