//! What a run took, layer by layer.

use comfy_table::Table;
use serde::{Deserialize, Serialize};
use veilflow_exec::{Phase, Times};
use veilflow_ir::Plan;

use crate::output;

/// Predicted wall-clock seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Seconds {
    pub(crate) offline: f64,
    pub(crate) online: f64,
    total: f64,
}

impl From<Times> for Seconds {
    fn from(times: Times) -> Self {
        Self { offline: times.offline, online: times.online, total: times.total() }
    }
}

/// One layer of a run as one party saw it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) layer: String,
    pub(crate) ops: Vec<String>,
    pub(crate) offline: Phase,
    pub(crate) online: Phase,
}

/// Sums nodes over the layers they belong to; `set_up` and `rest` are rows of their own, first and last.
pub(crate) fn layers(
    plan: &Plan,
    set_up: Phase,
    offline: &[Phase],
    online: &[Phase],
    rest: Phase,
) -> Vec<Layer> {
    let row =
        |layer: &str, offline, online| Layer { layer: layer.to_owned(), ops: Vec::new(), offline, online };
    let mut out = vec![row("set-up", set_up, Phase::default())];
    for ((node, offline), online) in plan.nodes.iter().zip(offline).zip(online) {
        if out.len() == 1 || out.last().is_some_and(|last| last.layer != node.layer) {
            out.push(row(&node.layer, Phase::default(), Phase::default()));
        }
        if let Some(last) = out.last_mut() {
            last.ops.push(node.op.name().to_owned());
            last.offline += *offline;
            last.online += *online;
        }
    }
    out.push(row("output", Phase::default(), rest));
    out
}

/// Totals of offline and online.
pub(crate) fn totals(layers: &[Layer]) -> [Phase; 2] {
    let mut out = [Phase::default(); 2];
    for layer in layers {
        out[0] += layer.offline;
        out[1] += layer.online;
    }
    out
}

/// The table of a run as the client saw it; totals last.
pub(crate) fn table(layers: &[Layer]) -> Table {
    let sums = totals(layers);
    let helped = sums[0].helper > 0;
    let mut heads = vec!["layer", "offline s", "to server", "to client", "rounds"];
    heads.extend(helped.then_some("from helper"));
    heads.extend(["online s", "to server", "to client", "rounds"]);
    let mut table = output::table(&heads);
    let cells = |phase: &Phase| {
        [
            format!("{:.3}", phase.seconds),
            output::bytes(phase.sent),
            output::bytes(phase.received),
            phase.rounds.to_string(),
        ]
    };
    let mut add = |name: String, offline: &Phase, online: &Phase| {
        let helper = helped.then(|| output::bytes(offline.helper));
        table.add_row(std::iter::once(name).chain(cells(offline)).chain(helper).chain(cells(online)));
    };
    for layer in layers {
        let name = if layer.ops.is_empty() {
            layer.layer.clone()
        } else {
            format!("{} ({})", layer.layer, layer.ops.join(", "))
        };
        add(name, &layer.offline, &layer.online);
    }
    add("total".to_owned(), &sums[0], &sums[1]);
    for column in 1..heads.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table
}
