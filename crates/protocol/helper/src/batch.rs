//! What each side makes of a batch: the parties expand their streams, the helper both and then the correction.

use veilflow_correlation::{
    AndBatch, BitProductBatch, Kind, LeafBatch, MaskDigitsBatch, OneHotBatch, Pools, ProductBatch, Rectifier,
    RectifierBatch, RingTripleBatch, TableBatch, TripleBatch, lowest_bits,
};
use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::{LinearShape, multiplex};

fn ring(bits: u32) -> Ring {
    Ring::new(bits).expect("demands hold valid widths")
}

fn rows(prg: &mut Prg, rows: u32, count: usize) -> Vec<Bits> {
    (0..rows).map(|_| prg.bits(count)).collect()
}

fn tables(prg: &mut Prg, digit: u32, payload: u32, count: usize) -> Vec<Vec<Bits>> {
    (0..1u64 << digit).map(|_| rows(prg, payload, count)).collect()
}

/// The rows that were sent one after another.
fn read_rows(bytes: &[u8], rows: u32, count: usize) -> Vec<Bits> {
    let all = Bits::from_bytes(bytes, rows as usize * count);
    (0..rows as usize).map(|row| all.slice(row * count, count)).collect()
}

/// The message of each table under its index, of all entries read alike: no address depends on an index.
fn select(messages: &[Vec<Bits>], index: &[Bits], payload: u32, count: usize) -> Vec<Bits> {
    let mut chosen = vec![Bits::zeros(count); payload as usize];
    for (j, message) in messages.iter().enumerate() {
        let mut selected = Bits::filled(true, count);
        for (t, row) in index.iter().enumerate() {
            selected = if j >> t & 1 == 1 { selected.and(row) } else { selected.and(&row.not()) };
        }
        chosen.iter_mut().zip(message).for_each(|(to, from)| to.xor_assign(&selected.and(from)));
    }
    chosen
}

/// P1's shares for rectifiers: all that the masks and random bits force, and of those bits.
fn rectifier_shares(rectifier: Rectifier, count: usize, prg: &mut Prg) -> RectifierBatch {
    let mask = prg.ring_vec(rectifier.mask(), count);
    let dealt = rows(prg, rectifier.rows() as u32, count);
    let elements = 2 * rectifier.random_elements();
    let elements: Vec<RingVec> = (0..elements).map(|_| prg.ring_vec(rectifier.out(), count)).collect();
    let mut random: Vec<Bits> = elements.iter().step_by(2).map(lowest_bits).collect();
    random.extend(rows(prg, (rectifier.random_bits() - random.len()) as u32, count));
    RectifierBatch { mask, rows: dealt, elements, random }
}

/// P0's part of the masks of rectifiers, and its shares of the random bits.
fn rectifier_masks(rectifier: Rectifier, count: usize, prg: &mut Prg) -> (RingVec, Vec<Bits>) {
    (prg.ring_vec(rectifier.mask(), count), rows(prg, rectifier.random_bits() as u32, count))
}

/// P0's correction for rectifiers. Of an element's share that is a random bit's, it has the lowest bit.
fn rectifier_correction(rectifier: Rectifier, count: usize, [p0, p1]: [&mut Prg; 2]) -> Vec<u8> {
    let (mask, own) = rectifier_masks(rectifier, count, p0);
    let theirs = rectifier_shares(rectifier, count, p1);
    let random: Vec<Bits> = own.iter().zip(&theirs.random).map(|(own, theirs)| own.xor(theirs)).collect();
    let (mut rows, elements) = rectifier.secrets([&mask, &theirs.mask], &random);
    rows.iter_mut().zip(&theirs.rows).for_each(|(row, theirs)| row.xor_assign(theirs));
    let mut out = Bits::concat(&rows);
    let known = [1, 0].into_iter().cycle();
    for ((element, theirs), known) in elements.iter().zip(&theirs.elements).zip(known) {
        if let Ok(ring) = Ring::new(element.ring().bits() - known) {
            let bytes = element.sub(theirs).map_into(ring, |v| v >> known).to_bytes();
            out.append(&Bits::from_bytes(&bytes, ring.bits() as usize * count));
        }
    }
    out.to_bytes()
}

