//! How this machine compares with the reference machine: a little of everything, run and timed.

use std::array;
use std::panic::resume_unwind;

use veilflow_correlation::{Demand, LinearRequest, Needs, Pools, Supplier, SupplyCosts, Triple};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::{Multiplex, Party};
use veilflow_prim::{Block, Prg};
use veilflow_ring::Ring;
use veilflow_spec::{Conv2dShape, LinearShape};
use veilflow_two_party::{HeClient, HePlan, HeServer, OtPlan, OtSupplier, OtWork};

use super::machine::{HeSeconds, Machine, he_work};
use crate::error::Result;
use crate::usage::thread_cpu_seconds;

/// OTs are made for so many triples of bits.
const TRIPLES: usize = 1 << 18;
/// So many elements of [`BITS`] bits are multiplexed.
const ELEMENTS: usize = 1 << 16;
/// The width of the elements, and of the layer's ring.
const BITS: u32 = 24;

impl Machine {
    /// Compares this machine with the reference machine. It takes a tenth of a second or two.
    ///
    /// # Errors
    /// [`ExecError::NoThreadTime`](crate::ExecError::NoThreadTime) if the system does not tell CPU times, and
    /// those of the protocols that are run.
    pub fn measure() -> Result<Self> {
        let reference = Self::default();
        let [set_up, ot] = measure_ot(&reference)?;
        Ok(Self { set_up, ot, he: measure_he(&reference)?, online: measure_online(&reference)? })
    }
}

/// Runs both parties, each in a thread, and adds up the CPU seconds of what each times.
fn both<const N: usize>(party: impl Fn(Role, Channel) -> Result<[f64; N]> + Sync) -> Result<[f64; N]> {
    let (p0, p1) = memory_pair();
    let party = &party;
    std::thread::scope(|scope| {
        let client = scope.spawn(move || party(Role::P1, p1));
        let server = party(Role::P0, p0);
        let client = client.join().unwrap_or_else(|panic| resume_unwind(panic));
        let (server, client) = (server?, client?);
        Ok(array::from_fn(|i| server[i] + client[i]))
    })
}

/// Both parties' randomness; nothing here is secret.
fn prg(role: Role) -> Prg {
    Prg::from_seed(Block(1 + role.index() as u128))
}

fn ring() -> Ring {
    Ring::new(BITS).expect("the width of these measurements is valid")
}

/// How setting OTs up compares, and how OTs do.
fn measure_ot(reference: &Machine) -> Result<[f64; 2]> {
    let needs = Needs { demand: Demand::of(Triple { payload: 2 }, TRIPLES), linear: Vec::new() };
    let plan = OtPlan::silent(&needs, 1.0);
    let [set_up, ots] = both(|role, mut channel| {
        let began = thread_cpu_seconds()?;
        let mut supplier = OtSupplier::setup(role, &mut channel, prg(role), &plan)?;
        let ready = thread_cpu_seconds()?;
        supplier.fill(&mut channel, &needs.demand, &mut Pools::default())?;
        Ok([ready - began, thread_cpu_seconds()? - ready])
    })?;
    let bytes = plan.costs().set_up().volume().bytes.iter().sum();
    let [forth, back] = reference.ots(plan.extensions(), &OtWork::fill(&needs.demand));
    Ok([set_up / (2.0 * reference.ot_set_up(bytes)), ots / (2.0 * (forth + back))])
}

/// How a convolution by homomorphic encryption compares.
fn measure_he(reference: &Machine) -> Result<f64> {
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
    let request = LinearRequest { layer: 0, holder: Role::P0, shape, ring: ring(), weight_bits: 8 };
    let needs = Needs { demand: Demand::default(), linear: vec![request.clone()] };
    let plan = HePlan::new(&needs, 1.0)?;
    let [seconds] = both(|role, mut channel| {
        let channel = &mut channel;
        Ok([match role {
            Role::P0 => {
                let mut server = HeServer::setup(channel, prg(role), plan.suite())?;
                let before = thread_cpu_seconds()?;
                server.server_linear(channel, &request, &weights)?;
                thread_cpu_seconds()? - before
            }
            Role::P1 => {
                let mut client = HeClient::setup(channel, prg(role), plan.suite())?;
                let before = thread_cpu_seconds()?;
                client.client_linear(channel, &request)?;
                thread_cpu_seconds()? - before
            }
        }])
    })?;
    let HeSeconds { encrypt, read, reply, decrypt } = reference.he(&he_work(plan.suite(), &request)?);
    Ok(seconds / (encrypt + read + reply + decrypt))
}

/// How a multiplexer compares.
fn measure_online(reference: &Machine) -> Result<f64> {
    let multiplex = Multiplex::new(ring());
    let cost = multiplex.cost(ELEMENTS);
    let (x, plan) = (prg(Role::P0).ring_vec(ring(), ELEMENTS), OtPlan::softspoken(4));
    let [seconds] = both(|role, mut channel| {
        let mut pools = Pools::default();
        let mut supplier = OtSupplier::setup(role, &mut channel, prg(role), &plan)?;
        supplier.fill(&mut channel, &cost.demand, &mut pools)?;
        let mut party = Party::new(role, channel, prg(role));
        party.pools = pools;
        let choices = party.prg.bits(ELEMENTS);
        let before = thread_cpu_seconds()?;
        multiplex.run(&mut party, &choices, &x)?;
        Ok([thread_cpu_seconds()? - before])
    })?;
    Ok(seconds / reference.online(&cost, ELEMENTS, [0; 2]).iter().sum::<f64>())
}
