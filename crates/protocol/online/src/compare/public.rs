//! The leaf of a public digit and a dealt one, which is local.

use veilflow_net::Role;
use veilflow_ring::Bits;

use super::joins::Segment;

/// Shares of (lt, eq) of a public digit and a dealt one, of which `dealt` are [digit = v] for v from 1 on.
pub(crate) fn public_leaf(role: Role, public: &[Bits], dealt: &[Bits], has_eq: bool) -> Segment {
    let (n, words) = (public[0].len(), public[0].words().len());
    let (mut lt, mut eq) = (Vec::with_capacity(words), Vec::with_capacity(words));
    let entries = 1 << public.len();
    for at in 0..words {
        // Under v: [digit = v], and [digit > v].
        let (mut equal, mut above) = ([0u64; 16], [0u64; 16]);
        for v in (1..entries).rev() {
            equal[v] = dealt[v - 1].words()[at];
            above[v - 1] = above[v] ^ equal[v];
        }
        equal[0] = if role == Role::P0 { !above[0] } else { above[0] };
        for (i, row) in public.iter().enumerate() {
            let bit = row.words()[at];
            for v in 0..entries >> (i + 1) {
                let choose = |table: &[u64; 16]| table[2 * v] ^ (table[2 * v] ^ table[2 * v + 1]) & bit;
                (equal[v], above[v]) = (choose(&equal), choose(&above));
            }
        }
        lt.push(above[0]);
        eq.push(equal[0]);
    }
    Segment { lt: Bits::from_words(lt, n), eq: has_eq.then(|| Bits::from_words(eq, n)) }
}
