//! `veilflow bench kernels`: scalar and vector code side by side.

use clap::Args;
use serde::Serialize;
use veilflow_he::kernel_times;

use crate::output;

/// Time the transforms under homomorphic encryption, with every kernel that the processor has.
#[derive(Debug, Args)]
pub(crate) struct Kernels {
    /// Take the least of so many times.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repetitions: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Time {
    kernel: &'static str,
    operation: &'static str,
    microseconds: f64,
}

impl Kernels {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let times: Vec<Time> = kernel_times(self.repetitions as usize)
            .into_iter()
            .map(|t| Time {
                kernel: t.kernel,
                operation: t.operation,
                microseconds: 1e6 * t.best.as_secs_f64(),
            })
            .collect();
        if self.json {
            return output::print_json(&times);
        }
        let mut table = output::table(&["kernel", "operation, N = 4096, one prime", "microseconds"]);
        for time in &times {
            table.add_row([time.kernel, time.operation, &format!("{:.2}", time.microseconds)]);
        }
        output::print(&table.to_string());
        Ok(())
    }
}
