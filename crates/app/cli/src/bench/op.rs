//! `veilflow bench op`: two processes, one operation.

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use veilflow_exec::{Session, Stopwatch};
use veilflow_net::Role;
use veilflow_online::Reveal;

use super::job::Job;
use super::parties;
use crate::measured::Measured;
use crate::options::{HelperAddress, RunOptions};
use crate::output::print_json;

#[derive(Debug, Args)]
pub(crate) struct Op {
    #[command(flatten)]
    job: Job,
    #[command(flatten)]
    options: RunOptions,
    /// Print one JSON object, last on standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PartyArguments {
    /// The job, as JSON.
    #[arg(long)]
    job: String,
    /// Where P0 is; without it this is P0.
    #[arg(long)]
    connect: Option<String>,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    helper: HelperAddress,
}

#[derive(Serialize)]
struct Report {
    op: super::job::Operation,
    width: u32,
    count: usize,
    leaf_bits: u32,
    bits_per_instance: f64,
    /// Of the argument and of the result of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    scale_in: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale_out: Option<u32>,
    /// Of an elementary function, against the correctly rounded one.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ulp: Option<u64>,
    #[serde(flatten)]
    measured: Measured,
}

impl Op {
    pub(crate) fn run(self) -> Result<()> {
        self.job.validate()?;
        let mut arguments = vec!["bench".to_owned(), "party".to_owned()];
        arguments.push(format!("--job={}", serde_json::to_string(&self.job)?));
        let measured = parties::measure(arguments, &self.options)?;
        let count = self.job.instances();
        let scales = self.job.scales();
        let report = Report {
            op: self.job.op,
            width: self.job.width,
            count,
            leaf_bits: self.job.session(&self.options).tuning.leaf_bits,
            bits_per_instance: 8.0 * (measured.offline.bytes + measured.online.bytes) as f64 / count as f64,
            scale_in: scales.map(|scales| scales[0]),
            scale_out: scales.map(|scales| scales[1]),
            max_ulp: self.job.max_ulp()?,
            measured,
        };
        if self.json {
            print_json(&report)?;
        } else {
            report.print();
        }
        report.measured.check()
    }
}

impl Report {
    fn print(&self) {
        let table = self.measured.table(self.count);
        let error = self.max_ulp.map_or_else(String::new, |ulp| {
            format!("\nlargest error against the correctly rounded function: {ulp} ULP")
        });
        crate::output::print(&format!(
            "{:?}, {} bits, {} instances, supplier {}, link {}\n{table}\nequal to the cleartext result: {}{error}",
            self.op, self.width, self.count, self.measured.supplier, self.measured.link, self.measured.exact
        ));
    }
}

impl PartyArguments {
    pub(crate) fn run(self) -> Result<()> {
        let job: Job = serde_json::from_str(&self.job).context("the job is not valid")?;
        job.validate()?;
        let inputs = job.inputs()?;
        let (role, links) = parties::meet(self.connect.as_deref(), &self.helper, &self.options)?;
        let options = job.session(&self.options);
        let needs = job.needs(options.tuning)?;
        let mut session = Session::open(links, role, [0; 32], &needs, options)?;
        let Session { online, preparer, set_up, .. } = &mut session;
        let request = job.request()?;
        let pools = &mut online.party.pools;
        let ((), made) = preparer.measure(|supplier, channel| match &request {
            Some(request) => {
                let pair = supplier.linear(channel, request, job.weights(&inputs, role))?;
                pools.put_linear(request.layer, request.holder, pair);
                Ok(())
            }
            None => supplier.fill(channel, &needs.demand, pools),
        })?;
        let mut offline = *set_up;
        offline += made;

        online.party.channel.restart_rounds()?;
        let watch = Stopwatch::start(&online.party.channel);
        let share = job.run(&mut online.party, &inputs, options.tuning)?;
        online.party.channel.flush()?;
        let online_phase = watch.stop(&online.party.channel);

        let result = Reveal::to(Role::P1).run(&mut online.party, &share)?;
        let exact = match result {
            Some(result) => Some(result == job.expected(&inputs)?),
            None => None,
        };
        parties::report([offline, online_phase], exact)
    }
}
