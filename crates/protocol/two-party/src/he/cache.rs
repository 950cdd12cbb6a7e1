//! Transformed weights, kept between runs and sessions.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use veilflow_he::{Form, WeightPoly};

use super::cut::Cut;

/// The transformed weights of one server's model, for all its sessions, up to a limit in bytes. Layers take
/// room in the order in which they come. A layer that finds too little is transformed anew each time, and one
/// that needs no transform takes no room.
pub struct WeightCache {
    limit: usize,
    layers: Mutex<Layers>,
}

#[derive(Default)]
struct Layers {
    used: usize,
    kept: HashMap<Key, Arc<LayerWeights>>,
}

/// A layer, and how it is divided. Sessions that cut it alike use the same transforms.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    layer: usize,
    degree: usize,
    primes: usize,
    division: String,
}

/// The weight polynomials of a layer: for each product, those of the inputs that it meets.
pub(super) struct LayerWeights(Vec<OnceLock<Vec<WeightPoly>>>);

impl fmt::Debug for WeightCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeightCache({} of {} bytes)", self.used(), self.limit)
    }
}

impl WeightCache {
    /// An empty cache for so many bytes. Servers of different weights need caches of their own.
    pub fn new(limit: usize) -> Self {
        Self { limit, layers: Mutex::default() }
    }

    /// Bytes taken so far.
    pub fn used(&self) -> usize {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner).used
    }

    /// The place for the weights of a layer; nothing if there is no room.
    pub(super) fn layer(&self, layer: usize, cut: &Cut) -> Option<Arc<LayerWeights>> {
        if cut.form == Form::Coefficients {
            return None;
        }
        let (degree, primes) = (cut.parameters.degree(), cut.parameters.primes());
        let key = Key { layer, degree, primes, division: format!("{:?}", cut.division) };
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = layers.kept.get(&key) {
            return Some(Arc::clone(kept));
        }
        let bytes = cut.weight_polynomials().checked_mul(WeightPoly::bytes(&cut.parameters))?;
        if bytes > self.limit - layers.used {
            return None;
        }
        layers.used += bytes;
        let kept = Arc::new(LayerWeights((0..cut.products()).map(|_| OnceLock::new()).collect()));
        layers.kept.insert(key, Arc::clone(&kept));
        Some(kept)
    }
}

impl LayerWeights {
    /// The polynomials of a product. `make` makes them the first time.
    pub(super) fn product(&self, index: usize, make: impl FnOnce() -> Vec<WeightPoly>) -> &[WeightPoly] {
        self.0[index].get_or_init(make)
    }
}
