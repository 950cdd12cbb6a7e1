//! Three parties in threads, and what they make.
// Each test file uses a part.
#![allow(dead_code)]

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, ScopedJoinHandle};
use std::time::Duration;

use veilflow_correlation::{
    And, BitProduct, CorrelationError, Demand, Kind, Leaf, LinearPair, LinearRequest, MaskDigits, Needs,
    OneHot, Pools, Possession, Product, Rectifier, RingTriple, Supplier, Table, Triple,
};
use veilflow_helper::{Helper, HelperError, HelperOptions, HelperSupplier, Served, Session, WeightMasks};
use veilflow_net::{Channel, NetError, Role, Transport, memory_pair};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

/// Bytes of a hello, and before a batch.
pub(crate) const HELLO: usize = 61;
pub(crate) const HEAD: usize = 32;
/// Bytes of what a party says about its weights.
pub(crate) const STORE: usize = 33;
/// Bytes before masked weights, and of the header of a frame.
pub(crate) const WEIGHTS_HEAD: usize = 33;
pub(crate) const FRAME_HEAD: usize = 12;
pub(crate) const SHORT: Duration = Duration::from_millis(300);

pub(crate) type Arrival = JoinHandle<Result<Option<Served>, HelperError>>;
pub(crate) type Outcome<T> = Result<T, CorrelationError>;

pub(crate) fn demand() -> Demand {
    let mut demand = Demand::of(Triple { payload: 2 }, 1000);
    demand.add(Leaf { digit: 3, payload: 2 }, 99);
    demand.add(BitProduct { bits: 21 }, 101);
    demand.add(RingTriple { bits: 19 }, 67);
    demand.add(OneHot { bits: 4 }, 131);
    demand.add(MaskDigits { bits: 18, from: 5, digit: 3 }, 66);
    for (shift, selections, converts) in [(5, 1, false), (6, 1, true), (0, 2, false)] {
        let rectifier = Rectifier { bits: 21, kept: 21 - shift, shift, digit: 3, selections, converts };
        demand.add(rectifier, 67);
    }
    for sender in [Role::P0, Role::P1] {
        demand.add(And { sender }, 77);
        demand.add(Product { sender, bits: 13 }, 65);
        demand.add(Table { sender, digit: 3, payload: 2 }, 130);
    }
    demand
}

