//! `veilflow infer`: the client process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use veilflow::{
    Answer, Client, ClientSide, InputShare, Options, OutOfRange, Plan, Preprocessing, Progress, ShareFolders,
    ShareStore, SharedAnswer,
};
use veilflow_exec::peak_rss_bytes;

use crate::flags::{OutOfRangeFlag, seconds};
use crate::options::{HelperAddress, RunOptions};
use crate::overflow::Overflowed;
use crate::report::ClientRun;
use crate::shares::Shares;
use crate::{output, samples};

/// The most runs that may be prepared beyond the one at hand.
const MAX_AHEAD: i64 = Client::MAX_PREPARED as i64 - 1;

/// Run a served model on a private input.
#[derive(Debug, Args)]
pub(crate) struct Infer {
    /// The server.
    #[arg(long, value_name = "ADDR")]
    connect: String,
    /// The plan file, from the server's owner; or a folder that holds it and a share of the weights, from
    /// `share weights`.
    #[arg(long)]
    plan: PathBuf,
    /// The input: npy, npz, png, jpeg, or a folder of pictures. Several samples are run one after the other.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "input_shares",
        conflicts_with = "input_shares"
    )]
    input: Option<PathBuf>,
    #[command(flatten)]
    shares: Shares,
    /// Use at most so many of the input's samples, or of the shares [default: 1 sample, or all shares].
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Runs whose correlations are made in the background before they are needed.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=MAX_AHEAD))]
    ahead: u8,
    /// What to do about elements beyond the range that the plan has room for.
    #[arg(long, value_enum, default_value_t)]
    out_of_range: OutOfRangeFlag,
    /// Preprocess pictures and bytes like this, not as the plan says.
    #[arg(long, value_name = "WORDS")]
    preprocess: Option<Preprocessing>,
    /// Give the server up if it is silent for so many seconds.
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    helper: HelperAddress,
    /// Print one JSON object a line, one a run.
    #[arg(long)]
    json: bool,
}

/// What a run is to be on.
enum Source {
    /// A sample of the client's own.
    Own(Vec<f32>),
    /// What each party has a share of.
    Shared(InputShare),
}

impl Infer {
    /// The inputs, one a run.
    fn sources(&self, plan: &Plan, folders: Option<&ShareFolders>) -> Result<Vec<Source>> {
        match (folders, &self.input) {
            (Some(folders), _) => {
                let shares = folders.inputs(plan)?.into_iter();
                Ok(shares.take(self.limit.unwrap_or(usize::MAX).max(1)).map(Source::Shared).collect())
            }
            (None, Some(file)) => {
                let inputs = samples::read(plan, file, self.preprocess.as_ref())?.inputs.into_iter();
                Ok(inputs.take(self.limit.unwrap_or(1).max(1)).map(Source::Own).collect())
            }
            (None, None) => bail!("there is no --input"),
        }
    }

    pub(crate) fn run(self) -> Result<()> {
        let options = self.helper.library(&self.options, self.timeout)?;
        let options = Options {
            shared_inputs: self.shares.are_given(),
            out_of_range: self.out_of_range.into(),
            ..options
        };
        let side = ClientSide::load(&self.plan)?;
        let folders = self.shares.open()?;
        let sources = self.sources(side.plan(), folders.as_ref())?;
        // All of them before anything is sent.
        if options.out_of_range == OutOfRange::Refuse {
            for (number, source) in sources.iter().enumerate() {
                if let Source::Own(sample) = source {
                    side.plan().check_sample(sample).with_context(|| format!("sample {number}"))?;
                }
            }
        }
        let mut client = Client::connect(self.connect.as_str(), side, &options)?;
        let bar = progress_bar("private inference");
        let shown = bar.clone();
        client.on_progress(move |progress| advance(&shown, progress));
        let runs = sources.len();
        let mut overflowed = Overflowed { runs, ..Overflowed::default() };
        for (done, source) in sources.into_iter().enumerate() {
            if !options.just_in_time {
                // The run at hand, those that wait, and one that is being made.
                let wanted = (2 + usize::from(self.ahead)).min(Client::MAX_PREPARED);
                client.prepare_in_background(wanted.min(runs - done))?;
            }
            let run = run(&mut client, source, folders.as_ref())?;
            bar.finish_and_clear();
            overflowed.count += usize::from(run.overflow == Some(true));
            if self.json {
                output::print_json(&run)?;
            } else {
                run.print();
            }
        }
        client.finish()?;
        overflowed.check()
    }
}

/// Runs the model once, and keeps what is to be kept.
fn run(client: &mut Client, source: Source, folders: Option<&ShareFolders>) -> Result<ClientRun> {
    let (outputs, output_share, outside, overflow, report) = match source {
        Source::Own(sample) => {
            let Answer { outputs, outside, overflow, report } = client.infer(&sample)?;
            (outputs, None, outside, overflow, report)
        }
        Source::Shared(share) => {
            let folders = folders.context("shares come from folders")?;
            let input = share.id();
            let SharedAnswer { output, report } = client.infer_shared(share)?;
            folders.keep(input, output)?;
            (Vec::new(), Some(folders.output_file(input)), 0, None, report)
        }
    };
    Ok(ClientRun { outputs, output_share, outside, overflow, report, peak_rss_bytes: peak_rss_bytes() })
}

/// A bar over both phases of a run, on standard error, if that is a terminal.
fn progress_bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {percent:>3}% {elapsed} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_prefix(name.to_owned())
}

/// Moves the bar to a step of the run.
fn advance(bar: &ProgressBar, progress: Progress<'_>) {
    let Progress { online, step, steps, layer, op } = progress;
    let (done, phase) = if online { (steps, "online") } else { (0, "offline") };
    bar.set_length(2 * steps as u64);
    bar.set_position((done + step) as u64);
    bar.set_message(output::printable(&format!("{phase}: {layer} ({op})")));
}
