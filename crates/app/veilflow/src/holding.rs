//! What a party has of a model.

use std::path::Path;
use std::sync::Arc;

use veilflow_exec::{Held, WeightsAt};
use veilflow_ir::{WeightShare, Weights};
use veilflow_net::Role;

use crate::{Error, Model, ModelShare, Plan, Result};

/// What a server has of a model.
#[derive(Debug, Clone)]
pub enum ServerSide {
    /// All of it.
    Model(Model),
    /// The first half of its weights.
    Share(ModelShare),
}

/// What a client has of a model.
#[derive(Debug, Clone)]
pub enum ClientSide {
    /// The public plan alone.
    Plan(Plan),
    /// The second half of its weights too.
    Share(ModelShare),
}

impl From<Model> for ServerSide {
    fn from(model: Model) -> Self {
        Self::Model(model)
    }
}

impl From<ModelShare> for ServerSide {
    fn from(share: ModelShare) -> Self {
        Self::Share(share)
    }
}

impl From<Plan> for ClientSide {
    fn from(plan: Plan) -> Self {
        Self::Plan(plan)
    }
}

impl From<&Plan> for ClientSide {
    fn from(plan: &Plan) -> Self {
        Self::Plan(plan.clone())
    }
}

impl From<ModelShare> for ClientSide {
    fn from(share: ModelShare) -> Self {
        Self::Share(share)
    }
}

/// Refuses the other party's half.
fn check(share: &ModelShare, role: Role, holder: impl FnOnce() -> String) -> Result<()> {
    if share.party() == role {
        return Ok(());
    }
    Err(Error::WrongHalf { holder: holder(), party: share.party().index(), of: "the weights" })
}

/// The half in the folder `path`, which must be this party's.
fn load(path: &Path, role: Role) -> Result<ModelShare> {
    let share = ModelShare::load(path)?;
    check(&share, role, || format!("{} holds", path.display()))?;
    Ok(share)
}

impl ServerSide {
    /// Loads what a server has in the folder `path`: a model, or the first half of one.
    ///
    /// # Errors
    /// Those of [`Model::load`] and [`ModelShare::load`]; [`Error::WrongHalf`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if ModelShare::is_in(path) {
            load(path, Role::P0).map(Self::Share)
        } else {
            Model::load(path).map(Self::Model)
        }
    }

    /// The public part.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Model(model) => model.plan(),
            Self::Share(share) => share.plan(),
        }
    }

    pub(crate) fn holding(&self) -> Result<Holding> {
        match self {
            Self::Model(model) => Ok(Holding::Whole(model.weights().clone())),
            Self::Share(share) => Holding::half(share, Role::P0),
        }
    }
}

impl ClientSide {
    /// Loads what a client has at `path`: a plan file, a folder that holds one, or a folder with the second
    /// half of a model.
    ///
    /// # Errors
    /// Those of [`Plan::load`] and [`ModelShare::load`]; [`Error::WrongHalf`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if ModelShare::is_in(path) {
            load(path, Role::P1).map(Self::Share)
        } else {
            Plan::load(path).map(Self::Plan)
        }
    }

    /// The public part.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Plan(plan) => plan,
            Self::Share(share) => share.plan(),
        }
    }

    pub(crate) fn holding(&self) -> Result<Holding> {
        match self {
            Self::Plan(_) => Ok(Holding::Nothing),
            Self::Share(share) => Holding::half(share, Role::P1),
        }
    }
}

/// What a party has of the weights, ready to run.
#[derive(Debug, Clone)]
pub(crate) enum Holding {
    Nothing,
    Whole(Arc<Weights>),
    Share(Arc<WeightShare>),
}

impl Holding {
    pub(crate) fn half(share: &ModelShare, role: Role) -> Result<Self> {
        check(share, role, || "this is".to_owned())?;
        Self::of(share)
    }

    /// Half of the weights, whosever it is.
    pub(crate) fn of(share: &ModelShare) -> Result<Self> {
        Ok(Self::Share(Arc::new(share.weights()?)))
    }

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
