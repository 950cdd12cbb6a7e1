//! Child processes of this program: a party each, for the demo and the benchmarks.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use veilflow::Supplier;

use crate::options::RunOptions;
use crate::overflow::Overflowed;
use crate::report::HelperSession;

/// Another process of this program, whose standard output is a JSON object a line. Killed when dropped.
pub(crate) struct Party {
    name: &'static str,
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

/// What a listening party says first.
#[derive(Deserialize)]
struct Listening {
    listening: String,
}

impl Party {
    /// Starts this program with `arguments`; its standard error is ours, so that its progress and errors are
    /// seen.
    pub(crate) fn start(name: &'static str, arguments: &[String]) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        let stdout = child.stdout.take().context("a child's output is piped")?;
        Ok(Self { name, child, lines: BufReader::new(stdout).lines() })
    }

    /// The next line of its output, as JSON.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Result<T> {
        let Some(line) = self.lines.next() else {
            let status = self.child.wait()?;
            bail!("the {} ended early ({status}); its error is above", self.name);
        };
        let line = line.with_context(|| format!("cannot read from the {}", self.name))?;
        serde_json::from_str(&line).with_context(|| format!("the {} printed {line:?}", self.name))
    }

    /// The address a server listens on, which it prints first.
    pub(crate) fn address(&mut self) -> Result<String> {
        Ok(self.read::<Listening>()?.listening)
    }

    /// Waits for the process to end well, which a run that overflowed does, too.
    pub(crate) fn finish(mut self) -> Result<()> {
        let status = self.child.wait()?;
        if !status.success() && status.code() != Some(Overflowed::EXIT_CODE.into()) {
            bail!("the {} failed ({status}); its error is above", self.name);
        }
        Ok(())
    }
}

/// The third party of a run.
pub(crate) struct HelperProcess {
    party: Party,
    address: String,
}

impl HelperProcess {
    /// Starts a helper for so many sessions if these options ask for one.
    pub(crate) fn start(options: &RunOptions, sessions: usize) -> Result<Option<Self>> {
        if options.supplier != Supplier::Helper {
            return Ok(None);
        }
        let fixed = ["helper", "--listen=127.0.0.1:0", "--json"].map(str::to_owned);
        let chosen = [
            format!("--sessions={sessions}"),
            format!("--threads={}", options.threads),
            format!("--shape={}", options.link),
        ];
        let mut party = Party::start("helper", &[&fixed[..], &chosen].concat())?;
        let address = party.address()?;
        Ok(Some(Self { party, address }))
    }

    /// What tells a party where it is.
    pub(crate) fn argument(&self) -> String {
        format!("--helper={}", self.address)
    }

    /// Its report of the next session.
    pub(crate) fn report(&mut self) -> Result<HelperSession> {
        self.party.read()
    }

    /// Waits for it to end well.
    pub(crate) fn finish(self) -> Result<()> {
        self.party.finish()
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // Already gone, or no longer wanted: either way nothing is left to report.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
