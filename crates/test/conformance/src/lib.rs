//! The conformance suite: each function checks one operation against `veilflow-spec` over widths, corner
//! values and share splits, with correlations from the supplier under test. The files in `tests/` run it on
//! each supplier.

mod boolean;
mod compare;
mod layers;
mod math;
mod math_parts;
mod multiply;
mod overflow;
mod select;
mod width;

use veilflow_online::{Operation, Tuning};
use veilflow_ring::RingVec;
use veilflow_testkit::{Sharing, SupplierFactory, World};

/// What a check runs with.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// The supplier under test.
    pub supplier: SupplierFactory,
    /// How many draws of widths and sizes an operation is checked on.
    pub cases: usize,
    /// Whether a helper deals correlations.
    pub dealt: bool,
}

impl Suite {
    /// Calls `check` for every case with a world, a number of elements, a sharing and a tuning.
    fn each(&self, name: &str, mut check: impl FnMut(&mut World, usize, Sharing, Tuning)) {
        let mut world = World::new(name, self.supplier);
        for case in 0..self.cases {
            // One element, word boundaries, and odd sizes all occur.
            let n = [1, 64, 65, 7, 130][case % 5] + world.below(3) as usize;
            let sharing = Sharing::ALL[world.below(5) as usize];
            let (leaf_bits, extra_levels) = (1 + world.below(4) as u32, world.below(3) as u32);
            let tuning = Tuning { leaf_bits, extra_levels, dealt: self.dealt };
            check(&mut world, n, sharing, tuning);
        }
    }
}

/// Holds an operation on elements to its declared cost, and its results on a sharing of `x` to `want`.
fn hold(
    world: &mut World,
    operation: &dyn Operation,
    (x, sharing): (&RingVec, Sharing),
    want: &RingVec,
    what: &str,
) {
    let shares = world.share(x, sharing);
    let cost = operation.cost(x.len());
    let got = world.run_joined(&cost, |p| operation.run(p, &shares[p.role.index()]));
    world.assert_equal(&got, want, what);
}

/// Declares one `#[test]` an operation, all with the given [`Suite`].
#[macro_export]
macro_rules! conformance {
    ($suite:expr) => {
        $crate::conformance!(
            $suite, share_and_reveal, and_private, and_shared, products, bit_to_arithmetic, less_than, carry, msb,
            is_positive, msb_and_carry, wrap_count, arg_max, top_k, beyond, outside, any, multiplex, relu, relu_truncate, clip, truncate_reduce,
            truncate_extend, zero_extend, sign_extend, divide_floor, average_pool, max_pool, linear, linear_shared, in_threads, carries, digits,
            most_significant_one, most_significant_index, lookup, multiply, matmul, divide_toward_zero, sigmoid, tanh, erf, silu, gelu, exp, exp_signed, log, reciprocal,
            reciprocal_sqrt, sqrt, divide, softmax, l2_normalise, layer_norm
        );
    };
    ($suite:expr, $($op:ident),*) => {$(
        #[test]
        fn $op() {
            let suite: $crate::Suite = $suite;
            suite.$op();
        }
    )*};
}
