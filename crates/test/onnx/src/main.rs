//! `onnx-conformance FOLDER` runs the exported tests and prints what became of them.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use clap::Parser;
use comfy_table::{Table, presets::ASCII_MARKDOWN};
use veilflow_exec::SupplierKind;
use veilflow_onnx_conformance::{Case, Outcome, cases, run, secure};
use veilflow_passes::Compiled;

/// Runs the onnx package's backend tests in fixed point.
#[derive(Parser)]
struct Options {
    /// The folder that tools/onnx_conformance/export.py wrote: `node`, `pytorch-converted`, ...
    folder: PathBuf,
    /// Only tests whose name holds this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Also list every test that did not pass.
    #[arg(long)]
    list: bool,
    /// Print one line of JSON a test instead.
    #[arg(long)]
    json: bool,
    /// Run so many of the tests that pass securely too, by homomorphic encryption and by silent OT.
    #[arg(long, default_value_t = 0, value_name = "N")]
    secure: usize,
}

fn main() -> Result<()> {
    let options = Options::parse();
    std::panic::set_hook(Box::new(|_| {}));
    let mut all = cases(&options.folder)?;
    all.retain(|case| case.name.contains(&options.filter));
    let outcomes = run_all(&all);
    let mut by_op: BTreeMap<&str, BTreeMap<&'static str, usize>> = BTreeMap::new();
    let mut total: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (case, outcome) in all.iter().zip(&outcomes) {
        *by_op.entry(&case.op).or_default().entry(outcome.name()).or_default() += 1;
        *total.entry(outcome.name()).or_default() += 1;
        let detail = outcome.detail();
        if options.json {
            let line = serde_json::json!({
                "test": case.name, "op": case.op, "private": case.private,
                "outcome": outcome.name(), "detail": detail,
            });
            println!("{line}");
        } else if options.list && !matches!(outcome, Outcome::Passed(_) | Outcome::Constant) {
            let detail = detail.lines().next().unwrap_or_default();
            println!("{} ({:?}): {}: {detail}", case.name, case.private, outcome.name());
        }
    }
    let passed: Vec<(&Case, &Compiled)> = all
        .iter()
        .zip(&outcomes)
        .filter_map(
            |(case, outcome)| if let Outcome::Passed(net) = outcome { Some((case, &**net)) } else { None },
        )
        .collect();
    let every = passed.len().div_ceil(options.secure.max(1)).max(1);
    let mut exact = 0;
    for (case, net) in passed.iter().step_by(every).take(options.secure) {
        for supplier in [SupplierKind::He, SupplierKind::Silent] {
            if supplier.check(&net.plan).is_ok() {
                secure(net, &case.inputs, supplier)
                    .with_context(|| format!("{} by {supplier:?}", case.name))?;
                exact += 1;
            }
        }
    }
    if options.secure > 0 {
        println!("{exact} secure runs, all exact");
    }
    if options.json {
        return Ok(());
    }
    let names = ["passed", "inexact", "wrong", "refused", "crashed", "constant"];
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([&["op"], &names[..]].concat());
    for (op, counts) in by_op.iter().map(|(op, counts)| (*op, counts)).chain([("all", &total)]) {
        let cells = names.iter().map(|name| counts.get(name).copied().unwrap_or(0).to_string());
        table.add_row(std::iter::once(op.to_owned()).chain(cells));
    }
    println!("{table}");
    Ok(())
}

/// The outcome of each test, by as many threads as there are processors.
fn run_all(cases: &[Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(cases.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, case)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    cases.get(index).map(|case| (index, case))
                } {
                    let outcome = run(case);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes[index] = Some(outcome);
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.into_iter().map(|o| o.unwrap_or_else(|| Outcome::Crashed("no outcome".into()))).collect()
}
