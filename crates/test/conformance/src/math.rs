use veilflow_math::{Apply, Divide, NormaliseRows, SoftmaxRows};
use veilflow_ring::RingVec;
use veilflow_spec::math::{self, Division, Fixed, Function, Norm, Normalise, Softmax};
use veilflow_testkit::World;

use crate::{Suite, hold};

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
            let apply = Apply::new(&spline, tuning).unwrap();
            let what = format!("{function:?} {input:?} {output:?}");
            hold(world, &apply, (&x, sharing), &math::apply(&spline, &x), &what);
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

    /// Quotients of shared values: any, and those that fit.
    pub fn divide(&self) {
        self.each("divide", |world, n, sharing, tuning| {
            let division = loop {
                let [dividend, divisor] = [0, 1].map(|_| {
                    let bits = world.width(8..=20);
                    Fixed { bits, scale: world.width(2..=bits - 3) }
                });
                let scale = world.width(8..=12);
                let quotient = Fixed { bits: world.width(scale + 2..=18), scale };
                // Some scales are too far apart.
                if let Ok(division) = Division::new(dividend, divisor, quotient) {
                    break division;
                }
            };
            let Division { dividend, divisor, quotient, .. } = division;
            let mut x = world.values(dividend.ring(), n);
            let mut y = world.values(divisor.ring(), n);
            // As many again with small dividends and divisors.
            let shifts = [dividend, divisor].map(|format| world.width(0..=format.bits - 1));
            let small = world.values(dividend.ring(), n).to_signed();
            let small: Vec<i64> = small.iter().map(|v| v >> shifts[0]).collect();
            x.append(&RingVec::from_signed(dividend.ring(), &small));
            y.append(&world.values(divisor.ring(), n).map(|v| v >> shifts[1]));
            let [x_shares, y_shares] = [&x, &y].map(|v| world.share(v, sharing));
            let divide = Divide::new(&division, tuning).unwrap();
            let got = world.run_joined(&divide.cost(x.len()), |p| {
                let i = p.role.index();
                divide.run(p, &x_shares[i], &y_shares[i])
            });
            let what = format!("{dividend:?} {divisor:?} {quotient:?}");
            world.assert_equal(&got, &math::divide(&division, &x, &y), &what);
        });
    }

    /// Softmax of rows.
    pub fn softmax(&self) {
        self.each("softmax", |world, n, sharing, tuning| {
            let (input, output) = formats(world);
            let width = 1 + world.below(17) as usize;
            let job = Softmax::new(input, output, width).expect("formats in range");
            let rows = n.div_ceil(width);
            // Most rows within the range in which exponentials do not vanish.
            let shift = world.width(0..=input.bits - 1);
            let x = world.values(input.ring(), rows * width).to_signed();
            let x: Vec<i64> = x.iter().map(|v| v >> shift).collect();
            let x = RingVec::from_signed(input.ring(), &x);
            let shares = world.share(&x, sharing);
            let softmax = SoftmaxRows::new(&job, tuning).unwrap();
            let cost = softmax.cost(rows);
            let got = world.run_joined(&cost, |p| softmax.run(p, &shares[p.role.index()]));
            let what = format!("rows of {width} {input:?} {output:?}");
            world.assert_equal(&got, &math::softmax(&job, &x), &what);
        });
    }

    fn norm(&self, name: &str, norm: Norm) {
        self.each(name, |world, n, sharing, tuning| {
            let bits = world.width(8..=18);
            let input = Fixed { bits, scale: world.width(2..=bits - 3) };
            let width = 1 + world.below(17) as usize;
            let scale = world.width(8..=12);
            let output = Fixed { bits: world.width(scale + 4..=32), scale };
            let epsilon = world.below(3) * world.below(1 << 10);
            let job = Normalise::new(norm, input, output, width, epsilon).expect("formats in range");
            let rows = n.div_ceil(width);
            let shift = world.width(0..=input.bits - 1);
            let x = world.values(input.ring(), rows * width).to_signed();
            let x: Vec<i64> = x.iter().map(|v| v >> shift).collect();
            let x = RingVec::from_signed(input.ring(), &x);
            let shares = world.share(&x, sharing);
            let normalise = NormaliseRows::new(&job, tuning).unwrap();
            let cost = normalise.cost(rows);
            let got = world.run_joined(&cost, |p| normalise.run(p, &shares[p.role.index()]));
            let what = format!("{norm:?} of {width}, {input:?} {output:?}");
            world.assert_equal(&got, &math::normalise(&job, &x), &what);
        });
    }

    /// Rows divided by their length.
    pub fn l2_normalise(&self) {
        self.norm("l2_normalise", Norm::L2);
    }

    /// Layer normalisation.
    pub fn layer_norm(&self) {
        self.norm("layer_norm", Norm::Layer);
    }
}
