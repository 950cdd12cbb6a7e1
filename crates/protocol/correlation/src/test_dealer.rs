//! An ideal dealer **for tests only**: both parties derive all correlations from one common seed, so either could undo
//! the other's masks. It gives protocol tests their correlations without OT, and OT suppliers an oracle.

use veilflow_net::{Channel, Role};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};

use crate::{
    AndBatch, BitProductBatch, CorrelationError, Cost, Demand, Kind, LeafBatch, LinearPair, LinearRequest,
    MaskDigits, MaskDigitsBatch, OneHotBatch, Pools, Possession, ProductBatch, Rectifier, RectifierBatch,
    Result, RingTripleBatch, Supplier, SupplyCosts, TableBatch, TripleBatch, lowest_bits,
};

/// Deals correlations from a common seed. Insecure by construction; see the module.
#[derive(Debug)]
pub struct TestDealer {
    role: Role,
    prg: Prg,
}

impl TestDealer {
    /// The dealer as `role` sees it. Both parties must pass the same seed.
    pub fn insecure(role: Role, seed: u64) -> Self {
        Self { role, prg: Prg::from_seed(Block(u128::from(seed))) }
    }

    /// This party's share of `secret`; the other's is the mask, or the reverse.
    fn share_bits(&mut self, secret: &Bits) -> Bits {
        let mask = self.prg.bits(secret.len());
        if self.role == Role::P0 { mask } else { mask.xor(secret) }
    }

    fn triples(&mut self, payload: u32, count: usize) -> TripleBatch {
        let f = self.prg.bits(count);
        let g: Vec<Bits> = (0..payload).map(|_| self.prg.bits(count)).collect();
        TripleBatch {
            h: g.iter().map(|g| self.share_bits(&f.and(g))).collect(),
            g: g.iter().map(|g| self.share_bits(g)).collect(),
            f: self.share_bits(&f),
        }
    }

    fn ands(&mut self, sender: Role, count: usize) -> AndBatch {
        let factors = [self.prg.bits(count), self.prg.bits(count)];
        let share = self.share_bits(&factors[0].and(&factors[1]));
        let [of_sender, of_receiver] = factors;
        AndBatch { factor: if sender == self.role { of_sender } else { of_receiver }, share }
    }

    fn products(&mut self, sender: Role, bits: u32, count: usize) -> ProductBatch {
        let ring = Ring::new(bits).expect("demands hold valid widths");
        let (alpha, u) = (self.prg.ring_vec(ring, count), self.prg.ring_vec(ring, count));
        let choice = self.prg.bits(count);
        if sender == self.role {
            return ProductBatch::Sender { alpha, u };
        }
        let v = veilflow_spec::multiplex(&choice, &alpha).sub(&u);
        ProductBatch::Receiver { choice, v }
    }

    /// This party's additive share of `secret`.
    fn share_elements(&mut self, secret: &RingVec) -> RingVec {
        let mask = self.prg.ring_vec(secret.ring(), secret.len());
        if self.role == Role::P0 { mask } else { secret.sub(&mask) }
    }

    fn bit_products(&mut self, bits: u32, count: usize) -> BitProductBatch {
        let ring = Ring::new(bits).expect("demands hold valid widths");
        let [of_p0, of_p1] = [self.prg.bits(count), self.prg.bits(count)];
        let share = self.share_elements(&RingVec::from_bits(ring, &of_p0.and(&of_p1)));
        BitProductBatch { factor: if self.role == Role::P0 { of_p0 } else { of_p1 }, share }
    }

    fn leaves(&mut self, digit: u32, payload: u32, count: usize) -> LeafBatch {
        let mut rows = || -> Vec<Bits> { (1..1 << digit).map(|_| self.prg.bits(count)).collect() };
        let masks = [rows(), rows()];
        let sums = LeafBatch::sums(&masks[0], &masks[1], payload);
        let shares = sums.iter().map(|sum| self.share_bits(sum)).collect();
        let [of_p0, of_p1] = masks;
        LeafBatch { masks: if self.role == Role::P0 { of_p0 } else { of_p1 }, shares }
    }

    fn ring_triples(&mut self, bits: u32, count: usize) -> RingTripleBatch {
        let ring = Ring::new(bits).expect("demands hold valid widths");
        let [a, b] = [0, 1].map(|_| self.prg.ring_vec(ring, count));
        let c = a.zip_map(&b, u64::wrapping_mul);
        let [a, b, c] = [a, b, c].map(|v| self.share_elements(&v));
        RingTripleBatch { a, b, c }
    }

    fn one_hots(&mut self, bits: u32, count: usize) -> OneHotBatch {
        let index: Vec<Bits> = (0..bits).map(|_| self.prg.bits(count)).collect();
        let rows = OneHotBatch::rows_of(&index);
        let [index, rows] = [index, rows].map(|rows| rows.iter().map(|row| self.share_bits(row)).collect());
        OneHotBatch { index, rows }
    }

