//! A compiled model's folder: what `compile` writes and the others read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use veilflow_exec::{Held, WeightsAt};
use veilflow_import_onnx::MAX_FILE_BYTES;
use veilflow_ir::{Graph, Plan, WeightShare, Weights};
use veilflow_net::Role;

/// The public program; clients need a copy.
pub(crate) const PLAN: &str = "plan.vfp";
/// The integers of the weights; the server's alone.
pub(crate) const WEIGHTS: &str = "weights.vfw";
/// A server's half of secret-shared weights, in place of [`WEIGHTS`].
pub(crate) const WEIGHT_SHARE: &str = "weights.vfs";
/// The float model it was compiled from, for `eval`; the server's alone.
pub(crate) const MODEL: &str = "model.onnx";

/// One calibration input, for `bench model`; the server's alone.
pub(crate) const SAMPLE: &str = "sample.npy";

/// Loads the plan at `path`: a plan file, or a folder that holds one.
pub(crate) fn plan(path: &Path) -> Result<Plan> {
    let file = if path.is_dir() { path.join(PLAN) } else { path.to_owned() };
    ensure!(file.exists(), "{} does not exist; `veilflow compile` makes it", file.display());
    Plan::load(&file).with_context(|| format!("cannot use the plan {}", file.display()))
}

/// Loads plan and weights from a server's folder.
pub(crate) fn server(dir: &Path) -> Result<(Plan, Weights)> {
    ensure!(dir.is_dir(), "{} is no folder; `veilflow compile MODEL.onnx -o DIR` makes it", dir.display());
    let plan = plan(dir)?;
    let file = dir.join(WEIGHTS);
    ensure!(
        !dir.join(WEIGHT_SHARE).exists(),
        "{} holds a share of the weights, not all of them",
        dir.display()
    );
    ensure!(file.exists(), "{} does not exist: is {} a client's copy?", file.display(), dir.display());
    let weights =
        Weights::load(&plan, &file).with_context(|| format!("cannot use the weights {}", file.display()))?;
    Ok((plan, weights))
}

/// What a folder has of the weights.
pub(crate) enum Numbers {
    Nothing,
    Whole(Weights),
    Share(WeightShare),
}

impl Numbers {
    pub(crate) fn held(&self) -> Held<'_> {
        match self {
            Self::Nothing => Held::Nothing,
            Self::Whole(weights) => Held::Whole(weights),
            Self::Share(share) => Held::Share(share),
        }
    }

    /// Where a session finds the weights.
    pub(crate) fn at(&self) -> WeightsAt {
        match self {
            Self::Nothing | Self::Whole(_) => WeightsAt::Server,
            Self::Share(share) => WeightsAt::Shared(share.sharing()),
        }
    }
}

/// The share of the weights beside the plan at `path`, if `path` is a folder that holds one.
pub(crate) fn weight_share(path: &Path, plan: &Plan) -> Result<Option<WeightShare>> {
    let file = path.join(WEIGHT_SHARE);
    if !file.exists() {
        return Ok(None);
    }
    ensure!(
        !path.join(WEIGHTS).exists(),
        "{} holds all weights and a share of them; a server has one of the two",
        path.display()
    );
    let share =
        WeightShare::load(plan, &file).with_context(|| format!("cannot use the share {}", file.display()))?;
    Ok(Some(share))
}

/// Loads the plan, and what the party of this role has of the weights: the server all or a share, the client a share or nothing.
pub(crate) fn party(path: &Path, role: Role) -> Result<(Plan, Numbers)> {
    if role == Role::P0 && !path.join(WEIGHT_SHARE).exists() {
        let (plan, weights) = server(path)?;
        return Ok((plan, Numbers::Whole(weights)));
    }
    let plan = plan(path)?;
    let Some(share) = weight_share(path, &plan)? else { return Ok((plan, Numbers::Nothing)) };
    ensure!(
        share.party() == role,
        "{} holds party {}'s share of the weights; who serves needs party 0's, who connects party 1's",
        path.display(),
        share.party().index()
    );
    Ok((plan, Numbers::Share(share)))
}

/// Loads the float model: `model` if given, else the one `compile` kept.
pub(crate) fn float(dir: &Path, model: Option<&PathBuf>) -> Result<Graph> {
    let file = model.cloned().unwrap_or_else(|| dir.join(MODEL));
    veilflow_import_onnx::import_file(&file).with_context(|| format!("cannot import {}", file.display()))
}

/// The bytes of an ONNX file, no more than the importer takes.
pub(crate) fn read_model(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

/// Writes `bytes` to `path` so that a reader sees all of it or none.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}
