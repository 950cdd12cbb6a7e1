//! What parties say around a run: that there will be one, and on which secret-shared input.
//!
//! The party that connects announces a shared input by its sharing's number, and a number for the sharing of
//! its output, so that halves of different runs are told apart. The party that serves says whether it has the
//! other half.

use veilflow_ir::SharingId;
use veilflow_net::{Channel, Role};

use crate::error::randomness;
use crate::{Error, InputShare, Plan, Result, ShareId, ShareStore};

/// What a client sends before each run; anything else ends the session.
const MORE: u8 = 1;
/// What a client sends when it is done.
const DONE: u8 = 0;

/// The other half is here.
const HAVE: u8 = 1;
/// It is not.
const LACK: u8 = 0;

/// A run on a shared input.
pub(crate) struct SharedRun {
    /// This party's half.
    pub(crate) input: InputShare,
    /// The sharing of its output.
    pub(crate) output: SharingId,
}

/// At the client: a run on its own input is to begin.
pub(crate) fn begin(channel: &mut Channel) -> Result<()> {
    channel.send(&[MORE])?;
    Ok(channel.flush()?)
}

/// At the client: a run on a shared input is to begin.
pub(crate) fn begin_shared(channel: &mut Channel, input: InputShare) -> Result<SharedRun> {
    let output = SharingId::random(&mut randomness()?);
    channel.send(&[MORE])?;
    channel.send(&[input.id().0.bytes(), output.bytes()].concat())?;
    if channel.recv_vec(1)? != [HAVE] {
        return Err(Error::PeerLacksShare { sharing: input.id() });
    }
    Ok(SharedRun { input, output })
}

/// At the client: there will be no more runs.
pub(crate) fn finish(channel: &mut Channel) -> Result<()> {
    channel.send(&[DONE])?;
    Ok(channel.flush()?)
}

/// At the server: whether there is to be a run.
pub(crate) fn is_more(channel: &mut Channel) -> Result<bool> {
    Ok(channel.recv_vec(1)? == [MORE])
}

/// At the server: the shared input of the run that begins.
pub(crate) fn accept_shared(channel: &mut Channel, plan: &Plan, store: &dyn ShareStore) -> Result<SharedRun> {
    let mut ids = [[0; SharingId::LEN]; 2];
    for id in &mut ids {
        channel.recv(id)?;
    }
    let [input, output] = ids.map(SharingId::from);
    let found = store.input(plan, ShareId(input)).and_then(|share| match share.party() {
        Role::P0 => Ok(share),
        Role::P1 => Err(Error::WrongHalf { holder: "the store holds".to_owned(), party: 1, of: "an input" }),
    });
    channel.send(&[if found.is_ok() { HAVE } else { LACK }])?;
    channel.flush()?;
    Ok(SharedRun { input: found?, output })
}