/// P0's shares for rectifiers.
fn read_rectifiers(rectifier: Rectifier, count: usize, prg: &mut Prg, correction: &[u8]) -> RectifierBatch {
    let (mask, random) = rectifier_masks(rectifier, count, prg);
    let all = Bits::from_bytes(correction, Kind::Rectifier(rectifier).dealt_bits() * count);
    let mut at = 0;
    let mut next = |bits: usize| {
        at += bits * count;
        all.slice(at - bits * count, bits * count)
    };
    let rows = (0..rectifier.rows()).map(|_| next(1)).collect();
    let (mut elements, out) = (Vec::new(), rectifier.out());
    let mut read = |ring: Ring| RingVec::from_bytes(ring, &next(ring.bits() as usize).to_bytes(), count);
    for own in &random[..rectifier.random_elements()] {
        let own = RingVec::from_bits(out, own);
        elements.push(match Ring::new(out.bits() - 1) {
            Ok(ring) => read(ring).map_into(out, |v| v << 1).add(&own),
            Err(_) => own,
        });
        elements.push(read(out));
    }
    RectifierBatch { mask, rows, elements, random }
}

/// The helper's correction of `count` correlations, from the streams of P0 and P1.
pub(crate) fn correction(kind: Kind, count: usize, [mut p0, mut p1]: [Prg; 2]) -> Vec<u8> {
    let sides = |sender: Role| if sender == Role::P0 { [0, 1] } else { [1, 0] };
    match kind {
        Kind::Triple { payload } => {
            let f = p0.bits(count).xor(&p1.bits(count));
            let [g0, g1] = [&mut p0, &mut p1].map(|prg| rows(prg, payload, count));
            let h1 = rows(&mut p1, payload, count);
            let h0 = g0.iter().zip(&g1).zip(&h1).map(|((g0, g1), h1)| g0.xor(g1).and(&f).xor(h1));
            Bits::concat(&h0.collect::<Vec<_>>()).to_bytes()
        }
        Kind::Leaf { digit, payload } => {
            let masks = [&mut p0, &mut p1].map(|prg| rows(prg, (1 << digit) - 1, count));
            let mut sums = LeafBatch::sums(&masks[0], &masks[1], payload);
            sums.iter_mut().for_each(|sum| sum.xor_assign(&p1.bits(count)));
            Bits::concat(&sums).to_bytes()
        }
        Kind::RingTriple { bits } => {
            let mut sum = || p0.ring_vec(ring(bits), count).add(&p1.ring_vec(ring(bits), count));
            let [a, b] = [sum(), sum()];
            a.zip_map(&b, u64::wrapping_mul).sub(&p1.ring_vec(ring(bits), count)).to_bytes()
        }
        Kind::MaskDigits(widths) => {
            let mask = p0.ring_vec(widths.ring(), count).add(&p1.ring_vec(widths.ring(), count));
            let mut rows = widths.rows_of(&mask);
            rows.iter_mut().for_each(|row| row.xor_assign(&p1.bits(count)));
            Bits::concat(&rows).to_bytes()
        }
        Kind::OneHot { bits } => {
            let [index0, index1] = [&mut p0, &mut p1].map(|prg| rows(prg, bits, count));
            let index: Vec<Bits> = index0.iter().zip(&index1).map(|(a, b)| a.xor(b)).collect();
            let mut rows = OneHotBatch::rows_of(&index);
            rows.iter_mut().for_each(|row| row.xor_assign(&p1.bits(count)));
            Bits::concat(&rows).to_bytes()
        }
        Kind::And { sender } => {
            let mut streams = [p0, p1];
            let [s, r] = sides(sender);
            let a = streams[s].bits(count);
            a.and(&streams[r].bits(count)).xor(&streams[s].bits(count)).to_bytes()
        }
        Kind::Product { sender, bits } => {
            let mut streams = [p0, p1];
            let [s, r] = sides(sender);
            let alpha = streams[s].ring_vec(ring(bits), count);
            let u = streams[s].ring_vec(ring(bits), count);
            multiplex(&streams[r].bits(count), &alpha).sub(&u).to_bytes()
        }
        Kind::BitProduct { bits } => {
            let factor = p0.bits(count).and(&p1.bits(count));
            RingVec::from_bits(ring(bits), &factor).sub(&p0.ring_vec(ring(bits), count)).to_bytes()
        }
        Kind::Rectifier(rectifier) => rectifier_correction(rectifier, count, [&mut p0, &mut p1]),
        Kind::Table { sender, digit, payload } => {
            let mut streams = [p0, p1];
            let [s, r] = sides(sender);
            let messages = tables(&mut streams[s], digit, payload, count);
            let index = rows(&mut streams[r], digit, count);
            Bits::concat(&select(&messages, &index, payload, count)).to_bytes()
        }
    }
}

