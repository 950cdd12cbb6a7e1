//! Masked weights at the helper: those of a session, and those kept for sessions to come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::masks::{Digest, Token};
use crate::{HelperError, Result};

/// How many bytes of masked weights one session may bring.
const MAX_SESSION_BYTES: usize = 1 << 32;
/// How many layers of a model are kept. It bounds the message that names them. No network has so many.
pub(crate) const MAX_LAYERS: usize = 1 << 16;
/// About how many bytes a kept layer takes beside its weights.
const OVERHEAD: usize = 256;

/// Packed masked weights of a layer.
type Masked = Arc<Vec<u8>>;

/// Models whose masked weights are kept, up to a limit in bytes. For room the model least recently used goes,
/// as a whole. A model that a session uses stays.
pub(crate) struct Store {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    models: HashMap<Token, Model>,
    /// How many sessions there have been, to tell which model was used last.
    clock: u64,
}

#[derive(Default)]
struct Model {
    layers: HashMap<Digest, Masked>,
    bytes: usize,
    /// How many sessions use it now.
    sessions: usize,
    last_used: u64,
}

impl State {
    /// Bytes of the models for which `of` holds.
    fn bytes(&self, of: impl Fn(&Model) -> bool) -> usize {
        self.models.values().filter(|model| of(model)).map(|model| model.bytes).sum()
    }

    /// Makes room for `bytes` more within `limit`, if that can be.
    fn make_room(&mut self, bytes: usize, limit: usize) -> bool {
        if self.bytes(|model| model.sessions > 0).saturating_add(bytes) > limit {
            return false;
        }
        while self.bytes(|_| true) + bytes > limit {
            let idle = self.models.iter().filter(|(_, model)| model.sessions == 0);
            let Some(oldest) = idle.min_by_key(|(_, model)| model.last_used).map(|(token, _)| *token) else {
                return false;
            };
            self.models.remove(&oldest);
        }
        true
    }
}

