use veilflow_correlation::{Cost, Supplier};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::{Party, Result};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};

use crate::TestDealer;

/// Makes one party's supplier at the start of a run; `seed` is common to both parties, for the test dealer
/// only.
pub type SupplierFactory = fn(Role, &mut Channel, seed: u64) -> Box<dyn Supplier>;

/// The insecure test dealer.
pub fn dealer(role: Role, _: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    Box::new(TestDealer::insecure(role, seed))
}

/// How a test splits a value into shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Uniform.
    Uniform,
    /// P0's share is zero.
    AtP1,
    /// P1's share is zero.
    AtP0,
    /// P0's share is −1: the largest.
    Largest,
    /// P0's share is 2^(ℓ−1).
    Top,
}

impl Sharing {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Uniform, Self::AtP1, Self::AtP0, Self::Largest, Self::Top];
}

/// A seeded source of inputs and runs.
#[derive(Debug)]
pub struct World {
    seed: u64,
    prg: Prg,
    supplier: SupplierFactory,
    runs: u64,
}

impl World {
    /// A world whose seed is `VEILFLOW_TEST_SEED` if set, else fixed; `name` keeps worlds of different tests
    /// apart.
    pub fn new(name: &str, supplier: SupplierFactory) -> Self {
        let base = std::env::var("VEILFLOW_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1u64);
        let seed = name.bytes().fold(base, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self { seed, prg: Prg::from_seed(Block(u128::from(seed))), supplier, runs: 0 }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.prg.u64() % bound
    }

    /// A width in `range`.
    pub fn width(&mut self, range: std::ops::RangeInclusive<u32>) -> u32 {
        range.start() + self.below(u64::from(range.end() - range.start() + 1)) as u32
    }

    /// Values of `ring`: its corners and the neighbourhood of every power of two first, then uniform ones.
    pub fn values(&mut self, ring: Ring, len: usize) -> RingVec {
        let mut corners = vec![0, 1, u64::MAX, u64::MAX - 1, 1 << (ring.bits() - 1), ring.mask() >> 1];
        let power = 1u64 << self.below(u64::from(ring.bits()));
        corners.extend([power, power.wrapping_sub(1), power.wrapping_neg(), !power]);
        let uniform = self.prg.ring_vec(ring, len);
        let at = self.below(corners.len() as u64) as usize;
        let mix =
            (0..len).map(|i| if i < 10 { corners[(at + i) % corners.len()] } else { uniform.values()[i] });
        RingVec::from_values(ring, mix.collect())
    }

    /// Values whose signed reading has magnitude at most `bound`, both ends among them.
    pub fn bounded(&mut self, ring: Ring, bound: u64, len: usize) -> RingVec {
        let bound = i128::from(bound);
        let values = (0..len).map(|i| match i {
            0 => bound,
            1 => -bound,
            2 => 0,
            _ => i128::from(self.prg.u64()) % (bound + 1) * if i % 2 == 0 { 1 } else { -1 },
        });
        let values: Vec<u64> = values.map(|v| v as u64).collect();
        RingVec::from_values(ring, values)
    }

    /// Uniform bits.
    pub fn bits(&mut self, len: usize) -> Bits {
        self.prg.bits(len)
    }

    /// Splits values into shares.
    pub fn share(&mut self, x: &RingVec, sharing: Sharing) -> [RingVec; 2] {
        let (ring, len) = (x.ring(), x.len());
        let mask = match sharing {
            Sharing::Uniform => self.prg.ring_vec(ring, len),
            Sharing::AtP1 => RingVec::zeros(ring, len),
            Sharing::AtP0 => x.clone(),
            Sharing::Largest => RingVec::from_values(ring, vec![u64::MAX; len]),
            Sharing::Top => RingVec::from_values(ring, vec![1 << (ring.bits() - 1); len]),
        };
        let rest = x.sub(&mask);
        [mask, rest]
    }

    /// Splits bits into shares.
    pub fn share_bits(&mut self, x: &Bits) -> [Bits; 2] {
        let mask = self.prg.bits(x.len());
        let rest = x.xor(&mask);
        [mask, rest]
    }

    /// Runs `op` at both parties after filling their pools to `cost`'s demand, and checks `cost` against the
    /// meters. Returns what the parties returned, P0's first. Panics, naming the seed, on any difference.
    pub fn run<T: Send>(&mut self, cost: &Cost, op: impl Fn(&mut Party) -> Result<T> + Sync) -> [T; 2] {
        self.run_in(1, cost, op)
    }

    /// As [`World::run`], with so many threads a party.
    pub fn run_in<T: Send>(
        &mut self,
        threads: usize,
        cost: &Cost,
        op: impl Fn(&mut Party) -> Result<T> + Sync,
    ) -> [T; 2] {
        self.runs += 1;
        let (seed, run, supplier) = (self.seed, self.runs, self.supplier);
        let label = format!("seed {seed}, run {run}");
        // Offline and online on channels of their own: each meter starts from zero.
        let (offline0, offline1) = memory_pair();
        let (online0, online1) = memory_pair();
        let play = |role: Role, mut offline: Channel, online: Channel| {
            let mut source = supplier(role, &mut offline, seed ^ run);
            let prg = Prg::from_seed(Block(u128::from(seed ^ run) << 64 | role.index() as u128));
            let mut party = Party::new(role, online, prg).with_threads(threads);
            let before = (offline.meter(), source.helper_bytes());
            source.fill(&mut offline, &cost.demand, &mut party.pools).expect("offline phase");
            offline.flush().expect("flush");
            let metered = [offline.meter().since(&before.0).sent, source.helper_bytes() - before.1];
            let predicted = source.costs().fill(&cost.demand).volume();
            let predicted = [predicted.bytes, predicted.helper].map(|bytes| bytes[role.index()]);
            assert_eq!(metered, predicted, "{label}: offline bytes of {role:?}, helper's second");
            let result = op(&mut party);
            party.channel.flush().expect("flush");
            let result = result.unwrap_or_else(|e| panic!("{label}: {role:?}: {e}"));
            assert!(party.pools.is_empty(), "{label}: correlations are left over");
            // The channels live until both parties are done: closing one early would look like a failure.
            (result, party.channel.meter(), offline, party.channel)
        };
        let play = &play;
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(move || play(Role::P1, offline1, online1));
            (play(Role::P0, offline0, online0), other.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
        });
        let want = cost.volume();
        assert_eq!([first.1.sent, second.1.sent], want.bytes, "{label}: online bytes");
        assert_eq!(first.1.rounds.max(second.1.rounds), want.rounds, "{label}: online rounds");
        [first.0, second.0]
    }

    /// As [`World::run`], joining additive shares.
    pub fn run_joined(&mut self, cost: &Cost, op: impl Fn(&mut Party) -> Result<RingVec> + Sync) -> RingVec {
        let [a, b] = self.run(cost, op);
        a.add(&b)
    }

    /// As [`World::run_in`], joining additive shares.
    pub fn run_joined_in(
        &mut self,
        threads: usize,
        cost: &Cost,
        op: impl Fn(&mut Party) -> Result<RingVec> + Sync,
    ) -> RingVec {
        let [a, b] = self.run_in(threads, cost, op);
        a.add(&b)
    }

    /// As [`World::run`], joining exclusive-or shares.
    pub fn run_joined_bits(&mut self, cost: &Cost, op: impl Fn(&mut Party) -> Result<Bits> + Sync) -> Bits {
        let [a, b] = self.run(cost, op);
        a.xor(&b)
    }

    /// Fails, naming the seed, unless `got` equals `want`; tells the first difference.
    pub fn assert_equal(&self, got: &RingVec, want: &RingVec, what: &str) {
        let label = format!("seed {}, run {}: {what}", self.seed, self.runs);
        assert_eq!(got.ring(), want.ring(), "{label}: ring");
        assert_eq!(got.len(), want.len(), "{label}: length");
        if let Some(i) = (0..got.len()).find(|&i| got.values()[i] != want.values()[i]) {
            panic!("{label}: element {i} is {:#x}, not {:#x}", got.values()[i], want.values()[i]);
        }
    }

    /// As [`World::assert_equal`], for bits.
    pub fn assert_equal_bits(&self, got: &Bits, want: &Bits, what: &str) {
        let ring = Ring::new(1).expect("one bit is a width");
        self.assert_equal(&RingVec::from_bits(ring, got), &RingVec::from_bits(ring, want), what);
    }
}
