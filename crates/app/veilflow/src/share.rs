//! Weights, inputs and outputs that are secret-shared between two servers.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use veilflow_ir::{Share, WeightShare, Weights};
use veilflow_net::Role;
use veilflow_prim::Prg;

use crate::output::outputs;
use crate::share_id::ShareId;
use crate::{Error, Model, Output, Plan, Result, folder};

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
        let halves = self.weights().split(self.plan().ir(), &mut Prg::from_entropy()?);
        let halves = halves.map_err(|e| Error::Share(e.into()))?;
        Ok(halves.map(|share| ModelShare { plan: self.plan().clone(), share: Arc::new(share) }))
    }
}

impl ModelShare {
    /// Whether there is half of a model in the folder `path`.
    pub fn is_in(path: impl AsRef<Path>) -> bool {
        path.as_ref().join(folder::WEIGHT_SHARE).exists()
    }

    /// Loads the plan and half of the weights from a folder that [`ModelShare::save`] or
    /// `veilflow share weights` wrote.
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
        WeightShare::new(self.plan.ir(), &self.share).map_err(|e| Error::Share(e.into()))
    }
}

fn load<T: veilflow_ir::share::Shared>(plan: &Plan, path: &Path) -> Result<Share<T>> {
    let share = Share::load(plan.ir(), path);
    share.map_err(|e| Error::Unusable { what: "share", path: path.to_owned(), source: e.into() })
}

fn save<T: veilflow_ir::share::Shared>(share: &Share<T>, path: &Path) -> Result<()> {
    share.save(path).map_err(|e| folder::not_written(path, e))
}

/// A party's share of something of a plan: a file, bytes, and whose it is.
macro_rules! share {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// Reads the file at `path`, a share of something of `plan`.
            ///
            /// # Errors
            /// [`Error::Unusable`] for a file that is damaged or of another plan.
            pub fn load(plan: &Plan, path: impl AsRef<Path>) -> Result<Self> {
                load(plan, path.as_ref()).map(Self)
            }

            /// Writes the file, readable by its owner alone.
            ///
            /// # Errors
            /// [`Error::Write`].
            pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
                save(&self.0, path.as_ref())
            }

            /// The bytes of the file, to be sent to whom it is for.
            pub fn to_bytes(&self) -> Vec<u8> {
                self.0.encode()
            }

            /// Reads the bytes of such a file.
            ///
            /// # Errors
            /// [`Error::Share`] for bytes that are damaged or of another plan.
            pub fn from_bytes(plan: &Plan, file: &[u8]) -> Result<Self> {
                let share = Share::decode(plan.ir(), file);
                Ok(Self(share.map_err(|e| Error::Share(e.into()))?))
            }

            /// What both halves have in common.
            pub fn id(&self) -> ShareId {
                ShareId(self.0.sharing())
            }

            /// Whose it is: [`Role::P0`] serves, [`Role::P1`] connects.
            pub fn party(&self) -> Role {
                self.0.party()
            }
        }
    };
}

/// Half of a sample, uniform on its own: what each of two servers has of an input that neither may know. It
/// is for one run; its `Debug` form tells whose it is, no numbers.
pub struct InputShare(pub(crate) veilflow_ir::InputShare);

share!(InputShare);

/// Half of a run's outputs, uniform on its own: what each of two servers ends with. [`Plan::open`] puts two
/// together. Its `Debug` form tells whose it is, no numbers.
pub struct OutputShare(pub(crate) veilflow_ir::OutputShare);

share!(OutputShare);

/// A sample in two halves.
#[derive(Debug)]
pub struct SplitInput {
    /// The halves: for the server that serves, and for the one that connects.
    pub shares: [InputShare; 2],
    /// Elements beyond what the plan has room for, limited to it: calibration saw nothing like them.
    pub outside: usize,
}

impl Plan {
    /// Splits a sample between two servers. Who sees both halves knows it.
    ///
    /// ```
    /// use veilflow::{InputShare, demo};
    ///
    /// let plan = demo::model()?.plan().clone();
    /// let split = plan.split(&demo::digit(7)?)?;
    /// let sent = split.shares[1].to_bytes();
    /// assert_eq!(InputShare::from_bytes(&plan, &sent)?.id(), split.shares[0].id());
    /// # veilflow::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Error::SampleLength`]; [`Error::System`] if the system has no randomness to give.
    pub fn split(&self, sample: &[f32]) -> Result<SplitInput> {
        let (outside, values) = self.encode(sample)?;
        let shares = veilflow_ir::InputShare::split(self.ir(), &values, &mut Prg::from_entropy()?);
        Ok(SplitInput { shares: shares.map_err(|e| Error::Share(e.into()))?.map(InputShare), outside })
    }

    /// The outputs behind two halves.
    ///
    /// # Errors
    /// [`Error::Share`] if they are not both parties' of one run.
    pub fn open(&self, first: &OutputShare, second: &OutputShare) -> Result<Vec<Output>> {
        let values = first.0.join(&second.0).map_err(|e| Error::Share(e.into()))?;
        Ok(outputs(self.ir(), &values))
    }
}
