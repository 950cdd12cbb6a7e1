//! What a party brings to a session beside its options: connections, and what earlier sessions left.

use std::fmt;
use std::sync::Arc;

use veilflow_helper::WeightMasks;
use veilflow_net::Channel;
use veilflow_two_party::WeightCache;

use crate::run_limit::RunLimit;

/// Connects to a helper.
pub type Connect<'a> = Box<dyn FnOnce() -> veilflow_net::Result<Channel> + 'a>;

/// What a server keeps from session to session of one model. Without it each session makes this anew.
#[derive(Debug, Clone, Default)]
pub struct ServerCache {
    /// Homomorphic encryption takes transformed weights from here, for
    /// [`SupplierKind::He`](crate::SupplierKind::He).
    pub transformed: Option<Arc<WeightCache>>,
    /// These mask the weights, for [`SupplierKind::Helper`](crate::SupplierKind::Helper). With them a helper
    /// may keep the masked weights.
    pub masks: Option<Arc<WeightMasks>>,
    /// Runs that are prepared count here, for [`SupplierKind::He`](crate::SupplierKind::He).
    pub runs: Option<Arc<RunLimit>>,
}

/// A party's connections, and its cache.
pub struct Links<'a> {
    /// This channel leads to the peer.
    pub peer: Channel,
    /// This connects to the helper, for [`SupplierKind::Helper`](crate::SupplierKind::Helper). Both parties
    /// name the same one. It is called after the handshake, so that a helper need not wait for one.
    pub helper: Option<Connect<'a>>,
    /// The session takes from this cache and adds to it.
    pub cache: ServerCache,
}

impl fmt::Debug for Links<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Links({:?}, helper: {})", self.peer, self.helper.is_some())
    }
}

impl From<Channel> for Links<'_> {
    fn from(peer: Channel) -> Self {
        Self { peer, helper: None, cache: ServerCache::default() }
    }
}
