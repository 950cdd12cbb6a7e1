//! How far a run is.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use veilflow_exec::Step;

use crate::Plan;

/// The step that a run is about to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// Whether correlations are being used, no longer made.
    pub online: bool,
    /// The step's number, from 0, in either phase.
    pub step: usize,
    /// The steps of either phase.
    pub steps: usize,
    /// The layer of the original network.
    pub layer: &'a str,
    /// The operation.
    pub op: &'a str,
}

type Watch = Arc<dyn Fn(Progress<'_>) + Send + Sync>;

/// Who is told, if anybody.
#[derive(Clone, Default)]
pub(crate) struct Watcher(Arc<Mutex<Option<Watch>>>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher(..)")
    }
}

impl Watcher {
    pub(crate) fn set(&self, watch: impl Fn(Progress<'_>) + Send + Sync + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(watch));
    }

    pub(crate) fn tell(&self, plan: &Plan, step: Step) {
        let watch = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(watch), Some(node)) = (watch, plan.ir().nodes.get(step.node)) else { return };
        watch(Progress {
            online: step.online,
            step: step.node,
            steps: plan.nodes(),
            layer: &node.layer,
            op: node.op.name(),
        });
    }
}
