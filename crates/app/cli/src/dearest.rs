//! The layers that cost most, and what would make them cheaper.

use veilflow::{Inspection, Machine, NodeCost, Options, Plan, Result, Supplier};

use crate::output;

/// How many layers are named.
const NAMED: usize = 3;

/// The dearest layers of a plan.
pub(crate) struct Dearest {
    inspection: Inspection,
    supplier: Supplier,
}

/// What a layer costs: all its nodes together.
struct Layer<'a> {
    name: &'a str,
    bytes: u64,
    /// The node that costs most of it.
    node: &'a NodeCost,
}

impl Dearest {
    /// By the bytes of a run with `supplier`.
    pub(crate) fn of(plan: &Plan, supplier: Supplier) -> Result<Self> {
        let options = Options { supplier, ..Options::default() };
        Ok(Self { inspection: plan.inspect(&options, Machine::Reference)?, supplier })
    }

    fn layers(&self) -> Vec<Layer<'_>> {
        let mut layers: Vec<Layer<'_>> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for node in &self.inspection.nodes {
            let bytes = bytes(node);
            let place = *places.entry(node.layer.as_str()).or_insert_with(|| {
                layers.push(Layer { name: &node.layer, bytes: 0, node });
                layers.len() - 1
            });
            let layer = &mut layers[place];
            layer.bytes += bytes;
            if bytes > self::bytes(layer.node) {
                layer.node = node;
            }
        }
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.bytes));
        layers
    }

    /// A line for the whole run, and one for each of the dearest layers.
    pub(crate) fn told(&self) -> String {
        let total = self.inspection.offline.total() + self.inspection.online.total();
        let mut lines = vec![format!(
            "a run with {} sends about {} ({} online, in {} rounds); the dearest layers:",
            self.supplier,
            output::bytes(total),
            output::bytes(self.inspection.online.total()),
            self.inspection.online.rounds,
        )];
        for layer in self.layers().into_iter().take(NAMED).filter(|layer| layer.bytes > 0) {
            let part = 100.0 * layer.bytes as f64 / total.max(1) as f64;
            lines.push(format!(
                "- {}: {} ({part:.0} %), most of it by {} on {} bits; {}",
                layer.name,
                output::bytes(layer.bytes),
                layer.node.op,
                layer.node.width,
                advice(&layer.node.op),
            ));
        }
        lines.join("\n")
    }
}

fn bytes(node: &NodeCost) -> u64 {
    node.offline.total() + node.online.total()
}

/// What makes an operation cheaper.
fn advice(op: &str) -> &'static str {
    match op.split('[').next().unwrap_or(op) {
        "conv" | "matmul" => "fewer --weight-bits, fewer channels or a larger stride make it cheaper",
        "relu" | "relu-truncate" | "clip" => {
            "fewer --activation-bits make it cheaper, and so does pooling before it rather than after it"
        }
        "max-pool" => "an average pooling takes no comparison of neighbours, a larger stride fewer",
        "average-pool" => "one of larger windows, or pooling once instead of twice, divides less often",
        "multiply" => "a constant factor in the place of a private one costs next to nothing",
        "matrix-product" => {
            "both factors are private: shorter sequences, or weights in the place of one of them, are cheaper"
        }
        "apply" => "ReLU, hard sigmoid and hard swish cost less than smooth functions",
        "extend" | "truncate-reduce" | "truncate-extend" => {
            "fewer --activation-bits make it cheaper; it brings sums back to the bits of activations"
        }
        "arg-max" | "top-k" => "it compares all candidates; fewer of them are cheaper",
        "positive" => "it is one comparison an element: compare fewer of them",
        _ => "fewer --activation-bits make it cheaper",
    }
}