    fn rectifiers(&mut self, rectifier: Rectifier, count: usize) -> RectifierBatch {
        let [of_p0, of_p1] = [(); 2].map(|()| self.prg.ring_vec(rectifier.mask(), count));
        let random: Vec<Bits> = (0..rectifier.random_bits()).map(|_| self.prg.bits(count)).collect();
        let (rows, elements) = rectifier.secrets([&of_p0, &of_p1], &random);
        let elements: Vec<RingVec> = elements.iter().map(|element| self.share_elements(element)).collect();
        let of_elements = elements.iter().step_by(2).map(lowest_bits);
        let mut shares: Vec<Bits> = of_elements.collect();
        shares.extend(random[shares.len()..].iter().map(|bit| self.share_bits(bit)));
        RectifierBatch {
            rows: rows.iter().map(|row| self.share_bits(row)).collect(),
            elements,
            random: shares,
            mask: if self.role == Role::P0 { of_p0 } else { of_p1 },
        }
    }

    fn mask_digits(&mut self, widths: MaskDigits, count: usize) -> MaskDigitsBatch {
        let [of_p0, of_p1] = [(); 2].map(|()| self.prg.ring_vec(widths.ring(), count));
        let rows = widths.rows_of(&of_p0.add(&of_p1));
        let rows = rows.iter().map(|row| self.share_bits(row)).collect();
        MaskDigitsBatch { mask: if self.role == Role::P0 { of_p0 } else { of_p1 }, rows }
    }

    fn tables(&mut self, sender: Role, digit: u32, payload: u32, count: usize) -> TableBatch {
        let messages: Vec<Vec<Bits>> =
            (0..1 << digit).map(|_| (0..payload).map(|_| self.prg.bits(count)).collect()).collect();
        let index: Vec<Bits> = (0..digit).map(|_| self.prg.bits(count)).collect();
        if sender == self.role {
            return TableBatch::Sender { messages };
        }
        let at = |i: usize| index.iter().rev().fold(0, |n, row| n << 1 | usize::from(row.get(i)));
        let message =
            (0..payload as usize).map(|p| (0..count).map(|i| messages[at(i)][p].get(i)).collect()).collect();
        TableBatch::Receiver { index, message }
    }
}

impl Supplier for TestDealer {
    fn name(&self) -> &'static str {
        "test-dealer"
    }

    fn fill(&mut self, _: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()> {
        for (kind, count) in demand.iter() {
            match kind {
                Kind::Triple { payload } => pools.put_triples(kind, self.triples(payload, count)),
                Kind::And { sender } => pools.put_ands(kind, self.ands(sender, count)),
                Kind::Product { sender, bits } => {
                    pools.put_products(kind, self.products(sender, bits, count));
                }
                Kind::BitProduct { bits } => {
                    pools.put_bit_products(kind, self.bit_products(bits, count));
                }
                Kind::Leaf { digit, payload } => {
                    pools.put_leaves(kind, self.leaves(digit, payload, count));
                }
                Kind::RingTriple { bits } => pools.put_ring_triples(kind, self.ring_triples(bits, count)),
                Kind::OneHot { bits } => pools.put_one_hots(kind, self.one_hots(bits, count)),
                Kind::Rectifier(rectifier) => {
                    pools.put_rectifiers(kind, self.rectifiers(rectifier, count));
                }
                Kind::MaskDigits(widths) => {
                    pools.put_mask_digits(kind, self.mask_digits(widths, count));
                }
                Kind::Table { sender, digit, payload } => {
                    pools.put_tables(kind, self.tables(sender, digit, payload, count));
                }
            }
        }
        Ok(())
    }

    /// Who holds the weights knows r from the common seed, and sends W·r − s in the clear.
    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> Result<LinearPair> {
        let mask = self.prg.ring_vec(request.ring, request.shape.in_len());
        let s = self.prg.ring_vec(request.ring, request.shape.out_len());
        match (self.role == request.holder, weights) {
            (true, Possession::Mine(weights)) => {
                channel.send(&veilflow_kernel::linear(&request.shape, weights, &mask).sub(&s).to_bytes())?;
                channel.flush()?;
                Ok(LinearPair::Holder { s })
            }
            (false, Possession::Theirs) => {
                let bytes = channel.recv_vec(RingVec::byte_len(request.ring, s.len()))?;
                let product = RingVec::from_bytes(request.ring, &bytes, s.len());
                Ok(LinearPair::Other { mask, product })
            }
            _ => Err(CorrelationError::Weights {
                layer: request.layer,
                reason: "their holder alone must have them",
            }),
        }
    }

    fn costs(&self) -> Box<dyn SupplyCosts> {
        Box::new(DealerCosts)
    }
}

/// The dealer talks for linear layers only.
struct DealerCosts;

impl SupplyCosts for DealerCosts {
    fn set_up(&self) -> Cost {
        Cost::default()
    }

    fn fill(&mut self, _: &Demand) -> Cost {
        Cost::default()
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        Cost::message(request.holder, RingVec::byte_len(request.ring, request.shape.out_len()) as u64)
    }
}