pub(crate) fn layers() -> Vec<LinearRequest> {
    let conv = Conv2dShape {
        in_channels: 3,
        in_height: 6,
        in_width: 5,
        out_channels: 4,
        kernel: [3, 3],
        stride: [1, 2],
        pads: [1, 1, 1, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let matrix = MatMulShape { rows: 7, inner: 11, columns: 2 };
    let request = |layer, holder, shape, bits| LinearRequest {
        layer,
        holder,
        shape,
        ring: Ring::new(bits).unwrap(),
        weight_bits: 8,
    };
    let (conv, matrix) = (LinearShape::Conv2d(conv), LinearShape::MatMul(matrix));
    // The second layer's weights are shared: it has a pair for each holder.
    vec![
        request(0, Role::P0, conv, 30),
        request(5, Role::P0, matrix.clone(), 64),
        request(5, Role::P1, matrix, 64),
    ]
}

/// Bytes of the messages with all masked weights.
pub(crate) fn all_weight_bytes() -> u64 {
    let bytes = layers().into_iter().map(|l| WEIGHTS_HEAD + RingVec::byte_len(l.ring, l.shape.weight_len()));
    bytes.sum::<usize>() as u64
}

pub(crate) fn needs() -> Needs {
    Needs { demand: demand(), linear: layers() }
}

pub(crate) fn weights(request: &LinearRequest, seed: u128) -> Vec<i64> {
    let ring = Ring::new(request.weight_bits).unwrap();
    let seed = seed << 8 | (request.layer as u128) << 1 | request.holder.index() as u128;
    Prg::from_seed(Block(seed)).ring_vec(ring, request.shape.weight_len()).to_signed()
}

/// The ends of a party's connection to the helper.
pub(crate) fn links() -> ([Channel; 2], [Channel; 2]) {
    let ((a0, b0), (a1, b1)) = (memory_pair(), memory_pair());
    ([a0, a1], [b0, b1])
}

/// A helper that keeps so many bytes of masked weights.
pub(crate) fn helper(at_once: usize, keep: usize) -> Arc<Helper> {
    Arc::new(Helper::new(HelperOptions { at_once, threads: 2, timeout: Duration::from_secs(20), keep }))
}

/// A helper in threads of its own: what became of each party's arrival.
pub(crate) fn serve(helper: &Arc<Helper>, ends: [Channel; 2]) -> [Arrival; 2] {
    ends.map(|end| {
        let helper = Arc::clone(helper);
        thread::spawn(move || arrive(&helper, end))
    })
}

/// Serves the session if the party at the other end completes it. The helper's randomness is fixed.
pub(crate) fn arrive(helper: &Helper, end: Channel) -> Result<Option<Served>, HelperError> {
    let session: Option<Session<'_>> = helper.welcome(end)?;
    session.map(|session| session.serve(Prg::from_seed(Block(0xfeed)))).transpose()
}

/// What the one arrival that served the session says of it.
pub(crate) fn ended_well(arrivals: [Arrival; 2]) -> Served {
    let served: Vec<Served> = arrivals.into_iter().filter_map(|a| a.join().unwrap().unwrap()).collect();
    let [served] = served[..] else { panic!("one arrival serves the session") };
    served
}

pub(crate) fn setup(
    role: Role,
    channel: &mut Channel,
    link: Channel,
    seed: u128,
    masks: Option<Arc<WeightMasks>>,
) -> Result<HelperSupplier, HelperError> {
    let prg = Prg::from_seed(Block(seed << 1 | role.index() as u128));
    HelperSupplier::setup(role, channel, link, prg, 1, masks)
}

/// Masks for both parties' weights.
pub(crate) fn both_masks(seed: u128) -> [Arc<WeightMasks>; 2] {
    [0, 1].map(|role| Arc::new(WeightMasks::new(&mut Prg::from_seed(Block(seed << 9 | 1 << 8 | role)))))
}

/// Both parties do `act`, P0 in this thread.
pub(crate) fn both<T: Send>(
    links: [Channel; 2],
    act: impl Fn(Role, &mut Channel, Channel) -> T + Sync,
) -> [T; 2] {
    both_over(memory_pair().into(), links, act)
}

/// As [`both`], with these channels between the parties.
pub(crate) fn both_over<T: Send>(
    [c0, mut c1]: [Channel; 2],
    [l0, l1]: [Channel; 2],
    act: impl Fn(Role, &mut Channel, Channel) -> T + Sync,
) -> [T; 2] {
    let act = &act;
    thread::scope(|scope| {
        let other: ScopedJoinHandle<'_, T> = scope.spawn(move || act(Role::P1, &mut c1, l1));
        let first = {
            // The channel goes with its party, so that its failure ends the other's wait.
            let mut c0 = c0;
            act(Role::P0, &mut c0, l0)
        };
        [first, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    })
}

/// A party's run: everything in `needs()`.
pub(crate) fn run(
    role: Role,
    supplier: &mut HelperSupplier,
    channel: &mut Channel,
    seed: u128,
) -> Outcome<(Pools, Vec<LinearPair>)> {
    let mut pools = Pools::default();
    supplier.fill(channel, &demand(), &mut pools)?;
    let mut pairs = Vec::new();
    for request in layers() {
        let weights = weights(&request, seed);
        pairs.push(supplier.linear(channel, &request, possession(role, &request, &weights))?);
    }
    channel.flush()?;
    Ok((pools, pairs))
}

/// What `role` has of a layer's weights.
pub(crate) fn possession<'a>(role: Role, request: &LinearRequest, weights: &'a [i64]) -> Possession<'a> {
    if role == request.holder { Possession::Mine(weights) } else { Possession::Theirs }
}

pub(crate) fn check_pairs([server, client]: [&[LinearPair]; 2], seed: u128) {
    for ((server, client), request) in server.iter().zip(client).zip(layers()) {
        let (holder, other) = if request.holder == Role::P0 { (server, client) } else { (client, server) };
        let (LinearPair::Holder { s }, LinearPair::Other { mask, product }) = (holder, other) else {
            panic!("a half in the wrong place")
        };
        let want = veilflow_spec::linear(&request.shape, &weights(&request, seed), mask);
        assert!(product.add(s) == want, "{request:?}");
    }
}

pub(crate) fn masks(pairs: &[LinearPair]) -> Vec<RingVec> {
    let parts = pairs.iter().map(|pair| match pair {
        LinearPair::Holder { s } => s.clone(),
        LinearPair::Other { mask, .. } => mask.clone(),
    });
    parts.collect()
}

/// Whether a frame to the helper holds masked weights.
pub(crate) fn holds_weights(frame: &[u8]) -> bool {
    let message = &frame[FRAME_HEAD..];
    message.len() > WEIGHTS_HEAD && !message.starts_with(b"VFHELPER") && message[24] == 255
}

/// Frames, each with its header.
pub(crate) type Frames = Arc<Mutex<Vec<Vec<u8>>>>;

/// Keeps a copy of all that is written.
pub(crate) struct Recorder {
    inner: Box<dyn Transport>,
    written: Frames,
}

/// Both ends, with all that is written to them from now on.
pub(crate) fn recorded(ends: [Channel; 2]) -> ([Channel; 2], [Frames; 2]) {
    let written: [Frames; 2] = Default::default();
    let mut copies = written.iter().cloned();
    let ends = ends.map(|end| {
        let written = copies.next().unwrap();
        end.map_transport(|inner| Box::new(Recorder { inner, written }))
    });
    (ends, written)
}

impl Transport for Recorder {
    fn write(&mut self, frame: Vec<u8>, timeout: Duration) -> Result<(), NetError> {
        self.written.lock().unwrap().push(frame.clone());
        self.inner.write(frame, timeout)
    }
    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        self.inner.read(out, timeout)
    }
    fn fork(&mut self, timeout: Duration) -> Result<Box<dyn Transport>, NetError> {
        self.inner.fork(timeout)
    }
}

pub(crate) fn error_of<T>(outcome: Outcome<T>) -> String {
    let Err(error) = outcome else { panic!("this must fail") };
    let source = std::error::Error::source(&error).map_or_else(String::new, |s| {
        format!(": {s}{}", s.source().map_or_else(String::new, |s| format!(": {s}")))
    });
    format!("{error}{source}")
}

pub(crate) fn fill(
    supplier: &mut HelperSupplier,
    channel: &mut Channel,
    kind: impl Into<Kind>,
) -> Outcome<Pools> {
    let mut pools = Pools::default();
    supplier.fill(channel, &Demand::of(kind, 1000), &mut pools)?;
    Ok(pools)
}