impl Store {
    /// A store for so many bytes. A store for 0 keeps nothing.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// A session's view of the model with this token, which stays as long as the view. Without a token the
    /// view is of nothing.
    pub(crate) fn open(&self, token: Option<Token>) -> SessionWeights<'_> {
        let layers = token.map_or_else(HashMap::new, |token| {
            let mut state = self.state();
            let model = state.models.entry(token).or_default();
            model.sessions += 1;
            model.layers.clone()
        });
        SessionWeights { store: self, token, layers, brought: 0 }
    }

    /// Bytes and number of models kept.
    pub(crate) fn kept(&self) -> (usize, usize) {
        let state = self.state();
        (state.bytes(|_| true), state.models.len())
    }

    /// Keeps a layer if there is room. Returns the weights to use: if some were kept before, those.
    fn keep(&self, token: Token, layer: Digest, masked: Masked) -> Masked {
        let mut state = self.state();
        if let Some(kept) = state.models.get(&token).and_then(|model| model.layers.get(&layer)) {
            return Arc::clone(kept);
        }
        let bytes = masked.len() + OVERHEAD;
        if state.make_room(bytes, self.limit)
            && let Some(model) = state.models.get_mut(&token)
            && model.layers.len() < MAX_LAYERS
        {
            model.bytes += bytes;
            model.layers.insert(layer, Arc::clone(&masked));
        }
        masked
    }

    fn close(&self, token: Token) {
        let mut state = self.state();
        state.clock += 1;
        let now = state.clock;
        if let Some(model) = state.models.get_mut(&token) {
            model.sessions -= 1;
            model.last_used = now;
            if model.sessions == 0 && model.layers.is_empty() {
                state.models.remove(&token);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent whenever the lock is released, even by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The masked weights of one party that a session can use.
pub(crate) struct SessionWeights<'a> {
    store: &'a Store,
    /// The token under which they are kept. Without a token they are not.
    token: Option<Token>,
    layers: HashMap<Digest, Masked>,
    /// How many bytes this session has brought.
    brought: usize,
}

impl SessionWeights<'_> {
    /// The layers that are here, in order.
    pub(crate) fn known(&self) -> Vec<Digest> {
        let mut known: Vec<Digest> = self.layers.keys().copied().collect();
        known.sort_unstable();
        known
    }

    /// A layer's weights. If they are not here yet, `receive` gets them from their holder: so many bytes.
    ///
    /// # Errors
    /// Those of `receive`; more bytes than a session may bring; other weights than another session brought
    /// under this token.
    pub(crate) fn layer(
        &mut self,
        layer: Digest,
        bytes: usize,
        receive: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Masked> {
        if let Some(masked) = self.layers.get(&layer) {
            return Ok(Arc::clone(masked));
        }
        self.brought = self.brought.saturating_add(bytes);
        if self.brought > MAX_SESSION_BYTES {
            return Err(HelperError::TooLarge {
                what: "a session may bring at most 2^32 bytes of masked weights",
            });
        }
        let ours = Arc::new(receive()?);
        let masked = match self.token {
            Some(token) => self.store.keep(token, layer, Arc::clone(&ours)),
            None => Arc::clone(&ours),
        };
        if masked != ours {
            return Err(HelperError::OtherWeights);
        }
        self.layers.insert(layer, Arc::clone(&masked));
        Ok(masked)
    }
}

impl Drop for SessionWeights<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.store.close(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 1000;

    fn bring(weights: &mut SessionWeights<'_>, layer: u8, value: u8) -> Result<Masked> {
        weights.layer([layer; 16], BYTES, || Ok(vec![value; BYTES]))
    }

    #[test]
    fn what_one_session_brings_the_next_finds() {
        let store = Store::new(1 << 20);
        let mut first = store.open(Some([1; 16]));
        bring(&mut first, 9, 7).unwrap();
        // A session that began beside it brings it itself, and must agree.
        let (mut beside, mut other) = (store.open(Some([1; 16])), store.open(Some([2; 16])));
        assert_eq!(beside.known(), [[9; 16]]);
        bring(&mut first, 3, 7).unwrap();
        assert!(bring(&mut beside, 3, 7).is_ok());
        bring(&mut beside, 4, 1).unwrap();
        assert!(matches!(bring(&mut first, 4, 2), Err(HelperError::OtherWeights)));
        assert!(other.known().is_empty() && bring(&mut other, 4, 2).is_ok());
        drop((first, beside, other));
        let mut later = store.open(Some([1; 16]));
        assert_eq!(later.known(), [[3; 16], [4; 16], [9; 16]]);
        let found = later.layer([9; 16], BYTES, || panic!("it is here")).unwrap();
        assert_eq!(*found, vec![7; BYTES]);
        assert_eq!(store.kept(), (4 * (BYTES + OVERHEAD), 2));
    }

    #[test]
    fn who_keeps_nothing_leaves_nothing() {
        let store = Store::new(1 << 20);
        let mut weights = store.open(None);
        bring(&mut weights, 1, 1).unwrap();
        // Within the session it is here.
        weights.layer([1; 16], BYTES, || panic!("it is here")).unwrap();
        drop((weights, store.open(Some([1; 16]))));
        assert_eq!(store.kept(), (0, 0));
    }

    #[test]
    fn the_model_least_recently_used_goes_unless_in_use() {
        // Two layers fit.
        let store = Store::new(2 * (BYTES + OVERHEAD));
        let known = |token: u8| store.open(Some([token; 16])).known().len();
        for token in [1, 2] {
            bring(&mut store.open(Some([token; 16])), 1, 1).unwrap();
        }
        assert_eq!([known(2), known(1)], [1, 1]);
        // Now 2 is the older.
        bring(&mut store.open(Some([3; 16])), 1, 1).unwrap();
        assert_eq!([known(1), known(2), known(3)], [1, 0, 1]);
        let (_one, _three) = (store.open(Some([1; 16])), store.open(Some([3; 16])));
        let mut four = store.open(Some([4; 16]));
        bring(&mut four, 1, 1).unwrap();
        // It finds no room, and so is there for its session only.
        four.layer([1; 16], BYTES, || panic!("it is here")).unwrap();
        drop(four);
        assert_eq!([known(1), known(3), known(4)], [1, 1, 0]);
        assert!(store.kept().0 <= store.limit);
    }

    #[test]
    fn a_session_brings_no_more_than_it_may() {
        let store = Store::new(0);
        let mut weights = store.open(None);
        let outcome = weights.layer([1; 16], MAX_SESSION_BYTES + 1, || panic!("it is not asked for"));
        assert!(matches!(outcome, Err(HelperError::TooLarge { .. })));
    }
}
