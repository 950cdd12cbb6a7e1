//! What computing takes: unit costs, measured once on a reference machine, and how another machine compares with it.
//!
//! The reference is one core of an Intel Xeon with AVX-512 IFMA and VAES (as in docs/benchmarks.md), two parties on two cores.
//! The constants are least-squares fits over the layers of SqueezeNet, EfficientNet-Lite0 and open_nsfw, in nanoseconds of a
//! thread's CPU time; over a network they are off by some 5 %, over a layer by up to 30 %.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use veilflow_correlation::{Cost, Demand, Kind, LinearRequest, Needs, Pools, Supplier, SupplyCosts};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::{self as online, Party};
use veilflow_ot::ExtensionPlan;
use veilflow_prim::{Block, Prg};
use veilflow_ring::Ring;
use veilflow_spec::{Conv2dShape, LinearShape};
use veilflow_two_party::{HeClient, HePlan, HeServer, HeSuite, HeWork, OtPlan, OtSupplier, OtWork};

use crate::{ExecError, Result};

/// Seconds a nanosecond.
const NS: f64 = 1e-9;

/// How much longer a machine takes than the reference machine, by what is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Base OTs and what else sets OTs up.
    pub set_up: f64,
    /// OTs.
    pub ot: f64,
    /// Homomorphic encryption.
    pub he: f64,
    /// The online phase.
    pub online: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { set_up: 1.0, ot: 1.0, he: 1.0, online: 1.0 }
    }
}

/// Seconds of the server and of the client.
pub(crate) type Seconds = [f64; 2];

/// A layer by homomorphic encryption: what each party computes while inputs are on their way, and while replies are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeSeconds {
    pub(crate) encrypt: f64,
    pub(crate) read: f64,
    pub(crate) reply: f64,
    pub(crate) decrypt: f64,
}

impl Machine {
    /// Base OTs of both directions, and the bytes that set OT extensions up: the seeds they stand for.
    pub(crate) fn ot_set_up(&self, bytes: u64) -> f64 {
        (22e6 + 37.0 * bytes as f64) * NS * self.set_up
    }

    /// Making or checking so many bytes of public keys.
    pub(crate) fn keys(&self, bytes: u64) -> Seconds {
        [1.7, 3.0].map(|ns| ns * bytes as f64 * NS * self.he)
    }

    /// OTs in each direction; each takes as long at its sender as at its receiver.
    pub(crate) fn ots(&self, extensions: &[ExtensionPlan; 2], work: &OtWork) -> Seconds {
        [0, 1].map(|direction| {
            let each = match &extensions[direction] {
                ExtensionPlan::SoftSpoken { k } => 17.0 + 1.1 * f64::from(1u32 << k) / *k as f64,
                ExtensionPlan::Ferret(plan) => 1.5 + 1.3 * f64::from(plan.set().nominal_ns()),
            };
            let [ots, words, bits] = [work.ots, work.words, work.bits].map(|n| n[direction] as f64);
            (ots * each + words * 4.0 + bits * 0.4) * NS * self.ot
        })
    }

    /// Elements of rows that go through OTs, at either party.
    pub(crate) fn rows(&self, work: &OtWork) -> f64 {
        1.5 * work.elements as f64 * NS * self.ot
    }

    /// A linear layer by homomorphic encryption.
    pub(crate) fn he(&self, work: &HeWork) -> HeSeconds {
        let sum = |terms: &[(u64, f64)]| {
            terms.iter().map(|(count, ns)| *count as f64 * ns).sum::<f64>() * NS * self.he
        };
        HeSeconds {
            encrypt: sum(&[(work.input_words, 19.0), (work.elements, 6.0)]),
            read: sum(&[(work.input_words, 14.0)]),
            reply: sum(&[
                (work.weight_words, 1.5),
                (work.product_words, 1.0),
                (work.monomial_words, 0.21),
                (work.packed_words, 33.0),
                (work.reply_words, 23.5),
                (work.weights, 7.0),
                (work.elements, 12.0),
            ]),
            decrypt: sum(&[(work.reply_words, 6.0), (work.elements, 6.0)]),
        }
    }

    /// A node of the online phase with this conversation, on vectors of so many elements, with so many multiplications by
    /// weights at the server and at the client.
    pub(crate) fn online(&self, cost: &Cost, elements: usize, multiplications: [usize; 2]) -> Seconds {
        let words = |(kind, count)| match kind {
            Kind::Product { .. } | Kind::BitProduct { .. } | Kind::MaskDigits(_) => count as f64,
            Kind::RingTriple { .. } => (3 * count) as f64,
            // Its mask and every element of its shares.
            Kind::Rectifier(rectifier) => ((1 + 2 * rectifier.random_bits()) * count) as f64,
            _ => 0.0,
        };
        let words: f64 = cost.demand.iter().map(words).sum();
        let bytes: u64 = cost.volume().bytes.iter().sum();
        // Vectors beyond the second-level cache are fetched from further away, and are new pages each time.
        let spill = (elements as f64 * 8.0 / SECOND_LEVEL_BYTES).max(1.0).log2();
        let both = (22.0 * words + 1.05 * bytes as f64 + 0.65 * elements as f64) * (1.0 + 0.45 * spill)
            + 8e3 * cost.flows.len() as f64;
        multiplications.map(|n| (both + 0.09 * n as f64) * NS * self.online)
    }
}

