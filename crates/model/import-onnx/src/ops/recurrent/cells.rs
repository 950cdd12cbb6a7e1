//! One step of each cell, as the ONNX specification defines it: * is the product of elements, X and H rows.

use veilflow_ir::{Op, Shape, Tensor, ValueId};

use super::{Recurrence, gates};
use crate::lowering::{Lowering, Refusal};

/// The state before a step, each part [N, H]; none where it is zero.
#[derive(Default)]
pub(super) struct State {
    pub(super) hidden: Option<ValueId>,
    pub(super) cell: Option<ValueId>,
}

/// The state after a step.
pub(super) struct Next {
    pub(super) hidden: ValueId,
    pub(super) cell: Option<ValueId>,
}

/// One direction of a recurrent op: its constants, and its step.
pub(super) trait Cell: Sized {
    /// The number of gates.
    const GATES: usize;
    /// The activations by default.
    const ACTIVATIONS: &'static [&'static str];

    /// What attributes of its own say.
    type Options;

    fn options(l: &mut Lowering<'_>) -> Result<Self::Options, Refusal>;

    fn new(
        l: &mut Lowering<'_>,
        r: &Recurrence,
        direction: usize,
        options: &Self::Options,
    ) -> Result<Self, Refusal>;

    fn initial(&self, l: &mut Lowering<'_>, r: &Recurrence, direction: usize) -> Result<State, Refusal> {
        Ok(State { hidden: r.initial(l, 5, direction)?, cell: None })
    }

    fn step(&self, l: &mut Lowering<'_>, r: &Recurrence, step: usize, state: State) -> Result<Next, Refusal>;
}

/// The activations of one direction.
fn activations<const N: usize>(r: &Recurrence, direction: usize) -> [Op; N] {
    std::array::from_fn(|i| r.activations[direction * N + i].clone())
}

fn sums(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// x plus the state's product with `weights`, if there is a state.
fn plus_product(
    l: &mut Lowering<'_>,
    x: ValueId,
    state: Option<ValueId>,
    weights: ValueId,
) -> Result<ValueId, Refusal> {
    let Some(state) = state else { return Ok(x) };
    let product = l.step("recurrent", Op::MatMul, &[state, weights])?;
    l.step("sum", Op::Add, &[x, product])
}

/// H' = f(X·W + H·R + b).
pub(super) struct Rnn {
    projected: ValueId,
    recurrent: ValueId,
    f: Op,
}

impl Cell for Rnn {
    const GATES: usize = 1;
    const ACTIVATIONS: &'static [&'static str] = &["Tanh"];
    type Options = ();

    fn options(_: &mut Lowering<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn new(l: &mut Lowering<'_>, r: &Recurrence, direction: usize, (): &()) -> Result<Self, Refusal> {
        let [input, state] = r.biases(l, direction)?;
        let projected = r.project(l, direction, sums(&input, &state))?;
        let recurrent = r.weights(l, 2, direction, 0..r.rows, "recurrent_weights")?;
        let [f] = activations(r, direction);
        Ok(Self { projected, recurrent, f })
    }

    fn step(&self, l: &mut Lowering<'_>, r: &Recurrence, step: usize, state: State) -> Result<Next, Refusal> {
        let row = r.rows_of(l, self.projected, step)?;
        let sum = plus_product(l, row, state.hidden, self.recurrent)?;
        Ok(Next { hidden: l.step("hidden", self.f.clone(), &[sum])?, cell: None })
    }
}

/// Of X·W + H·R + b the gates i, o, f, c; with peepholes p, i and f have p*C added, and o has p*C'.
///
/// C' = f(f)*C + f(i)*g(c), H' = f(o)*h(C').
pub(super) struct Lstm {
    projected: ValueId,
    recurrent: ValueId,
    peepholes: Option<Peepholes>,
    f: Op,
    g: Op,
    h: Op,
}

/// Weights of the cell's state on its gates.
struct Peepholes {
    /// Those of i and f, [2·H].
    before: ValueId,
    /// Those of o, [H].
    after: ValueId,
}

impl Cell for Lstm {
    const GATES: usize = 4;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh", "Tanh"];
    type Options = ();

    fn options(l: &mut Lowering<'_>) -> Result<(), Refusal> {
        match l.attributes.flag("input_forget")? {
            true => Err("`input_forget` isn't supported".into()),
            false => Ok(()),
        }
    }

    fn new(l: &mut Lowering<'_>, r: &Recurrence, direction: usize, (): &()) -> Result<Self, Refusal> {
        let [input, state] = r.biases(l, direction)?;
        let projected = r.project(l, direction, sums(&input, &state))?;
        let recurrent = r.weights(l, 2, direction, 0..r.rows, "recurrent_weights")?;
        let peepholes = match r.vector(l, 7, direction, 3 * r.hidden)? {
            None => None,
            Some(p) => {
                let mut constant = |name: &str, data: Vec<f32>| {
                    l.constant(&format!("{name}{direction}"), Tensor::new(Shape::new([data.len()])?, data)?)
                };
                let [i, o, f] = [0, 1, 2].map(|gate| &p[gate * r.hidden..][..r.hidden]);
                let before = constant("peepholes_before", [i, f].concat())?;
                Some(Peepholes { before, after: constant("peepholes_after", o.to_vec())? })
            }
        };
        let [f, g, h] = activations(r, direction);
        Ok(Self { projected, recurrent, peepholes, f, g, h })
    }

    fn initial(&self, l: &mut Lowering<'_>, r: &Recurrence, direction: usize) -> Result<State, Refusal> {
        Ok(State { hidden: r.initial(l, 5, direction)?, cell: r.initial(l, 6, direction)? })
    }

    fn step(&self, l: &mut Lowering<'_>, r: &Recurrence, step: usize, state: State) -> Result<Next, Refusal> {
        const I: usize = 0;
        const O: usize = 1;
        const F: usize = 2;
        const C: usize = 3;
        let row = r.rows_of(l, self.projected, step)?;
        let sum = plus_product(l, row, state.hidden, self.recurrent)?;
        let candidate = gates(l, sum, r.hidden, &[C])?;
        let candidate = l.step("candidate", self.g.clone(), &[candidate])?;
        // What can be opened before C' is known; f only if there is something to forget.
        let before: &[usize] = match (&self.peepholes, state.cell) {
            (None, Some(_)) => &[I, O, F],
            (None, None) => &[I, O],
            (Some(_), Some(_)) => &[I, F],
            (Some(_), None) => &[I],
        };
        let mut open = gates(l, sum, r.hidden, before)?;
        if let (Some(peepholes), Some(cell)) = (&self.peepholes, state.cell) {
            let twice = gates(l, cell, r.hidden, &[0, 0])?;
            let seen = l.step("seen", Op::Mul, &[twice, peepholes.before])?;
            open = l.step("sum", Op::Add, &[open, seen])?;
        }
        let open = l.step("open", self.f.clone(), &[open])?;
        let gate = |l: &mut Lowering<'_>, g: usize| {
            let place = before.iter().position(|&b| b == g).unwrap_or_default();
            gates(l, open, r.hidden, &[place])
        };
        let input = gate(l, I)?;
        let mut cell = l.step("new", Op::Mul, &[input, candidate])?;
        if let Some(old) = state.cell {
            let forget = gate(l, F)?;
            let kept = l.step("kept", Op::Mul, &[forget, old])?;
            cell = l.step("cell", Op::Add, &[kept, cell])?;
        }
        let output = match &self.peepholes {
            None => gate(l, O)?,
            Some(peepholes) => {
                let output = gates(l, sum, r.hidden, &[O])?;
                let seen = l.step("seen", Op::Mul, &[cell, peepholes.after])?;
                let output = l.step("sum", Op::Add, &[output, seen])?;
                l.step("open", self.f.clone(), &[output])?
            }
        };
        let shown = l.step("shown", self.h.clone(), &[cell])?;
        Ok(Next { hidden: l.step("hidden", Op::Mul, &[output, shown])?, cell: Some(cell) })
    }
}

/// Gates z and r of X·W + H·R + b, and a candidate c: with the reset before the product with the state it is
/// g(X·W + (f(r)*H)·R + b), else g(X·W + b + f(r)*(H·R + b')).
///
/// H' = (1 − f(z))*c + f(z)*H = c + f(z)*(H − c): one product instead of two.
pub(super) struct Gru {
    projected: ValueId,
    /// Those of z and r, and of c where its reset comes after the product.
    recurrent: ValueId,
    reset: Reset,
    f: Op,
    g: Op,
}

/// Where the candidate's state is reset.
enum Reset {
    /// Before the product with these weights.
    Before { weights: ValueId },
    /// After the product, to which this bias is added.
    After { bias: ValueId },
}

impl Cell for Gru {
    const GATES: usize = 3;
    const ACTIVATIONS: &'static [&'static str] = &["Sigmoid", "Tanh"];
    /// Whether the reset comes after the product.
    type Options = bool;

    fn options(l: &mut Lowering<'_>) -> Result<bool, Refusal> {
        Ok(l.attributes.flag("linear_before_reset")?)
    }

    fn new(l: &mut Lowering<'_>, r: &Recurrence, direction: usize, after: &bool) -> Result<Self, Refusal> {
        let gates = 2 * r.hidden;
        let [mut input, mut state] = r.biases(l, direction)?;
        let shared = if *after { gates } else { r.rows };
        for (input, state) in input.iter_mut().zip(&mut state).take(shared) {
            *input += std::mem::take(state);
        }
        let projected = r.project(l, direction, input)?;
        let rows = if *after { 0..r.rows } else { 0..gates };
        let recurrent = r.weights(l, 2, direction, rows, "recurrent_weights")?;
        let reset = if *after {
            let bias = Tensor::new(Shape::new([r.rows])?, state)?;
            Reset::After { bias: l.constant(&format!("recurrent_bias{direction}"), bias)? }
        } else {
            Reset::Before { weights: r.weights(l, 2, direction, gates..r.rows, "candidate_weights")? }
        };
        let [f, g] = activations(r, direction);
        Ok(Self { projected, recurrent, reset, f, g })
    }

    fn step(&self, l: &mut Lowering<'_>, r: &Recurrence, step: usize, state: State) -> Result<Next, Refusal> {
        const Z: usize = 0;
        const R: usize = 1;
        const C: usize = 2;
        let row = r.rows_of(l, self.projected, step)?;
        let mut open = gates(l, row, r.hidden, &[Z, R])?;
        let mut sum = gates(l, row, r.hidden, &[C])?;
        match self.reset {
            Reset::Before { weights } => {
                open = plus_product(l, open, state.hidden, self.recurrent)?;
                open = l.step("open", self.f.clone(), &[open])?;
                if let Some(hidden) = state.hidden {
                    let reset = gates(l, open, r.hidden, &[R])?;
                    let kept = l.step("reset", Op::Mul, &[reset, hidden])?;
                    sum = plus_product(l, sum, Some(kept), weights)?;
                }
            }
            Reset::After { bias } => {
                let hidden = match state.hidden {
                    Some(hidden) => hidden,
                    None => l.constant("zero", Tensor::from_fn(Shape::new([r.batch, r.hidden])?, |_| 0.0))?,
                };
                let product = l.step("recurrent", Op::MatMul, &[hidden, self.recurrent, bias])?;
                let opening = gates(l, product, r.hidden, &[Z, R])?;
                open = l.step("sum", Op::Add, &[open, opening])?;
                open = l.step("open", self.f.clone(), &[open])?;
                let reset = gates(l, open, r.hidden, &[R])?;
                let candidate = gates(l, product, r.hidden, &[C])?;
                let kept = l.step("reset", Op::Mul, &[reset, candidate])?;
                sum = l.step("sum", Op::Add, &[sum, kept])?;
            }
        }
        let candidate = l.step("candidate", self.g.clone(), &[sum])?;
        let update = gates(l, open, r.hidden, &[Z])?;
        let (op, moves) = match state.hidden {
            Some(hidden) => (Op::Add, l.step("difference", Op::Sub, &[hidden, candidate])?),
            None => (Op::Sub, candidate),
        };
        let moved = l.step("moved", Op::Mul, &[update, moves])?;
        Ok(Next { hidden: l.step("hidden", op, &[candidate, moved])?, cell: None })
    }
}
