//! Pairs against the specification, bytes against the meter, and faults.

mod choices;
mod exact;
mod refusals;
mod same;

use std::sync::Arc;
use std::thread;

use veilflow_correlation::{CorrelationError, LinearPair, LinearRequest};
use veilflow_he::Parameters;
use veilflow_he::hiding::Run;
use veilflow_net::{Channel, Meter, Role, memory_pair};
use veilflow_prim::{Block, Prg};
use veilflow_ring::Ring;
use veilflow_spec::{Conv2dShape, LinearShape};

use super::prices::Prices;
use super::set::Set;
use super::{HeClient, HeServer, HeSuite};

/// Degrees too small to be secure, at which many tiles and wraps occur in small layers.
fn toys() -> [Arc<Parameters>; 3] {
    [(64, 2), (128, 2), (128, 3)]
        .map(|(degree, primes)| Arc::new(Parameters::insecure_for_tests(degree, primes)))
}

/// A suite of one toy set with up to `levels` levels of packing, and the wide one in case it does not fit.
fn toy_suite(set: usize, levels: u32) -> HeSuite {
    let [small, large, wide] = toys();
    let parameters = [small, large][set].clone();
    let sets = vec![Set { parameters, levels }, Set { parameters: wide, levels: 0 }];
    HeSuite { sets, prices: Prices::MEASURED, run: Run::new(&[(1 << 12, 0.0)]) }
}

fn both<A: Send, B: Send>(
    client: impl FnOnce(&mut Channel) -> A + Send,
    server: impl FnOnce(&mut Channel) -> B + Send,
) -> (A, B) {
    let (mut a, mut b) = memory_pair();
    thread::scope(move |scope| {
        let handle = scope.spawn(move || client(&mut a));
        let theirs = server(&mut b);
        drop(b);
        (handle.join().expect("the client panicked"), theirs)
    })
}

fn prg(seed: u128) -> Prg {
    Prg::from_seed(Block(seed))
}

/// Makes a pair and holds it to the specification and the declared cost.
fn run(request: &LinearRequest, weights: &[i64], suite: &HeSuite) {
    let (client, server) = both(
        |channel| {
            let mut client = HeClient::setup(channel, prg(1), suite)?;
            let setup = channel.meter();
            Ok::<_, CorrelationError>((client.client_linear(channel, request)?, setup, channel.meter()))
        },
        |channel| HeServer::setup(channel, prg(2), suite)?.server_linear(channel, request, weights),
    );
    let ((client, setup, meter), server) = (client.unwrap(), server.unwrap());
    let (LinearPair::Other { mask, product }, LinearPair::Holder { s }) = (client, server) else {
        panic!("halves of the wrong kind")
    };
    let want = veilflow_spec::linear(&request.shape, weights, &mask).sub(&s);
    let wrong = product.values().iter().zip(want.values()).filter(|(a, b)| a != b).count();
    assert_eq!(wrong, 0, "outputs of {request:?} that differ, of {}", want.len());
    assert_eq!(setup.sent, suite.setup_cost().volume().bytes[1]);
    let volume = suite.linear_cost(request).unwrap().volume();
    let metered = meter - setup;
    assert_eq!(
        Meter { rounds: meter.rounds, ..metered },
        Meter { sent: volume.bytes[1], received: volume.bytes[0], rounds: volume.rounds }
    );
}

fn request(shape: LinearShape, bits: u32, weight_bits: u32) -> LinearRequest {
    LinearRequest { layer: 3, holder: Role::P0, shape, ring: Ring::new(bits).unwrap(), weight_bits }
}

fn conv(
    channels: usize,
    size: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
) -> LinearShape {
    LinearShape::Conv2d(Conv2dShape {
        in_channels: channels,
        in_height: size,
        in_width: size,
        out_channels: outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        pads: [kernel / 2; 4],
        dilation: [1; 2],
        groups,
    })
}
