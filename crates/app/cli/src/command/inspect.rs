//! `veilflow inspect`: what a plan is and what it will cost.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use veilflow::{CheckCost, Hiding, Inspection, Machine, ModelShare, Plan, Volume};

use crate::options::{Link, RunOptions};
use crate::output;

/// Show a plan: layers, widths, predicted bytes, rounds and seconds.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A plan file, or the folder that holds it. If that holds a share of the weights too, a run on shared
    /// weights is shown.
    plan: PathBuf,
    #[command(flatten)]
    options: RunOptions,
    /// Predict seconds for this machine, after measuring it for a tenth of a second or two; without it, for
    /// the machine of docs/benchmarks.md.
    #[arg(long)]
    calibrate: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<()> {
        let machine = if self.calibrate { Machine::ThisOne } else { Machine::Reference };
        let options = self.options.library();
        let inspection = if ModelShare::is_in(&self.plan) {
            ModelShare::load(&self.plan)?.inspect(&options, machine)?
        } else {
            Plan::load(&self.plan)?.inspect(&options, machine)?
        };
        if self.json {
            return output::print_json(&inspection);
        }
        print(&inspection, self.options.link);
        Ok(())
    }
}

fn print(inspection: &Inspection, link: Link) {
    let mut table =
        output::table(&["layer", "op", "shape", "bits", "scale", "offline", "online", "online rounds"]);
    for node in &inspection.nodes {
        let shape: Vec<String> = node.shape.iter().map(usize::to_string).collect();
        table.add_row([
            node.layer.clone(),
            node.op.clone(),
            shape.join("x"),
            node.width.to_string(),
            node.scale.to_string(),
            output::bytes(node.offline.bytes.iter().chain(&node.offline.helper).sum()),
            output::bytes(node.online.bytes.iter().sum()),
            node.online.rounds.to_string(),
        ]);
    }
    let link = if link == Link::None { "loopback".to_owned() } else { format!("link {link}") };
    let machine = if inspection.calibrated { "this machine" } else { "the machine of docs/benchmarks.md" };
    output::print(&format!(
        "{table}\n{}, plan {}\nweights {} bits, activations {} bits, margin {} % over {} calibration inputs, ranges {}\n\
             preprocessing: {}\n{} multiplications\n{}\n{}\n{}\n{}\nseconds are for {machine}, {link}",
        inspection.name,
        &inspection.hash[..16],
        inspection.weight_bits,
        inspection.activation_bits,
        inspection.margin_percent,
        inspection.calibration_inputs,
        inspection.ranges,
        if inspection.preprocessing.is_empty() { "none" } else { &inspection.preprocessing },
        inspection.multiplications,
        total("offline, set-up included", &inspection.offline, inspection.seconds.offline),
        total("online", &inspection.online, inspection.seconds.online),
        checked(&inspection.check),
        hidden(inspection.hiding),
    ));
}

/// One line on what replies leave unhidden.
fn hidden(hiding: Option<Hiding>) -> String {
    match hiding {
        Some(Hiding { run_bits, most_runs }) => format!(
            "a run hides the weights within 2^-{run_bits:.1}; all runs of these weights within 2^-30: at most {most_runs}"
        ),
        None => "a run hides the weights perfectly, but for what is computational".to_owned(),
    }
}

/// One line on what a run watches.
fn checked(check: &CheckCost) -> String {
    if check.values == 0 {
        return "no value is checked for leaving its range".to_owned();
    }
    format!(
        "of that, the check of ranges: {} of {} elements of {} values, {} offline, {} online in {} rounds",
        check.elements,
        check.of,
        check.values,
        output::bytes(check.offline.total()),
        output::bytes(check.online.total()),
        check.online.rounds
    )
}

/// One line on a phase.
fn total(name: &str, volume: &Volume, seconds: f64) -> String {
    let helper = match volume.helper {
        [0, 0] => String::new(),
        [server, client] => {
            format!(
                "{} helper to server, {} helper to client, ",
                output::bytes(server),
                output::bytes(client)
            )
        }
    };
    format!(
        "{name}: {} to the client, {} to the server, {helper}{} rounds, about {seconds:.2} s",
        output::bytes(volume.bytes[0]),
        output::bytes(volume.bytes[1]),
        volume.rounds
    )
}
