//! The tilings that prices choose, pinned. Whoever refits a price sees here which layers it divides
//! otherwise; both parties must then run the same version.

use veilflow_correlation::LinearRequest;
use veilflow_he::Form;
use veilflow_spec::{LinearShape, MatMulShape};

use super::{conv, request};
use crate::he::HeSuite;

/// Nanoseconds a byte: 377 MB/s, 40 MB/s and 10 Mbit/s.
const LINKS: [f64; 3] = [2.65, 25.0, 800.0];

/// Degree and primes, the form, a tile's outputs, then residue classes, planes and outputs of a polynomial.
type Tiling = ([usize; 2], Form, [usize; 2], [usize; 3]);

fn product(rows: usize, inner: usize, columns: usize) -> LinearShape {
    LinearShape::MatMul(MatMulShape { rows, inner, columns })
}

fn tiling(suite: &HeSuite, request: &LinearRequest) -> Tiling {
    let cut = suite.cut(request).unwrap();
    let division = &cut.division;
    (
        [cut.parameters.degree(), cut.parameters.primes()],
        cut.form,
        division.layout.tile,
        [division.classes, division.planes, division.outputs],
    )
}

const SMALL: [usize; 2] = [4096, 2];
const PACKING: [usize; 2] = [8192, 2];
const WIDE: [usize; 2] = [8192, 3];

#[test]
fn links_and_layers_choose_these_tilings() {
    use Form::{Coefficients, Points};
    let cases = [
        (request(conv(3, 224, 64, 7, 2, 1), 27, 10), [(SMALL, Points, [56, 56], [1, 1, 1]); 3]),
        (request(conv(64, 56, 64, 3, 1, 1), 32, 10), [(SMALL, Coefficients, [56, 56], [1, 1, 1]); 3]),
        (
            request(conv(512, 13, 1000, 1, 1, 1), 25, 8),
            [
                (SMALL, Points, [13, 3], [1, 8, 13]),
                (SMALL, Points, [13, 7], [1, 9, 5]),
                (PACKING, Points, [13, 13], [32, 1, 1]),
            ],
        ),
        (
            request(conv(672, 14, 672, 5, 1, 672), 24, 10),
            [
                (SMALL, Points, [14, 14], [1, 4, 4]),
                (PACKING, Points, [14, 14], [16, 1, 2]),
                (PACKING, Points, [14, 14], [32, 1, 1]),
            ],
        ),
        (request(conv(16, 28, 32, 3, 1, 1), 20, 8), [(SMALL, Points, [28, 28], [1, 2, 2]); 3]),
        (
            request(conv(512, 7, 512, 3, 1, 1), 27, 12),
            [
                (SMALL, Points, [7, 7], [1, 8, 8]),
                (SMALL, Points, [7, 7], [1, 16, 4]),
                (PACKING, Points, [7, 7], [64, 2, 1]),
            ],
        ),
        (
            request(product(1000, 2048, 1), 37, 12),
            [
                (WIDE, Points, [1, 1], [1, 137, 59]),
                (WIDE, Points, [1, 1], [1, 158, 50]),
                (WIDE, Points, [1, 1], [1, 205, 39]),
            ],
        ),
        (
            request(product(300, 100, 8), 30, 16),
            [
                (SMALL, Points, [1, 8], [1, 17, 30]),
                (SMALL, Points, [1, 8], [1, 20, 25]),
                (SMALL, Points, [1, 8], [1, 20, 25]),
            ],
        ),
    ];
    for (request, expected) in cases {
        let chosen = LINKS.map(|ns_per_byte| {
            let suite = HeSuite::for_layers(std::slice::from_ref(&request), ns_per_byte).unwrap();
            tiling(&suite, &request)
        });
        assert_eq!(chosen, expected, "{request:?} on links of {LINKS:?} ns a byte");
    }
}

/// Layers together: the dearer the link, the more packing keys pay for themselves, and a layer may pack only
/// with others.
#[test]
fn layers_together_choose_these_keys() {
    let layers = [
        request(conv(3, 224, 64, 7, 2, 1), 27, 10),
        request(conv(512, 13, 1000, 1, 1, 1), 25, 8),
        request(conv(672, 14, 672, 5, 1, 672), 24, 10),
        request(product(1000, 2048, 1), 37, 12),
    ];
    for (ns_per_byte, key_bytes, classes, bytes) in [
        (2.65, 213_024, [1, 1, 1, 1], [6_978_384, 22_193_307, 10_492_288, 2_737_310]),
        (25.0, 1_171_520, [1, 16, 16, 1], [6_978_384, 3_580_767, 4_299_136, 2_646_165]),
        (800.0, 1_384_512, [1, 32, 32, 1], [6_978_384, 2_033_567, 2_363_776, 2_587_804]),
    ] {
        let suite = HeSuite::for_layers(&layers, ns_per_byte).unwrap();
        assert_eq!(suite.setup_cost().volume().bytes, [0, key_bytes], "keys at {ns_per_byte} ns a byte");
        let chosen = layers.each_ref().map(|layer| suite.cut(layer).unwrap().division.classes);
        let sent = layers
            .each_ref()
            .map(|layer| suite.linear_cost(layer).unwrap().volume().bytes.iter().sum::<u64>());
        assert_eq!((chosen, sent), (classes, bytes), "layers at {ns_per_byte} ns a byte");
    }
}
