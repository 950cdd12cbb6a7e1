//! Inputs that both servers have shares of, run after run: which one is next, and where the shares of its output go.
//!
//! Who connects announces the input by its sharing's number, and a number for the sharing of its output, so that halves of
//! different runs are told apart; who serves says whether it has the other half.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use veilflow_exec::InputAt;
use veilflow_ir::{InputShare, OutputShare, Plan, SharingId};
use veilflow_net::{Channel, Role};
use veilflow_prim::Prg;
use veilflow_ring::RingVec;

/// The ending of files with a share of an input; their name is the sharing's number.
const INPUT: &str = "vfi";
/// The ending of files with a share of an output; their name is that of the input.
pub(crate) const OUTPUT: &str = "vfo";

/// The other half is here.
const HAVE: u8 = 1;
/// It is not.
const LACK: u8 = 0;

/// Where shares of inputs come from, and shares of outputs go.
#[derive(Debug, Clone, Args)]
pub(crate) struct ShareFolders {
    /// Run on secret-shared inputs: the folder with this party's shares, from `share input`.
    #[arg(long, value_name = "DIR", requires = "output_shares")]
    input_shares: Option<PathBuf>,
    /// The folder for this party's shares of the outputs, for `share open`.
    #[arg(long, value_name = "DIR", requires = "input_shares")]
    output_shares: Option<PathBuf>,
}

/// Where the share of an input with this number lies in `folder`.
pub(crate) fn input_file(folder: &Path, sharing: SharingId) -> PathBuf {
    folder.join(format!("{sharing}.{INPUT}"))
}

/// Files in `folder` with this ending, in order of their names.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|e| e == ending))
        .collect();
    files.sort();
    ensure!(!files.is_empty(), "{} holds no file *.{ending}", folder.display());
    Ok(files)
}

/// Makes a folder, unless there is one.
pub(crate) fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

fn load(plan: &Plan, file: &Path, role: Role) -> Result<InputShare> {
    let share =
        InputShare::load(plan, file).with_context(|| format!("cannot use the share {}", file.display()))?;
    ensure!(
        share.party() == role,
        "{} is party {}'s share of an input; who serves needs party 0's, who connects party 1's",
        file.display(),
        share.party().index()
    );
    Ok(share)
}

impl ShareFolders {
    /// Where a session finds its inputs.
    pub(crate) fn at(&self) -> InputAt {
        if self.input_shares.is_some() { InputAt::Shared } else { InputAt::Client }
    }

    /// The folders, of which the one for outputs is made; `None` if inputs are the client's.
    pub(crate) fn open(&self) -> Result<Option<Folders<'_>>> {
        let (Some(inputs), Some(outputs)) = (&self.input_shares, &self.output_shares) else {
            return Ok(None);
        };
        ensure!(inputs.is_dir(), "{} is no folder; `veilflow share input` makes it", inputs.display());
        make_folder(outputs)?;
        Ok(Some(Folders { inputs, outputs }))
    }
}

/// A party's shares of inputs and outputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folders<'a> {
    inputs: &'a Path,
    outputs: &'a Path,
}

/// A run on a shared input.
pub(crate) struct SharedRun<'a> {
    input: InputShare,
    /// The sharing of its output.
    output: SharingId,
    folder: &'a Path,
}

impl<'a> Folders<'a> {
    /// The shares there are, in order of their numbers.
    pub(crate) fn inputs(&self, plan: &Plan) -> Result<Vec<InputShare>> {
        files(self.inputs, INPUT)?.iter().map(|file| load(plan, file, Role::P1)).collect()
    }

    /// Announces a run on `input` to who serves.
    pub(crate) fn announce(&self, channel: &mut Channel, input: InputShare) -> Result<SharedRun<'a>> {
        let output = SharingId::random(&mut Prg::from_entropy()?);
        channel.send(&[input.sharing().bytes(), output.bytes()].concat())?;
        ensure!(
            channel.recv_vec(1)? == [HAVE],
            "the party that serves has no usable share of the input {}",
            input.sharing()
        );
        Ok(SharedRun { input, output, folder: self.outputs })
    }

    /// The run that who connects announces.
    pub(crate) fn accept(&self, channel: &mut Channel, plan: &Plan) -> Result<SharedRun<'a>> {
        let mut ids = [[0; SharingId::LEN]; 2];
        for id in &mut ids {
            channel.recv(id)?;
        }
        let [sharing, output] = ids.map(SharingId::from);
        let found = self.find(plan, sharing);
        channel.send(&[if found.is_ok() { HAVE } else { LACK }])?;
        channel.flush()?;
        Ok(SharedRun { input: found?, output, folder: self.outputs })
    }

    fn find(&self, plan: &Plan, sharing: SharingId) -> Result<InputShare> {
        let file = input_file(self.inputs, sharing);
        if !file.exists() {
            bail!("the peer has a share of the input {sharing}, but {} does not exist", file.display());
        }
        let share = load(plan, &file, Role::P0)?;
        ensure!(share.sharing() == sharing, "{} is of the sharing {}", file.display(), share.sharing());
        Ok(share)
    }
}

impl SharedRun<'_> {
    /// This party's share of the input.
    pub(crate) fn input(&self) -> &[RingVec] {
        self.input.values()
    }

    /// Writes this party's share of the output, and returns where.
    pub(crate) fn keep(&self, plan: &Plan, outputs: Option<Vec<RingVec>>) -> Result<PathBuf> {
        let outputs = outputs.context("each party gets a share of the output")?;
        let file = self.folder.join(format!("{}.{OUTPUT}", self.input.sharing()));
        OutputShare::new(plan, self.output, self.input.party(), outputs)?.save(&file)?;
        Ok(file)
    }
}