/// Puts a party's half into its pools. `correction` is empty at the party that gets none.
pub(crate) fn put(role: Role, kind: Kind, count: usize, mut prg: Prg, correction: &[u8], pools: &mut Pools) {
    match kind {
        Kind::Triple { payload } => {
            let (f, g) = (prg.bits(count), rows(&mut prg, payload, count));
            let h = match role {
                Role::P0 => read_rows(correction, payload, count),
                Role::P1 => rows(&mut prg, payload, count),
            };
            pools.put_triples(kind, TripleBatch { f, g, h });
        }
        Kind::Leaf { digit, payload } => {
            let masks = rows(&mut prg, (1 << digit) - 1, count);
            let shares = match role {
                Role::P0 => read_rows(correction, payload, count),
                Role::P1 => rows(&mut prg, payload, count),
            };
            pools.put_leaves(kind, LeafBatch { masks, shares });
        }
        Kind::RingTriple { bits } => {
            let ring = ring(bits);
            let [a, b] = [0, 1].map(|_| prg.ring_vec(ring, count));
            let c = match role {
                Role::P0 => RingVec::from_bytes(ring, correction, count),
                Role::P1 => prg.ring_vec(ring, count),
            };
            pools.put_ring_triples(kind, RingTripleBatch { a, b, c });
        }
        Kind::MaskDigits(widths) => {
            let (mask, len) = (prg.ring_vec(widths.ring(), count), widths.rows() as u32);
            let rows = match role {
                Role::P0 => read_rows(correction, len, count),
                Role::P1 => rows(&mut prg, len, count),
            };
            pools.put_mask_digits(kind, MaskDigitsBatch { mask, rows });
        }
        Kind::OneHot { bits } => {
            let index = rows(&mut prg, bits, count);
            let rows = match role {
                Role::P0 => read_rows(correction, (1 << bits) - 1, count),
                Role::P1 => rows(&mut prg, (1 << bits) - 1, count),
            };
            pools.put_one_hots(kind, OneHotBatch { index, rows });
        }
        Kind::And { sender } => {
            let factor = prg.bits(count);
            let share = if sender == role { prg.bits(count) } else { Bits::from_bytes(correction, count) };
            pools.put_ands(kind, AndBatch { factor, share });
        }
        Kind::Product { sender, bits } => {
            let ring = ring(bits);
            let batch = if sender == role {
                let alpha = prg.ring_vec(ring, count);
                ProductBatch::Sender { alpha, u: prg.ring_vec(ring, count) }
            } else {
                ProductBatch::Receiver {
                    choice: prg.bits(count),
                    v: RingVec::from_bytes(ring, correction, count),
                }
            };
            pools.put_products(kind, batch);
        }
        Kind::BitProduct { bits } => {
            let factor = prg.bits(count);
            let share = match role {
                Role::P0 => prg.ring_vec(ring(bits), count),
                Role::P1 => RingVec::from_bytes(ring(bits), correction, count),
            };
            pools.put_bit_products(kind, BitProductBatch { factor, share });
        }
        Kind::Rectifier(rectifier) => {
            let batch = match role {
                Role::P0 => read_rectifiers(rectifier, count, &mut prg, correction),
                Role::P1 => rectifier_shares(rectifier, count, &mut prg),
            };
            pools.put_rectifiers(kind, batch);
        }
        Kind::Table { sender, digit, payload } => {
            let batch = if sender == role {
                TableBatch::Sender { messages: tables(&mut prg, digit, payload, count) }
            } else {
                TableBatch::Receiver {
                    index: rows(&mut prg, digit, count),
                    message: read_rows(correction, payload, count),
                }
            };
            pools.put_tables(kind, batch);
        }
    }
}

/// A · x for a matrix of ring elements.
pub(crate) fn apply(threads: usize, shape: &LinearShape, matrix: RingVec, x: &RingVec) -> RingVec {
    // Sums wrap modulo the ring, in which an element and its bits read as a signed integer are the same.
    let matrix: Vec<i64> = matrix.into_values().into_iter().map(|v| v as i64).collect();
    veilflow_kernel::linear_in_threads(threads, shape, &matrix, x)
}

/// The helper's correction of a layer with masked weights M: M·r − s, from the streams of P0 and P1.
pub(crate) fn layer_correction(
    threads: usize,
    shape: &LinearShape,
    masked: RingVec,
    holder: Role,
    [p0, p1]: [Prg; 2],
) -> Vec<u8> {
    let ring = masked.ring();
    let (mut holders, mut others) = if holder == Role::P0 { (p0, p1) } else { (p1, p0) };
    let r = others.ring_vec(ring, shape.in_len());
    let product = apply(threads, shape, masked, &r);
    product.sub(&holders.ring_vec(ring, shape.out_len())).to_bytes()
}
