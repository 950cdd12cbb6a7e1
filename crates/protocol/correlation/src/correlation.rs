//! What a correlation is: all that pools, suppliers and a helper need to know of it.

use std::fmt;

use veilflow_net::Role;
use veilflow_prim::Prg;

use crate::batch::Batch;
use crate::request::RequestError;

/// A kind of correlation with its widths. Each lies in a file of its own, with everything that depends on the
/// kind.
///
/// # How a helper deals it
/// Each party has a stream of random bits, and the helper has both. A correlation is a relation between the
/// parties' halves. One party, the *corrected* one, expands as much of its half as the relation leaves free;
/// the other [expands](Self::expand) all of its own. The helper expands both, [computes](Self::correct) what
/// the relation then forces, and sends it to the corrected party as a *correction*, with which that party
/// [completes](Self::complete) its half.
///
/// A correction is masked by a part of the other party's stream that nothing else uses, or is itself such a
/// part. So it is uniform given all that the corrected party knows. The docs of each kind say which part that
/// is.
///
/// All sides ask a stream for the same amounts in the same order. That order is part of the protocol with a
/// helper, and so are [`TAG`](Self::TAG), [`Numbers`](Self::Numbers) and the packing of a correction.
pub trait Correlation: Copy + Ord + fmt::Debug + fmt::Display {
    /// One party's half of a number of correlations.
    type Batch: Batch + fmt::Debug;

    /// The widths as a request holds them: an array of so many numbers.
    type Numbers: AsRef<[u32]> + for<'a> TryFrom<&'a [u32]>;

    /// The first byte of a request. It differs from kind to kind, and from the tags of a helper's other
    /// requests: 5, 6 and 255.
    const TAG: u8;

    /// The numbers that stand for these widths.
    fn numbers(&self) -> Self::Numbers;

    /// The widths that numbers stand for. Whether they are valid is for
    /// [`largest_table`](Self::largest_table) to say.
    ///
    /// # Errors
    /// A number that names no party or is neither yes nor no, where it has to.
    fn read(numbers: Self::Numbers) -> Result<Self, RequestError>;

    /// Bits of the largest table in one correlation, 1 where there is none; `None` where the widths do not
    /// fit each other. The methods below may panic unless this is [within bounds](crate::Kind::check).
    fn largest_table(&self) -> Option<u64>;

    /// Bits of memory that one correlation takes at a helper: both halves and the correction, an element as a
    /// word.
    fn bits_each(&self) -> usize;

    /// Bits of the correction of one correlation.
    fn dealt_bits(&self) -> usize;

    /// Who gets the correction: P0, unless a kind says otherwise. Layers, whose weights the server mostly
    /// holds, burden the helper's link to P1 already.
    fn corrected(&self) -> Role {
        Role::P0
    }

    /// The half of the party that is not corrected, from its stream.
    fn expand(&self, prg: &mut Prg, count: usize) -> Self::Batch;

    /// The correction of `count` correlations, from the streams of the corrected party and of the other:
    /// [`dealt_bits`](Self::dealt_bits) each, packed.
    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8>;

    /// The half of the corrected party, from its stream and the correction.
    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> Self::Batch;

    /// Whether a batch has the form that these widths prescribe.
    fn fits(&self, batch: &Self::Batch) -> bool;

    /// The half of `role`, from its stream and, if it is the corrected party, the correction.
    fn half(&self, role: Role, mut prg: Prg, count: usize, correction: &[u8]) -> Self::Batch {
        if role == self.corrected() {
            self.complete(&mut prg, count, correction)
        } else {
            self.expand(&mut prg, count)
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use veilflow_prim::Block;

    use super::*;

    /// Both parties' halves, P0's first. That the correction has its length, the halves their form, and the
    /// numbers their meaning holds for every kind.
    pub(crate) fn halves<C: Correlation>(kind: C, count: usize) -> [C::Batch; 2] {
        assert!(C::read(kind.numbers()).is_ok_and(|read| read == kind), "{kind}: numbers");
        assert!(kind.largest_table().is_some_and(|bits| bits > 0), "{kind}: its widths are valid");
        let streams = || [11, 12].map(|seed| Prg::from_seed(Block(seed)));
        let [mut p0, mut p1] = streams();
        let correction = match kind.corrected() {
            Role::P0 => kind.correct(&mut p0, &mut p1, count),
            Role::P1 => kind.correct(&mut p1, &mut p0, count),
        };
        assert_eq!(correction.len(), (kind.dealt_bits() * count).div_ceil(8), "{kind}: the correction");
        let [p0, p1] = streams();
        let halves = [(Role::P0, p0), (Role::P1, p1)].map(|(r, prg)| kind.half(r, prg, count, &correction));
        for half in &halves {
            assert!(kind.fits(half) && half.count() == count, "{kind}: {half:?}");
        }
        halves
    }
}
