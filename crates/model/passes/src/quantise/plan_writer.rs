//! The plan as it is written, node by node.

use std::collections::{BTreeMap, HashMap};

use veilflow_ir::plan::{Checks, ConstantBounds, Settings};
use veilflow_ir::{Parameters, Plan, PlanNode, PlanOp, PlanValue, Shape, Weights};

use super::checks;
use super::options::Options;
use super::step::Form;
use crate::error::Result;

/// The plan so far. A value of the plan is named by its index in it.
pub(super) struct PlanWriter {
    pub(super) plan: Plan,
    pub(super) parameters: BTreeMap<usize, Parameters>,
    /// The layer that nodes belong to.
    pub(super) layer: String,
    /// Values brought to another width.
    resized: HashMap<(usize, u32), usize>,
}

impl PlanWriter {
    pub(super) fn new(name: &str, preprocessing: &str, settings: Settings) -> Self {
        let plan = Plan {
            name: name.to_owned(),
            preprocessing: preprocessing.to_owned(),
            settings,
            values: Vec::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
            checks: Checks::default(),
        };
        Self { plan, parameters: BTreeMap::new(), layer: String::new(), resized: HashMap::new() }
    }

    /// The verified plan and its weights.
    pub(super) fn finish(mut self, options: &Options) -> Result<(Plan, Weights)> {
        self.plan.checks = checks::choose(&self.plan, options.watch());
        self.plan.clean_texts();
        if options.anonymous {
            self.plan.drop_names();
        }
        self.plan.drop_idle_bounds();
        self.plan.verify()?;
        let weights = Weights::new(&self.plan, self.parameters)?;
        Ok((self.plan, weights))
    }

    pub(super) fn value(&mut self, shape: Shape, form: Form, width: u32) -> usize {
        let Form { scale, magnitude, non_negative } = form;
        self.plan.values.push(PlanValue { shape, width, scale, magnitude, non_negative });
        self.plan.values.len() - 1
    }

    /// Adds a node, and returns the value that it makes.
    pub(super) fn node(
        &mut self,
        op: PlanOp,
        inputs: Vec<usize>,
        shape: Shape,
        form: Form,
        width: u32,
    ) -> usize {
        let output = self.value(shape, form, width);
        self.plan.nodes.push(PlanNode { layer: self.layer.clone(), op, inputs, output });
        output
    }

    /// Gives the node that comes next its numbers.
    pub(super) fn give(&mut self, parameters: Parameters) {
        self.parameters.insert(self.plan.nodes.len(), parameters);
    }

    /// A node whose output is its input with another form or width.
    pub(super) fn convert(&mut self, op: PlanOp, x: usize, form: Form, width: u32) -> usize {
        let shape = self.plan.values[x].shape.clone();
        self.node(op, vec![x], shape, form, width)
    }

    /// `x` and a constant, which has room in `form`.
    pub(super) fn add_constant(&mut self, x: usize, constant: i64, form: Form) -> usize {
        let bias = vec![constant];
        let bounds = Some(ConstantBounds::of(&bias));
        self.give(Parameters { weights: [].into(), bias });
        let constant = Shape::new([]).expect("a scalar is a shape");
        self.convert(PlanOp::AddConstant { constant, bounds }, x, form, self.plan.values[x].width)
    }

    /// A node whose output has the form and width of its input, and another shape.
    fn rearrange(&mut self, op: PlanOp, x: usize, shape: Shape) -> usize {
        let (form, width) = (self.form_of(x), self.plan.values[x].width);
        self.node(op, vec![x], shape, form, width)
    }

    pub(super) fn form_of(&self, x: usize) -> Form {
        let v = &self.plan.values[x];
        Form { scale: v.scale, magnitude: v.magnitude, non_negative: v.non_negative }
    }

    /// A value at exactly `width`. If it must be widened, it is widened to `widest` at once.
    pub(super) fn resize(&mut self, x: usize, width: u32, widest: u32) -> usize {
        let (form, have) = (self.form_of(x), self.plan.values[x].width);
        if have == width {
            return x;
        }
        if let Some(&done) = self.resized.get(&(x, width)) {
            return done;
        }
        let resized = if have > width {
            self.convert(PlanOp::Narrow { to: width }, x, form, width)
        } else if width < widest {
            let wide = self.resize(x, widest, widest);
            self.convert(PlanOp::Narrow { to: width }, wide, form, width)
        } else {
            self.convert(PlanOp::Extend { to: width }, x, form, width)
        };
        self.resized.insert((x, width), resized);
        resized
    }

    pub(super) fn shift_left(&mut self, x: usize, by: u32) -> usize {
        if by == 0 {
            return x;
        }
        let (form, width) = (self.form_of(x), self.plan.values[x].width);
        let form = Form { scale: form.scale + by as i32, magnitude: form.magnitude + by, ..form };
        self.convert(PlanOp::ShiftLeft { by }, x, form, width + by)
    }

    /// Repeats elements until a value has `shape`, which it broadcasts to.
    pub(super) fn spread(&mut self, x: usize, shape: &Shape) -> usize {
        let from = self.plan.values[x].shape.clone();
        let mut dims = vec![1; shape.rank() - from.rank()];
        dims.extend_from_slice(&from);
        let small = "between a shape and one it broadcasts to";
        let mut x = self.reshape(x, Shape::new(dims.clone()).expect(small));
        for axis in 0..shape.rank() {
            if dims[axis] != shape[axis] {
                dims[axis] = shape[axis];
                let op = PlanOp::Gather { axis, indices: vec![0; shape[axis]] };
                x = self.rearrange(op, x, Shape::new(dims.clone()).expect(small));
            }
        }
        x
    }

    pub(super) fn reshape(&mut self, x: usize, shape: Shape) -> usize {
        if self.plan.values[x].shape == shape { x } else { self.rearrange(PlanOp::Reshape, x, shape) }
    }

    /// Exchanges the dimensions of a matrix.
    pub(super) fn transpose(&mut self, x: usize) -> usize {
        let from = &self.plan.values[x].shape;
        let shape = Shape::new([from[1], from[0]]).expect("as many elements as before");
        self.rearrange(PlanOp::Transpose { perm: vec![1, 0] }, x, shape)
    }
}
