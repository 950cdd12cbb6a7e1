//! Files of shares.

use std::path::Path;

use veilflow_ir::Share;
use veilflow_ir::share::Shared;

use crate::{Error, Plan, Result, folder};

pub(crate) fn load<T: Shared>(plan: &Plan, path: &Path) -> Result<Share<T>> {
    let share = Share::load(plan.ir(), path);
    share.map_err(|e| Error::Unusable { what: "share", path: path.to_owned(), source: e.into() })
}

pub(crate) fn save<T: Shared>(share: &Share<T>, path: &Path) -> Result<()> {
    share.save(path).map_err(|e| folder::not_written(path, e))
}
