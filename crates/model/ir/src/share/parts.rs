//! What of a plan can be shared, and in which rings.

use veilflow_ring::Ring;

use crate::container::Format;
use crate::plan::{ParameterSizes, Plan};
use crate::weights::Weights;

/// What of a plan can be shared.
pub trait Shared: sealed::Shared {}
impl<T: sealed::Shared> Shared for T {}

pub(super) mod sealed {
    use veilflow_ring::Ring;

    use crate::container::Format;
    use crate::plan::Plan;

    pub trait Shared {
        const FORMAT: Format;
        /// The rings and lengths of its vectors.
        fn layout(plan: &Plan) -> Vec<(Ring, usize)>;
    }
}

/// The inputs of a plan, in order.
#[derive(Debug, Clone, Copy)]
pub enum Inputs {}

impl sealed::Shared for Inputs {
    const FORMAT: Format = Format { name: "veilflow-input-share", version: 1 };

    fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
        plan.inputs.iter().map(|input| of_value(plan, input.value)).collect()
    }
}

/// The outputs of a plan, in order, and last, if the plan checks ranges, the bit that says whether any was
/// left.
#[derive(Debug, Clone, Copy)]
pub enum Outputs {}

impl sealed::Shared for Outputs {
    const FORMAT: Format = Format { name: "veilflow-output-share", version: 2 };

    fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
        let outputs = plan.outputs.iter().map(|output| of_value(plan, output.value));
        let bit = (Ring::new(1).expect("bits are a ring"), 1);
        outputs.chain((!plan.checks.ranges.is_empty()).then_some(bit)).collect()
    }
}

/// For every node with parameters its weights, then its biases. A node that takes another's weights has none.
impl sealed::Shared for Weights {
    const FORMAT: Format = Format { name: "veilflow-weights-share", version: 1 };

    fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
        let sizes = plan.parameters();
        let of_node = |size: &ParameterSizes| {
            [(weight_ring(plan, &sizes, size), size.own_weights()), (node_ring(plan, size.node), size.bias)]
        };
        sizes.iter().flat_map(of_node).collect()
    }
}

fn of_value(plan: &Plan, value: usize) -> (Ring, usize) {
    let value = &plan.values[value];
    (value.ring(), value.shape.elements())
}

/// The ring of a node's weights: the widest of the layers that take them. The low bits of such a sharing are
/// a sharing in the narrower rings.
fn weight_ring(plan: &Plan, sizes: &[ParameterSizes], size: &ParameterSizes) -> Ring {
    let taking = sizes.iter().filter(|s| s.weights_of == Some(size.node));
    taking.map(|s| node_ring(plan, s.node)).fold(node_ring(plan, size.node), Ord::max)
}

/// The ring of a node's output, where its biases are added.
fn node_ring(plan: &Plan, node: usize) -> Ring {
    plan.values[plan.nodes[node].output].ring()
}
