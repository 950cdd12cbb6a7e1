//! `veilflow inspect`: what a plan is and what it will cost.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use veilflow_correlation::Cost;
use veilflow_exec::{Machine, Prediction, SessionOptions, Times, WeightsAt};

use crate::bench::{Link, RunOptions};
use crate::report::Seconds;
use crate::{model_dir, output};

/// Show a plan: layers, widths, predicted bytes, rounds and seconds.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A plan file, or the folder that holds it. If that holds a share of the weights too, a run on shared weights is shown.
    plan: PathBuf,
    #[command(flatten)]
    options: RunOptions,
    /// Predict seconds for this machine, after measuring it for a tenth of a second or two; without it, for the machine of
    /// docs/benchmarks.md.
    #[arg(long)]
    calibrate: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Volume {
    /// Payload bytes by the server and by the client.
    bytes: [u64; 2],
    /// Payload bytes between the helper and the server, and between it and the client, both ways.
    helper: [u64; 2],
    rounds: u64,
}

#[derive(Serialize)]
struct Node {
    layer: String,
    op: &'static str,
    shape: Vec<usize>,
    width: u32,
    scale: i32,
    offline: Volume,
    online: Volume,
}

#[derive(Serialize)]
struct Report {
    name: String,
    hash: String,
    preprocessing: String,
    weight_bits: u32,
    activation_bits: u32,
    margin_percent: u32,
    calibration_inputs: usize,
    multiplications: u64,
    nodes: Vec<Node>,
    set_up: Volume,
    offline: Volume,
    online: Volume,
    /// Predicted wall-clock seconds on the chosen link.
    seconds: Seconds,
    /// Whether they are for the machine at hand.
    calibrated: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<()> {
        let plan = model_dir::plan(&self.plan)?;
        let weights = match model_dir::weight_share(&self.plan, &plan)? {
            Some(share) => WeightsAt::Shared(share.sharing()),
            None => WeightsAt::Server,
        };
        let options = SessionOptions { weights, ..self.options.session_for(&plan) };
        let prediction = Prediction::of(&plan, &options)?;
        let machine = if self.calibrate { Machine::measure()? } else { Machine::default() };
        let times = Times::of(&plan, &options, &prediction, &machine)?;
        let volume = |cost: &Cost| {
            let volume = cost.volume();
            Volume { bytes: volume.bytes, helper: volume.helper, rounds: volume.rounds }
        };
        let nodes = plan.nodes.iter().zip(prediction.offline.iter().zip(&prediction.online));
        let nodes = nodes.map(|(node, (offline, online))| {
            let value = &plan.values[node.output];
            Node {
                layer: node.layer.clone(),
                op: node.op.name(),
                shape: value.shape.to_vec(),
                width: value.width,
                scale: value.scale,
                offline: volume(&offline.cost()),
                online: volume(online),
            }
        });
        let report = Report {
            name: plan.name.clone(),
            hash: output::hex(&plan.hash()),
            preprocessing: plan.preprocessing.clone(),
            weight_bits: plan.settings.weight_bits,
            activation_bits: plan.settings.activation_bits,
            margin_percent: plan.settings.margin_percent,
            calibration_inputs: plan.settings.calibration_inputs,
            multiplications: plan.multiplications(),
            nodes: nodes.collect(),
            set_up: volume(&prediction.set_up),
            offline: volume(&prediction.offline_cost()),
            online: volume(&prediction.online_cost()),
            seconds: times.into(),
            calibrated: self.calibrate,
        };
        if self.json {
            return output::print_json(&report);
        }
        report.print(self.options.link);
        Ok(())
    }
}

impl Report {
    fn print(&self, link: Link) {
        let mut table =
            output::table(&["layer", "op", "shape", "bits", "scale", "offline", "online", "online rounds"]);
        for node in &self.nodes {
            let shape: Vec<String> = node.shape.iter().map(usize::to_string).collect();
            table.add_row([
                node.layer.clone(),
                node.op.to_owned(),
                shape.join("x"),
                node.width.to_string(),
                node.scale.to_string(),
                output::bytes(node.offline.bytes.iter().chain(&node.offline.helper).sum()),
                output::bytes(node.online.bytes.iter().sum()),
                node.online.rounds.to_string(),
            ]);
        }
        let total = |name: &str, volume: &Volume, seconds: f64| {
            let helper = match volume.helper {
                [0, 0] => String::new(),
                [server, client] => format!(
                    "{} helper to server, {} helper to client, ",
                    output::bytes(server),
                    output::bytes(client)
                ),
            };
            format!(
                "{name}: {} to the client, {} to the server, {helper}{} rounds, about {seconds:.2} s",
                output::bytes(volume.bytes[0]),
                output::bytes(volume.bytes[1]),
                volume.rounds
            )
        };
        let link = if link == Link::None { "loopback".to_owned() } else { format!("link {link}") };
        let machine = if self.calibrated { "this machine" } else { "the machine of docs/benchmarks.md" };
        output::print(&format!(
            "{table}\n{}, plan {}\nweights {} bits, activations {} bits, margin {} % over {} calibration inputs\n\
             preprocessing: {}\n{} multiplications\n{}\n{}\nseconds are for {machine}, {link}",
            self.name,
            &self.hash[..16],
            self.weight_bits,
            self.activation_bits,
            self.margin_percent,
            self.calibration_inputs,
            if self.preprocessing.is_empty() { "none" } else { &self.preprocessing },
            self.multiplications,
            total("offline, set-up included", &self.offline, self.seconds.offline),
            total("online", &self.online, self.seconds.online),
        ));
    }
}
