//! Where a server finds its shares of inputs, and keeps those of outputs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use veilflow_net::Role;

use crate::{Error, InputShare, OutputShare, Plan, Result, ShareId, folder};

/// Where a server finds its shares of inputs, and keeps those of outputs. Sessions use it at once.
pub trait ShareStore: Send + Sync {
    /// This party's share of the input `id`, which the peer announces.
    ///
    /// # Errors
    /// [`Error::NoSuchShare`] if there is none. The peer learns no more than that.
    fn input(&self, plan: &Plan, id: ShareId) -> Result<InputShare>;

    /// Keeps this party's share of the output for the input `id`.
    ///
    /// # Errors
    /// Those of whatever keeps it; the session then ends.
    fn keep(&self, id: ShareId, output: OutputShare) -> Result<()>;
}

/// The ending of files with a share of an input; their name is the sharing's number.
const INPUT: &str = "vfi";
/// The ending of files with a share of an output; their name is that of the input.
const OUTPUT: &str = "vfo";

/// Shares in two folders of files: `ID.vfi` for inputs and, under the name of the input, `ID.vfo` for
/// outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareFolders {
    inputs: PathBuf,
    outputs: PathBuf,
}

/// Files in `folder` with this ending, in order of their names.
fn files(folder: &Path, ending: &'static str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.map_err(|source| Error::Read { path: folder.to_owned(), source })?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|e| e == ending))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::NoFiles { path: folder.to_owned(), ending });
    }
    Ok(files)
}

fn load(plan: &Plan, file: &Path, role: Role) -> Result<InputShare> {
    let share = InputShare::load(plan, file)?;
    if share.party() != role {
        let holder = format!("{} is", file.display());
        return Err(Error::WrongHalf { holder, party: share.party().index(), of: "an input" });
    }
    Ok(share)
}

impl ShareFolders {
    /// Shares of inputs in the folder `inputs`, and of outputs in `outputs`, which is made if it is not
    /// there.
    ///
    /// # Errors
    /// [`Error::NoFolder`] if there is none of inputs; [`Error::MakeFolder`].
    pub fn open(inputs: impl Into<PathBuf>, outputs: impl Into<PathBuf>) -> Result<Self> {
        let (inputs, outputs) = (inputs.into(), outputs.into());
        if !inputs.is_dir() {
            return Err(Error::NoFolder { path: inputs, remedy: "split an input to have it made" });
        }
        folder::make(&outputs)?;
        Ok(Self { inputs, outputs })
    }

    /// Where the share of the input `id` lies in the folder `inputs`.
    pub fn input_file(inputs: impl AsRef<Path>, id: ShareId) -> PathBuf {
        inputs.as_ref().join(format!("{id}.{INPUT}"))
    }

    /// Where the share of the output for the input `id` goes.
    pub fn output_file(&self, id: ShareId) -> PathBuf {
        self.outputs.join(format!("{id}.{OUTPUT}"))
    }

    /// The files with shares of outputs in `folder`, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::NoFiles`].
    pub fn output_files(folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        files(folder.as_ref(), OUTPUT)
    }

    /// All shares of inputs, those of the party that connects, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error::NoFiles`]; [`Error::WrongHalf`]; [`Error::Unusable`] for a file that is damaged or of another
    /// plan.
    pub fn inputs(&self, plan: &Plan) -> Result<Vec<InputShare>> {
        files(&self.inputs, INPUT)?.iter().map(|file| load(plan, file, Role::P1)).collect()
    }
}

impl ShareStore for ShareFolders {
    fn input(&self, plan: &Plan, id: ShareId) -> Result<InputShare> {
        let file = Self::input_file(&self.inputs, id);
        let place = file.display().to_string();
        if !file.exists() {
            return Err(Error::NoSuchShare { sharing: id, place });
        }
        let share = load(plan, &file, Role::P0)?;
        if share.id() != id {
            return Err(Error::OtherSharing { place, actual: share.id() });
        }
        Ok(share)
    }

    fn keep(&self, id: ShareId, output: OutputShare) -> Result<()> {
        output.save(self.output_file(id))
    }
}

/// Shares in memory: put in as they come, each used once.
///
/// ```
/// use veilflow::{OutOfRange, ShareMemory, ShareStore, demo};
///
/// let plan = demo::model()?.plan().clone();
/// let [ours, _theirs] = plan.split(&demo::digit(7)?, OutOfRange::Refuse)?.shares;
/// let (store, id) = (ShareMemory::default(), ours.id());
/// store.put(ours);
/// assert_eq!(store.input(&plan, id)?.id(), id);
/// assert!(store.input(&plan, id).is_err(), "it has been used");
/// # veilflow::Result::Ok(())
/// ```
#[derive(Default)]
pub struct ShareMemory {
    shares: Mutex<Shares>,
}

#[derive(Default)]
struct Shares {
    inputs: BTreeMap<ShareId, InputShare>,
    outputs: BTreeMap<ShareId, OutputShare>,
}

impl fmt::Debug for ShareMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = self.shares();
        write!(f, "ShareMemory({} inputs, {} outputs)", shares.inputs.len(), shares.outputs.len())
    }
}

impl ShareMemory {
    /// Takes in a share of an input.
    pub fn put(&self, input: InputShare) {
        self.shares().inputs.insert(input.id(), input);
    }

    /// Takes out the share of the output for the input `id`; `None` if the
    /// server has not kept it yet, which it does when its run is over.
    pub fn take(&self, id: ShareId) -> Option<OutputShare> {
        self.shares().outputs.remove(&id)
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        // Every change is complete whenever the lock is released.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShareStore for ShareMemory {
    fn input(&self, _plan: &Plan, id: ShareId) -> Result<InputShare> {
        let place = "its other half in memory".to_owned();
        self.shares().inputs.remove(&id).ok_or(Error::NoSuchShare { sharing: id, place })
    }

    fn keep(&self, id: ShareId, output: OutputShare) -> Result<()> {
        self.shares().outputs.insert(id, output);
        Ok(())
    }
}
