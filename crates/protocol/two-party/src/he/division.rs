//! How the planes and outputs of a layer are divided among polynomials.

use veilflow_he::{Budget, Parameters, fresh_bits};

use super::geometry::Geometry;
use super::layout::Layout;

/// How planes and outputs are divided among polynomials.
#[derive(Debug, Clone, Copy)]
pub(super) struct Division {
    pub(super) layout: Layout,
    /// The number of residue classes, of planes in an input and of products in a reply. It is a power of two.
    pub(super) classes: usize,
    /// The number of blocks in an input polynomial. Each block holds one plane of every residue class.
    pub(super) planes: usize,
    /// The number of outputs in a product.
    pub(super) outputs: usize,
}

impl Division {
    /// Input polynomials of a tile.
    pub(super) fn inputs(&self, geometry: &Geometry) -> usize {
        geometry.planes().div_ceil(self.planes * self.classes)
    }

    /// Replies of a tile.
    pub(super) fn replies(&self, geometry: &Geometry) -> usize {
        geometry.outputs.div_ceil(self.outputs).div_ceil(self.classes)
    }

    /// How many coefficients of an input polynomial of `planes` planes a tile of `size` outputs reads.
    fn read(&self, degree: usize, size: [usize; 2], planes: usize) -> usize {
        let degree = degree / self.classes;
        let of_class = |blocks: usize| match blocks {
            0 => 0,
            _ if self.outputs > 1 => degree,
            _ => {
                let own = self.layout.reads(size).len();
                degree.min((blocks - 1) * own.min(self.layout.block) + own)
            }
        };
        let (blocks, rest) = (planes / self.classes, planes % self.classes);
        rest * of_class(blocks + 1) + (self.classes - rest) * of_class(blocks)
    }

    /// Bits of all fresh ciphertexts of a layer.
    pub(super) fn input_bits(&self, geometry: &Geometry, parameters: &Parameters, budget: &Budget) -> f64 {
        let polynomial = self.planes * self.classes;
        let (whole, rest) = (geometry.planes() / polynomial, geometry.planes() % polynomial);
        let mut coefficients = 0;
        for (rows, of_rows) in kinds(geometry.output[0], self.layout.tile[0]) {
            for (columns, of_columns) in kinds(geometry.output[1], self.layout.tile[1]) {
                let read = |planes| self.read(parameters.degree(), [rows, columns], planes);
                coefficients += of_rows * of_columns * (whole * read(polynomial) + read(rest));
            }
        }
        let free = geometry.channels * geometry.read();
        let [of_free, of_given] = fresh_bits(parameters, budget).map(f64::from);
        coefficients as f64 * of_given - free as f64 * (of_given - of_free)
    }
}

/// The sizes of the parts of `all`, which are `part` long but for the last, and how many of each there are.
fn kinds(all: usize, part: usize) -> [(usize, usize); 2] {
    let last = (all - 1) % part + 1;
    [(part, (all - last) / part), (last, 1)]
}
