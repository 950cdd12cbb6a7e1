use veilflow_math::{apply, apply_cost};
use veilflow_ring::RingVec;
use veilflow_spec::math::{self, Fixed, Function};
use veilflow_testkit::World;

use crate::Suite;

/// Formats in the range of a function: mostly small, up to the widest.
fn formats(world: &mut World) -> (Fixed, Fixed) {
    let bits = [8, 12, 16, 16, 16, 20, 32][world.below(7) as usize];
    let input = Fixed { bits, scale: world.width(2..=(bits - 3).min(20)) };
    let scale = world.width(8..=14);
    let output = Fixed { bits: world.width(scale + 2..=32), scale };
    (input, output)
}

impl Suite {
    fn function(&self, function: Function) {
        self.each(&format!("{function:?}"), |world, n, sharing, tuning| {
            let (input, mut output) = formats(world);
            if matches!(function, Function::Silu | Function::Gelu) {
                // The result has at most the argument's range.
                output.bits = output.bits.min(output.scale + input.bits - input.scale);
            }
            if function == Function::Log {
                // The logarithm of any argument fits.
                output.bits = output.bits.max(output.scale + 6);
            }
            let spline = function.spline(input, output).expect("formats in range");
            // Half of the arguments small: others saturate more often than not.
            let corners = world.values(input.ring(), n);
            let shift = world.width(0..=input.bits - 1);
            let small = world.values(input.ring(), n).to_signed();
            let mut x = corners;
            x.append(&RingVec::from_signed(
                input.ring(),
                &small.iter().map(|v| v >> shift).collect::<Vec<_>>(),
            ));
            let shares = world.share(&x, sharing);
            let cost = apply_cost(&spline, x.len(), tuning);
            let got = world.run_joined(&cost, tuning, |p| apply(p, &spline, &shares[p.role.index()]));
            world.assert_equal(
                &got,
                &math::apply(&spline, &x),
                &format!("{function:?} {input:?} {output:?}"),
            );
        });
    }

    /// The logistic function.
    pub fn sigmoid(&self) {
        self.function(Function::Sigmoid);
    }

    /// The hyperbolic tangent.
    pub fn tanh(&self) {
        self.function(Function::Tanh);
    }

    /// The error function.
    pub fn erf(&self) {
        self.function(Function::Erf);
    }

    /// x·σ(x).
    pub fn silu(&self) {
        self.function(Function::Silu);
    }

    /// x·Φ(x).
    pub fn gelu(&self) {
        self.function(Function::Gelu);
    }

    /// The exponential of a non-positive argument.
    pub fn exp(&self) {
        self.function(Function::Exp);
    }

    /// The exponential of a signed argument.
    pub fn exp_signed(&self) {
        self.function(Function::ExpSigned);
    }

    /// The natural logarithm.
    pub fn log(&self) {
        self.function(Function::Log);
    }

    /// 1 / x.
    pub fn reciprocal(&self) {
        self.function(Function::Reciprocal);
    }

    /// 1 / √x.
    pub fn reciprocal_sqrt(&self) {
        self.function(Function::ReciprocalSqrt);
    }

    /// √x.
    pub fn sqrt(&self) {
        self.function(Function::Sqrt);
    }
}
