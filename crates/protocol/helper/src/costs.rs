//! What the supplier sends and receives, known beforehand.

use std::collections::BTreeSet;

use veilflow_correlation::{Cost, Demand, Flow, LinearRequest, SupplyCosts};
use veilflow_net::Role;

use crate::greeting::{HELLO_LEN, KNOWN_HEAD, STORE_LEN};
use crate::job::{Job, batches};
use crate::key::NONCE_LEN;
use crate::layer::Layer;
use crate::masks::SEED_LEN;
use crate::message::{BATCH_HEAD, WEIGHTS_HEAD, request_len};

/// What a [`HelperSupplier`](crate::HelperSupplier) sends and receives in a session whose weights the helper
/// does not know yet.
#[derive(Debug, Clone, Default)]
pub struct HelperCosts {
    /// Layers whose masked weights the helper has, by their description.
    known: BTreeSet<Vec<u8>>,
}

impl HelperCosts {
    fn job(job: &Job) -> [Flow; 2] {
        let correction = (BATCH_HEAD + job.correction_len()) as u64;
        [Flow::Helper(Role::P1, request_len(job)), Flow::Helper(job.corrected(), correction)]
    }
}

impl SupplyCosts for HelperCosts {
    fn set_up(&self) -> Cost {
        let each = (NONCE_LEN + SEED_LEN) as u64;
        let greeting = (2 * HELLO_LEN + STORE_LEN + KNOWN_HEAD) as u64;
        let greetings = [Role::P0, Role::P1].map(|role| Flow::Helper(role, greeting));
        Cost { flows: [&[Flow::Exchange(each, each)][..], &greetings].concat(), demand: Demand::default() }
    }

    fn fill(&mut self, demand: &Demand) -> Cost {
        let flows = batches(demand).flat_map(|job| Self::job(&job)).collect();
        Cost { flows, demand: Demand::default() }
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        let layer = Layer::from(request);
        let weights = (WEIGHTS_HEAD + layer.weight_bytes()) as u64;
        let job = Job::Layer(layer);
        let mut flows = Self::job(&job).to_vec();
        if self.known.insert(job.encode()) {
            flows.push(Flow::Helper(request.holder, weights));
        }
        Cost { flows, demand: Demand::default() }
    }
}