/// Second-level cache of a core of the reference machine.
const SECOND_LEVEL_BYTES: f64 = 2e6;

/// CPU time of this thread.
fn thread_seconds() -> Result<f64> {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_err(|e| ExecError::Misfit { what: format!("this system tells no thread's CPU time: {e}") })?;
    Ok(Duration::from(now).as_secs_f64())
}

/// Runs both parties, each in a thread, and adds up the CPU seconds of what each times.
fn both<const N: usize>(party: impl Fn(Role, Channel) -> Result<[f64; N]> + Sync) -> Result<[f64; N]> {
    let (p0, p1) = memory_pair();
    let party = &party;
    std::thread::scope(|scope| {
        let client = scope.spawn(move || party(Role::P1, p1));
        let server = party(Role::P0, p0);
        let client = client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let (server, client) = (server?, client?);
        Ok(std::array::from_fn(|i| server[i] + client[i]))
    })
}

fn ring(bits: u32) -> Ring {
    Ring::new(bits).expect("the widths of these measurements are valid")
}

/// Both parties' randomness; nothing here is secret.
fn prg(role: Role) -> Prg {
    Prg::from_seed(Block(1 + role.index() as u128))
}

impl Machine {
    /// Compares this machine with the reference machine, by doing a little of everything: a tenth of a second or two.
    ///
    /// # Errors
    /// If the system does not tell CPU times, or two threads cannot talk.
    pub fn measure() -> Result<Self> {
        let reference = Self::default();
        let [set_up, ot] = Self::measure_ot(&reference)?;
        Ok(Self { set_up, ot, he: Self::measure_he(&reference)?, online: Self::measure_online(&reference)? })
    }

    fn measure_ot(reference: &Self) -> Result<[f64; 2]> {
        let demand = Demand::of(Kind::Triple { payload: 2 }, 1 << 18);
        let needs = Needs { demand, linear: Vec::new() };
        let plan = OtPlan::silent(&needs, 1.0);
        let [set_up, ots] = both(|role, mut channel| {
            let began = thread_seconds()?;
            let mut supplier = OtSupplier::setup(role, &mut channel, prg(role), &plan)?;
            let ready = thread_seconds()?;
            supplier.fill(&mut channel, &needs.demand, &mut Pools::default())?;
            Ok([ready - began, thread_seconds()? - ready])
        })?;
        let bytes = plan.costs().set_up().volume().bytes.iter().sum();
        let [forth, back] = reference.ots(plan.extensions(), &OtWork::fill(&needs.demand));
        Ok([set_up / (2.0 * reference.ot_set_up(bytes)), ots / (2.0 * (forth + back))])
    }

    fn measure_he(reference: &Self) -> Result<f64> {
        let shape = LinearShape::Conv2d(Conv2dShape {
            in_channels: 32,
            in_height: 28,
            in_width: 28,
            out_channels: 32,
            kernel: [3; 2],
            stride: [1; 2],
            pads: [1; 4],
            dilation: [1; 2],
            groups: 1,
        });
        let weights = vec![1; shape.weight_len()];
        let request = LinearRequest { layer: 0, holder: Role::P0, shape, ring: ring(24), weight_bits: 8 };
        let needs = Needs { demand: Demand::default(), linear: vec![request.clone()] };
        let plan = HePlan::new(&needs, 1.0)?;
        let [seconds] = both(|role, mut channel| {
            let channel = &mut channel;
            Ok([match role {
                Role::P0 => {
                    let mut server = HeServer::setup(channel, prg(role), plan.suite())?;
                    let before = thread_seconds()?;
                    server.server_linear(channel, &request, &weights)?;
                    thread_seconds()? - before
                }
                Role::P1 => {
                    let mut client = HeClient::setup(channel, prg(role), plan.suite())?;
                    let before = thread_seconds()?;
                    client.client_linear(channel, &request)?;
                    thread_seconds()? - before
                }
            }])
        })?;
        let HeSeconds { encrypt, read, reply, decrypt } = reference.he(&he_work(plan.suite(), &request)?);
        Ok(seconds / (encrypt + read + reply + decrypt))
    }

    fn measure_online(reference: &Self) -> Result<f64> {
        let (bits, count) = (24, 1 << 16);
        let cost = online::multiplex_cost(bits, count);
        let (x, plan) = (prg(Role::P0).ring_vec(ring(bits), count), OtPlan::softspoken(4));
        let [seconds] = both(|role, mut channel| {
            let mut pools = Pools::default();
            OtSupplier::setup(role, &mut channel, prg(role), &plan)?.fill(
                &mut channel,
                &cost.demand,
                &mut pools,
            )?;
            let mut party = Party::new(role, channel, prg(role));
            party.pools = pools;
            let choices = party.prg.bits(count);
            let before = thread_seconds()?;
            online::multiplex(&mut party, &choices, &x)?;
            Ok([thread_seconds()? - before])
        })?;
        Ok(seconds / reference.online(&cost, count, [0; 2]).iter().sum::<f64>())
    }
}

/// What a layer computes under a suite that was made for it.
pub(crate) fn he_work(suite: &HeSuite, request: &LinearRequest) -> Result<HeWork> {
    suite.linear_work(request).map_err(|e| ExecError::Misfit { what: e.to_string() })
}
