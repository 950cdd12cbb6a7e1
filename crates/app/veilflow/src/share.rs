//! Inputs and outputs that are secret-shared between two servers.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use veilflow_net::Role;

use crate::error::randomness;
use crate::output::outputs;
use crate::share_file::{load, save};
use crate::{Error, OutOfRange, Output, Plan, Result, ShareId};

/// Half of a sample, uniform on its own: what each of two servers has of an input that neither may know. It
/// is for one run. `Debug` tells whose it is, no numbers.
pub struct InputShare(pub(crate) veilflow_ir::InputShare);

impl fmt::Debug for InputShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl InputShare {
    /// Reads the file at `path`, a share of an input of `plan`.
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
        Ok(Self(veilflow_ir::Share::decode(plan.ir(), file).map_err(Error::in_shares)?))
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

/// Half of a run's outputs, uniform on its own: what each of two servers ends with. [`Plan::open`] puts two
/// together. `Debug` tells whose it is, no numbers.
pub struct OutputShare(pub(crate) veilflow_ir::OutputShare);

impl fmt::Debug for OutputShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl OutputShare {
    /// Reads the file at `path`, a share of an output of `plan`.
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
        Ok(Self(veilflow_ir::Share::decode(plan.ir(), file).map_err(Error::in_shares)?))
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

/// The outputs behind two halves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The network's outputs, in order.
    pub outputs: Vec<Output>,
    /// Whether a value inside the network left its range, so that the outputs may mean nothing; `None` if the
    /// plan checks none.
    pub overflow: Option<bool>,
}

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
    /// use veilflow::{InputShare, OutOfRange, demo};
    ///
    /// let plan = demo::model()?.plan().clone();
    /// let split = plan.split(&demo::digit(7)?, OutOfRange::Refuse)?;
    /// let sent = split.shares[1].to_bytes();
    /// assert_eq!(InputShare::from_bytes(&plan, &sent)?.id(), split.shares[0].id());
    /// # veilflow::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] where that is to be refused; [`Error::SampleLength`]; [`Error::System`] if the
    /// system has no randomness to give.
    pub fn split(&self, sample: &[f32], out_of_range: OutOfRange) -> Result<SplitInput> {
        let (outside, values) = self.encode(sample, out_of_range)?;
        let shares = veilflow_ir::InputShare::split(self.ir(), &values, &mut randomness()?);
        Ok(SplitInput { shares: shares.map_err(Error::in_shares)?.map(InputShare), outside })
    }

    /// The outputs behind two halves, and whether a value left its range on the way to them.
    ///
    /// # Errors
    /// [`Error::Share`] if they are not both parties' of one run.
    pub fn open(&self, first: &OutputShare, second: &OutputShare) -> Result<Opened> {
        let mut values = first.0.join(&second.0).map_err(Error::in_shares)?;
        // Past the outputs comes the bit, if there is one.
        let bit = values.split_off(self.ir().outputs.len());
        let overflow = bit.first().map(|bit| bit.values() == [1]);
        Ok(Opened { outputs: outputs(self.ir(), &values), overflow })
    }
}
