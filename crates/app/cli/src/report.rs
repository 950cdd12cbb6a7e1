//! What commands say of runs, and programs read.

use std::path::PathBuf;

use comfy_table::Table;
use serde::{Deserialize, Serialize};
use veilflow::{HelperReport, Output, Phase, Report};

use crate::output;

/// A run as the client saw it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClientRun {
    pub(crate) outputs: Vec<Output>,
    /// The file with this party's share of the output, if the input is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output_share: Option<PathBuf>,
    /// Input elements beyond what the plan has room for, limited to it.
    pub(crate) outside: usize,
    /// Whether a value inside the network left its range; null if the plan checks none, or while it is
    /// shared.
    pub(crate) overflow: Option<bool>,
    #[serde(flatten)]
    pub(crate) report: Report,
    pub(crate) peak_rss_bytes: u64,
}

impl ClientRun {
    pub(crate) fn print(&self) {
        self.outputs.iter().for_each(print_output);
        if let Some(file) = &self.output_share {
            output::print(&format!("wrote {}, this party's share of the output", file.display()));
        }
        output::warn_outside(self.outside);
        output::print(&table(&self.report).to_string());
    }
}

/// A run as the server saw it.
#[derive(Serialize, Deserialize)]
pub(crate) struct ServerRun {
    pub(crate) session: usize,
    /// The file with this party's share of the output, if the input is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output_share: Option<PathBuf>,
    #[serde(flatten)]
    pub(crate) report: Report,
    pub(crate) peak_rss_bytes: u64,
}

impl ServerRun {
    pub(crate) fn print(&self) {
        let session = self.session;
        if let Some(file) = &self.output_share {
            output::print(&format!("session {session}: wrote {}, a share of an output", file.display()));
        }
        let (offline, online) = (self.report.offline(), self.report.online());
        output::print(&format!(
            "session {session}: offline {:.2} s, online {:.2} s, {}",
            offline.seconds,
            online.seconds,
            output::bytes(offline.bytes() + online.bytes())
        ));
    }
}

/// A session as the helper saw it.
#[derive(Serialize, Deserialize)]
pub(crate) struct HelperSession {
    pub(crate) session: usize,
    #[serde(flatten)]
    pub(crate) report: HelperReport,
    pub(crate) peak_rss_bytes: u64,
}

impl HelperSession {
    pub(crate) fn print(&self) {
        let HelperReport { requests, sent: [server, client], masked_weights, .. } = self.report;
        output::print(&format!(
            "session {}: {requests} requests, {} to the server, {} to the client, {} of masked weights",
            self.session,
            output::bytes(server),
            output::bytes(client),
            output::bytes(masked_weights)
        ));
    }
}

/// The largest class of an output and its rivals.
pub(crate) fn print_output(of: &Output) {
    if let Some(places) = &of.places {
        let largest: Vec<String> =
            places.iter().zip(&of.values).map(|(place, score)| format!("{place}: {score:.4}")).collect();
        output::print(&format!("{}: class {} ({}, scores)", of.name, of.top, largest.join(", ")));
        return;
    }
    let mut order: Vec<usize> = (0..of.values.len()).collect();
    order.sort_by(|&a, &b| of.values[b].total_cmp(&of.values[a]));
    let best: Vec<String> = order.iter().take(5).map(|&i| format!("{i}: {:.4}", of.values[i])).collect();
    output::print(&format!("{}: class {} ({})", of.name, of.top, best.join(", ")));
}

/// The table of a run as the client saw it; totals last.
pub(crate) fn table(report: &Report) -> Table {
    let (offline, online) = (report.offline(), report.online());
    let helped = offline.helper > 0;
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
    for layer in &report.layers {
        let name = if layer.ops.is_empty() {
            layer.layer.clone()
        } else {
            format!("{} ({})", layer.layer, layer.ops.join(", "))
        };
        add(name, &layer.offline, &layer.online);
    }
    add("total".to_owned(), &offline, &online);
    for column in 1..heads.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table
}
