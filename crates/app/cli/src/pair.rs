//! A server and a client process on loopback, a helper if it is to supply them, and what came of it.

use std::path::Path;

use anyhow::Result;
use veilflow::{Phase, Report, folder};

use crate::options::RunOptions;
use crate::process::{HelperProcess, Party};
use crate::report::{ClientRun, HelperSession, ServerRun};

/// One run between two processes.
pub(crate) struct PairRun {
    pub(crate) server: ServerRun,
    pub(crate) client: ClientRun,
    /// For `--supplier helper`.
    pub(crate) helper: Option<HelperSession>,
}

impl PairRun {
    /// Serves the folder `dir` to a client that runs the model on `input`, each a process of this program. If
    /// `warm`, the same server and helper have served such a client before.
    pub(crate) fn start(dir: &Path, input: &Path, options: &RunOptions, warm: bool) -> Result<Self> {
        let sessions = if warm { 2 } else { 1 };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments =
            vec!["serve".to_owned(), text(dir), "--json".to_owned(), format!("--sessions={sessions}")];
        // What a first session costs: nothing is there to be used again, and nothing takes memory for a
        // second.
        arguments.extend((!warm).then(|| "--weight-cache=off".to_owned()));
        arguments.push("--listen=127.0.0.1:0".to_owned());
        arguments.push("--timeout=600".to_owned());
        arguments.extend(options.arguments());
        let mut helper = HelperProcess::start(options, sessions)?;
        let helper_argument = helper.as_ref().map(HelperProcess::argument);
        arguments.extend(helper_argument.clone());
        let mut server = Party::start("server", &arguments)?;
        let mut arguments = vec!["infer".to_owned(), "--json".to_owned(), "--timeout=600".to_owned()];
        arguments.push(format!("--connect={}", server.address()?));
        arguments.push(format!("--plan={}", text(&dir.join(folder::PLAN))));
        arguments.push(format!("--input={}", text(input)));
        // What leaves a range is reported, not refused.
        arguments.push("--out-of-range=clip".to_owned());
        arguments.extend(options.arguments());
        arguments.extend(helper_argument);
        let mut session = || -> Result<Self> {
            let mut client = Party::start("client", &arguments)?;
            let (client_report, server_report) = (client.read()?, server.read()?);
            client.finish()?;
            let helper = helper.as_mut().map(HelperProcess::report).transpose()?;
            Ok(Self { client: client_report, server: server_report, helper })
        };
        let mut run = session()?;
        if warm {
            run = session()?;
        }
        server.finish()?;
        helper.map(HelperProcess::finish).transpose()?;
        Ok(run)
    }

    /// Offline and online as both parties saw them, the server first.
    pub(crate) fn phases(&self) -> [[Phase; 2]; 2] {
        let reports = [&self.server.report, &self.client.report];
        [reports.map(Report::offline), reports.map(Report::online)]
    }

    /// The larger resident set of the server and the client.
    pub(crate) fn peak_rss_bytes(&self) -> u64 {
        self.server.peak_rss_bytes.max(self.client.peak_rss_bytes)
    }
}
