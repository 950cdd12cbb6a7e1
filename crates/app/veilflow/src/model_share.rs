//! Weights that are secret-shared between two servers.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_ir::{Share, WeightShare, Weights};
use veilflow_net::Role;

use crate::error::randomness;
use crate::share_file::{load, save};
use crate::{Error, Model, Plan, Result, ShareId, folder};

/// Half of a model's weights, uniform on its own, with the public plan: what each of two servers has of a
/// model that neither may know. `Debug` tells whose it is, no numbers.
#[derive(Clone)]
pub struct ModelShare {
    plan: Plan,
    share: Arc<Share<Weights>>,
}

impl fmt::Debug for ModelShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelShare({:?}, {:?})", self.plan, self.share)
    }
}

impl Model {
    /// Splits the weights between two servers: the first half is for the one that serves, the second for the
    /// one that connects. Who sees both halves knows the weights.
    ///
    /// ```
    /// use veilflow::{ModelShare, Role, demo};
    ///
    /// let halves = demo::model()?.split()?;
    /// let folder = tempfile::tempdir()?;
    /// halves[0].save(folder.path())?;
    /// assert_eq!(ModelShare::load(folder.path())?.party(), Role::P0);
    /// assert_eq!(halves[0].id(), halves[1].id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::System`] if the system has no randomness to give.
    pub fn split(&self) -> Result<[ModelShare; 2]> {
        let halves = self.weights().split(self.plan().ir(), &mut randomness()?);
        let halves = halves.map_err(Error::in_shares)?;
        Ok(halves.map(|share| ModelShare { plan: self.plan().clone(), share: Arc::new(share) }))
    }
}

impl ModelShare {
    /// Whether there is half of a model in the folder `path`.
    pub fn is_in(path: impl AsRef<Path>) -> bool {
        path.as_ref().join(folder::WEIGHT_SHARE).exists()
    }

    /// Loads the plan and half of the weights from a folder that [`ModelShare::save`] or `veilflow share
    /// weights` wrote.
    ///
    /// # Errors
    /// [`Error::Missing`]; [`Error::WeightsAndShare`]; [`Error::Unusable`] for files that are damaged or do
    /// not belong together.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let plan = Plan::load(path)?;
        if path.join(folder::WEIGHTS).exists() {
            return Err(Error::WeightsAndShare { path: path.to_owned() });
        }
        let share = load(&plan, &path.join(folder::WEIGHT_SHARE))?;
        Ok(Self { plan, share: Arc::new(share) })
    }

    /// Writes the public plan and this half to the folder `path`, the half readable by its owner alone.
    ///
    /// # Errors
    /// [`Error::WholeWeights`] for a folder with all weights; [`Error::MakeFolder`]; [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        folder::make(path)?;
        if path.join(folder::WEIGHTS).exists() {
            return Err(Error::WholeWeights { path: path.to_owned() });
        }
        self.plan.save(path.join(folder::PLAN))?;
        save(&self.share, &path.join(folder::WEIGHT_SHARE))
    }

    /// The public part.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What both halves have in common.
    pub fn id(&self) -> ShareId {
        ShareId(self.share.sharing())
    }

    /// Whose it is: [`Role::P0`] serves, [`Role::P1`] connects.
    pub fn party(&self) -> Role {
        self.share.party()
    }

    /// The numbers, ready to run.
    pub(crate) fn weights(&self) -> Result<WeightShare> {
        WeightShare::new(self.plan.ir(), &self.share).map_err(Error::in_shares)
    }
}
