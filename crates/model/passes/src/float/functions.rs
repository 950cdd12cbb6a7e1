//! Functions of one argument, by `f64`.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use veilflow_ir::Function;

/// The function at `x`, rounded from `f64`. Where it isn't defined, the result is infinite or not a number.
pub(super) fn value_at(function: Function, x: f32) -> f32 {
    let x = f64::from(x);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let y = match function {
        Function::Sigmoid => sigmoid(x),
        Function::Tanh => x.tanh(),
        Function::Erf => erf(x),
        Function::Silu => x * sigmoid(x),
        Function::Gelu => x * (1.0 + erf(x * FRAC_1_SQRT_2)) / 2.0,
        Function::Exp | Function::ExpSigned => x.exp(),
        Function::Log => x.ln(),
        Function::Reciprocal => x.recip(),
        Function::ReciprocalSqrt => x.sqrt().recip(),
        Function::Sqrt => x.sqrt(),
    };
    y as f32
}

/// erf(x) = 2/√π · e^(−x²) · Σ 2^n x^(2n+1) / (1·3·…·(2n+1)): all terms have one sign, so none cancel
/// (Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6). Beyond 6 it is ±1 to the last bit.
fn erf(x: f64) -> f64 {
    if x.is_nan() || x.abs() > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * f64::EPSILON {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    2.0 / PI.sqrt() * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Correctly rounded values from the tables of Abramowitz and Stegun (7.1) and of e.
    #[test]
    fn functions_have_their_tabulated_values() {
        for (x, expected) in
            [(0.0, 0.0), (0.5, 0.520_499_877_8), (-1.0, -0.842_700_792_9), (2.0, 0.995_322_265_0)]
        {
            assert!((erf(x) - expected).abs() < 5e-11, "erf({x}) = {}", erf(x));
        }
        assert_eq!((erf(30.0), erf(f64::NEG_INFINITY)), (1.0, -1.0));
        for (function, x, expected) in [
            (Function::Sigmoid, 0.0, 0.5),
            (Function::Sigmoid, -1000.0, 0.0),
            (Function::Tanh, 1.0, 0.761_594_2),
            (Function::Silu, 1.0, 0.731_058_6),
            (Function::Gelu, 1.0, 0.841_344_7),
            (Function::Exp, 1.0, 2.718_281_7),
            (Function::Log, 3.0, 1.098_612_3),
            (Function::Reciprocal, -4.0, -0.25),
            (Function::ReciprocalSqrt, 16.0, 0.25),
            (Function::Sqrt, 3.0, 1.732_050_8),
        ] {
            assert!((value_at(function, x) - expected).abs() < 1e-7, "{function}({x})");
        }
    }
}
