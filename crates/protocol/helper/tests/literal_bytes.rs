//! Every kind of request and of correction, byte by byte, and what the parties make of them. Whoever changes
//! one of these literals changes the protocol between party and helper.

mod common;

use common::*;
use veilflow_correlation::{
    And, BitProduct, Demand, Kind, Leaf, LinearPair, LinearRequest, MaskDigits, OneHot, Pools, Product,
    ProductBatch, Rectifier, RingTriple, Supplier, Table, TableBatch, Triple,
};
use veilflow_helper::HelperSupplier;
use veilflow_net::{Channel, Role};
use veilflow_prim::derive_bytes;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

/// Correlations of each kind.
const COUNT: usize = 5;

/// A request, its correction and a hash of either party's half.
struct Literal {
    request: &'static str,
    correction: &'static str,
    halves: [&'static str; 2],
}

fn literal(request: &'static str, correction: &'static str, halves: [&'static str; 2]) -> Literal {
    Literal { request, correction, halves }
}

const RECTIFIER: Rectifier =
    Rectifier { bits: 9, kept: 6, shift: 3, digit: 2, selections: 1, converts: false };

fn kinds() -> Vec<(Kind, Literal)> {
    vec![
        (
            Triple { payload: 2 }.into(),
            literal("010200000005000000", "9301", ["e1f9fc239965e373", "ff587530c356a677"]),
        ),
        (
            And { sender: Role::P0 }.into(),
            literal("020000000005000000", "09", ["c7498200bf97345b", "1e0e4c17fe68c682"]),
        ),
        (
            And { sender: Role::P1 }.into(),
            literal("020100000005000000", "12", ["cf38612c57759d9e", "39a1fb137b7f488d"]),
        ),
        (
            Product { sender: Role::P0, bits: 9 }.into(),
            literal("03000000000900000005000000", "0941a43d2511", ["40229eb16a2b389a", "ea3a54dbf8c813eb"]),
        ),
        (
            Product { sender: Role::P1, bits: 9 }.into(),
            literal("03010000000900000005000000", "6273110fdf04", ["278caef0e70ecb98", "051f01452ffb13c1"]),
        ),
        (
            Table { sender: Role::P0, digit: 2, payload: 3 }.into(),
            literal("0400000000020000000300000005000000", "e507", ["5b6af6beab8d78f5", "7cd74938802a09a1"]),
        ),
        (
            Table { sender: Role::P1, digit: 2, payload: 3 }.into(),
            literal("0401000000020000000300000005000000", "0770", ["539e81d24c95ccc4", "231fab4125b02df7"]),
        ),
        (
            BitProduct { bits: 9 }.into(),
            literal("080900000005000000", "0ef6d2b83616", ["5a2a2096ebb7b3e5", "04639276fdf14072"]),
        ),
        (
            Leaf { digit: 2, payload: 1 }.into(),
            literal("07020000000100000005000000", "15", ["aa0898994eb52b5f", "59db07f3b49174af"]),
        ),
        (
            Leaf { digit: 2, payload: 2 }.into(),
            literal("07020000000200000005000000", "7902", ["245a44abafe11300", "2f7d9f0711e96e50"]),
        ),
        (
            RingTriple { bits: 9 }.into(),
            literal("090900000005000000", "df2838dbf80f", ["af9d1ab3f7084fec", "b574af1ec23b2605"]),
        ),
        (
            OneHot { bits: 3 }.into(),
            literal("0a0300000005000000", "bcfd103601", ["ce4b6a47bee3e6c5", "1119d5cf111d8c11"]),
        ),
        (
            RECTIFIER.into(),
            literal(
                "0b09000000060000000300000002000000010000000000000005000000",
                "59d9c5481f68e99baf2e6f8935bc8fbf06b0f2e2367e",
                ["e85becd7e2cea205", "11dee45a533a95ae"],
            ),
        ),
        (
            Rectifier { converts: true, ..RECTIFIER }.into(),
            literal(
                "0b09000000060000000300000002000000010000000100000005000000",
                "68e4c5cbd19b9d5fa013633b49c2d40a",
                ["d26799113c5b59cb", "ba4dcfc200e21f58"],
            ),
        ),
        (
            Rectifier { shift: 0, selections: 2, ..RECTIFIER }.into(),
            literal(
                "0b09000000060000000000000002000000020000000000000005000000",
                "15f282f233d65927121b74d490b678a3cc00a854f23a",
                ["357ee2eb30e4cf5b", "69db6beddb8be85f"],
            ),
        ),
        (
            MaskDigits { bits: 9, from: 3, digit: 2 }.into(),
            literal(
                "0c09000000030000000200000005000000",
                "5e450e785eed1dbd01",
                ["c19fbe86db6cd773", "6eed7e8536fb25a5"],
            ),
        ),
    ]
}

fn layers() -> Vec<(LinearRequest, Literal)> {
    let conv = Conv2dShape {
        in_channels: 2,
        in_height: 4,
        in_width: 3,
        out_channels: 4,
        kernel: [3, 2],
        stride: [2, 1],
        pads: [1, 0, 1, 1],
        dilation: [1, 2],
        groups: 2,
    };
    let matrix = MatMulShape { rows: 2, inner: 3, columns: 2 };
    let request = |layer, holder, shape, bits| LinearRequest {
        layer,
        holder,
        shape,
        ring: Ring::new(bits).unwrap(),
        weight_bits: 8,
    };
    let (conv, matrix) = (LinearShape::Conv2d(conv), LinearShape::MatMul(matrix));
    vec![
        (
            request(3, Role::P0, conv, 17),
            literal(
                concat!(
                    "05030000000000000011000000",
                    "02000000040000000300000004000000030000000200000002000000010000000100000000000000",
                    "0100000001000000010000000200000002000000"
                ),
                "fc19f10c642adbd2abe71cad57cbef4ee2d4185266519a35fde71b6fe09500a34351",
                ["71913c99a6d27645", "efe548459db431df"],
            ),
        ),
        (
            request(4, Role::P1, matrix, 64),
            literal(
                "06040000000100000040000000020000000300000002000000",
                "1351561e40c3f07c808dad41aceaba91b3c8947d20a00683aa32b00aa00789ea",
                ["e87fc09f3179840c", "a39a841f504141bd"],
            ),
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(parts: &[Vec<u8>]) -> String {
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    hex(&derive_bytes::<8>("veilflow 2026 helper literal test", &parts))
}

fn bits<'a>(rows: impl IntoIterator<Item = &'a Bits>) -> Vec<Vec<u8>> {
    rows.into_iter().map(Bits::to_bytes).collect()
}

fn elements<'a>(elements: impl IntoIterator<Item = &'a RingVec>) -> Vec<Vec<u8>> {
    elements.into_iter().map(RingVec::to_bytes).collect()
}

/// All that a party has of a kind, field by field.
fn half(pools: &mut Pools, kind: Kind) -> Vec<Vec<u8>> {
    match kind {
        Kind::Triple(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            bits([&batch.f].into_iter().chain(&batch.g).chain(&batch.h))
        }
        Kind::And(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            bits([&batch.factor, &batch.share])
        }
        Kind::Product(kind) => match pools.take(kind, COUNT).unwrap() {
            ProductBatch::Sender { alpha, u } => elements([&alpha, &u]),
            ProductBatch::Receiver { choice, v } => [bits([&choice]), elements([&v])].concat(),
        },
        Kind::BitProduct(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            [bits([&batch.factor]), elements([&batch.share])].concat()
        }
        Kind::Table(kind) => match pools.take(kind, COUNT).unwrap() {
            TableBatch::Sender { messages } => bits(messages.iter().flatten()),
            TableBatch::Receiver { index, message } => bits(index.iter().chain(&message)),
        },
        Kind::Leaf(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            bits(batch.masks.iter().chain(&batch.shares))
        }
        Kind::RingTriple(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            elements([&batch.a, &batch.b, &batch.c])
        }
        Kind::OneHot(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            bits(batch.index.iter().chain(&batch.rows))
        }
        Kind::Rectifier(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            let rows = bits(batch.rows.iter().chain(&batch.random));
            [elements([&batch.mask].into_iter().chain(&batch.elements)), rows].concat()
        }
        Kind::MaskDigits(kind) => {
            let batch = pools.take(kind, COUNT).unwrap();
            [elements([&batch.mask]), bits(&batch.rows)].concat()
        }
    }
}

/// A party's halves of everything, each hashed.
fn halves(role: Role, supplier: &mut HelperSupplier, channel: &mut Channel) -> Vec<String> {
    let mut out = Vec::new();
    for (kind, _) in kinds() {
        let mut pools = Pools::default();
        supplier.fill(channel, &Demand::of(kind, COUNT), &mut pools).unwrap();
        out.push(hash(&half(&mut pools, kind)));
        assert!(pools.is_empty());
    }
    for (request, _) in layers() {
        let weights = weights(&request, 9);
        out.push(match supplier.linear(channel, &request, possession(role, &request, &weights)).unwrap() {
            LinearPair::Holder { s } => hash(&elements([&s])),
            LinearPair::Other { mask, product } => hash(&elements([&mask, &product])),
        });
    }
    out
}

#[test]
fn requests_corrections_and_halves_are_these() {
    let (links, ends) = links();
    let (links, to_helper) = recorded(links);
    let (ends, from_helper) = recorded(ends);
    let arrivals = serve(&helper(1, 0), ends);
    let [server, client] = both(links, |role, channel, link| {
        let mut supplier = setup(role, channel, link, 1, None).unwrap();
        halves(role, &mut supplier, channel)
    });
    ended_well(arrivals);
    // After the hello and what is said about weights, a frame each: session and number, the request.
    let frames = to_helper[1].lock().unwrap();
    let requests =
        frames[2..].iter().filter(|frame| !holds_weights(frame)).map(|f| hex(&f[FRAME_HEAD + 24..]));
    let requests: Vec<String> = requests.collect();
    // From the helper as well, by number: session, number and length, the correction.
    let mut corrections = vec![String::new(); requests.len()];
    for frames in from_helper {
        for frame in &frames.lock().unwrap()[2..] {
            let number = u64::from_le_bytes(frame[FRAME_HEAD + 16..][..8].try_into().unwrap());
            corrections[number as usize] = hex(&frame[FRAME_HEAD + HEAD..]);
        }
    }
    let names = kinds().into_iter().map(|(kind, literal)| (kind.to_string(), literal));
    let names = names.chain(layers().into_iter().map(|(request, literal)| (format!("{request:?}"), literal)));
    let mut done = 0;
    for (i, (name, literal)) in names.enumerate() {
        assert_eq!(requests[i], literal.request, "the request for {name}");
        assert_eq!(corrections[i], literal.correction, "the correction of {name}");
        assert_eq!([&server[i], &client[i]], [literal.halves[0], literal.halves[1]], "the halves of {name}");
        done = i + 1;
    }
    assert_eq!(done, requests.len(), "requests that no literal is for");
}

#[test]
fn a_demand_is_asked_for_in_this_order() {
    let kinds: Vec<Kind> = kinds().into_iter().map(|(kind, _)| kind).collect();
    let mut demand = Demand::default();
    kinds.iter().rev().for_each(|&kind| demand.add(kind, COUNT));
    let order: Vec<usize> =
        demand.iter().map(|(kind, _)| kinds.iter().position(|&other| other == kind).unwrap()).collect();
    // As above, but for the rectifier that drops no bits.
    assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 12, 13, 15]);
}
