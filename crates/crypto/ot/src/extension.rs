//! The extensions behind one interface: any of them makes random OTs for any use.

use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::Bits;

use crate::{
    CotReceiver, CotSender, FerretPlan, FerretReceiver, FerretSender, Result, RotReceiver, RotSender,
    SoftSpokenReceiver, SoftSpokenSender, Traffic, ferret::FerretForecast, setup_bytes, softspoken_bytes,
};

/// The OT sender of an extension.
pub trait RandomOtSender {
    /// Whether the OT sender is the one that sends when OTs are made (Ferret); else the OT receiver does (SoftSpoken).
    /// Where a party is sender in one direction and receiver in the other, it must let the one that sends go first, or
    /// both parties wait for each other: see [`random_both_ways`].
    fn speaks(&self) -> bool;

    /// `count` random OTs in chunks of bounded memory: `visit` gets the offset of the chunk's first OT in this call, a
    /// multiple of 64, and both messages of each of its OTs. The peer calls one of the functions of
    /// [`RandomOtReceiver`] with the same count.
    ///
    /// # Errors
    /// A failure of the channel, [`OtError::Unusable`](crate::OtError::Unusable) after one.
    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(usize, &[Block], &[Block]),
    ) -> Result<()>;

    /// `count` OTs left correlated by Δ, not hashed: the raw material of other protocols. The traffic is that of
    /// [`random`](Self::random).
    ///
    /// # Errors
    /// As for [`random_chunks`](Self::random_chunks).
    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender>;

    /// `count` random OTs.
    ///
    /// # Errors
    /// As for [`random_chunks`](Self::random_chunks).
    fn random(&mut self, channel: &mut Channel, count: usize) -> Result<RotSender> {
        let mut out = RotSender { zeros: Vec::with_capacity(count), ones: Vec::with_capacity(count) };
        self.random_chunks(channel, count, |_, zeros, ones| {
            out.zeros.extend_from_slice(zeros);
            out.ones.extend_from_slice(ones);
        })?;
        Ok(out)
    }
}

/// The OT receiver of an extension.
pub trait RandomOtReceiver {
    /// Whether the OT receiver is the one that sends: see [`RandomOtSender::speaks`].
    fn speaks(&self) -> bool;

    /// `count` random OTs in chunks of bounded memory: `visit` gets the offset of the chunk's first OT in this call, a
    /// multiple of 64, the choices of the chunk and the message each chooses. The peer calls one of the functions of
    /// [`RandomOtSender`] with the same count.
    ///
    /// # Errors
    /// A failure of the channel, [`OtError::Unusable`](crate::OtError::Unusable) after one.
    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(usize, &Bits, &[Block]),
    ) -> Result<()>;

    /// `count` OTs left correlated by the peer's Δ, not hashed. The traffic is that of [`random`](Self::random).
    ///
    /// # Errors
    /// As for [`random_chunks`](Self::random_chunks).
    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotReceiver>;

    /// `count` random OTs.
    ///
    /// # Errors
    /// As for [`random_chunks`](Self::random_chunks).
    fn random(&mut self, channel: &mut Channel, count: usize) -> Result<RotReceiver> {
        let mut out = RotReceiver { choices: Bits::default(), messages: Vec::with_capacity(count) };
        self.random_chunks(channel, count, |_, choices, messages| {
            out.choices.append(choices);
            out.messages.extend_from_slice(messages);
        })?;
        Ok(out)
    }
}

impl RandomOtSender for SoftSpokenSender {
    fn speaks(&self) -> bool {
        false
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(usize, &[Block], &[Block]),
    ) -> Result<()> {
        self.random_chunks(channel, count, visit)
    }

    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender> {
        self.correlated(channel, count)
    }
}

impl RandomOtReceiver for SoftSpokenReceiver {
    fn speaks(&self) -> bool {
        true
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(usize, &Bits, &[Block]),
    ) -> Result<()> {
        self.random_chunks(channel, count, visit)
    }

    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotReceiver> {
        self.correlated(channel, count)
    }
}

/// Random OTs in both directions at once: `count` as OT sender and `count` as OT receiver, in one round, with the same
/// call at the peer. Both extensions must be of one kind.
///
/// # Errors
/// A failure of the channel, [`OtError::Unusable`](crate::OtError::Unusable) after one.
pub fn random_both_ways(
    sender: &mut impl RandomOtSender,
    receiver: &mut impl RandomOtReceiver,
    channel: &mut Channel,
    count: usize,
    on_sent: impl FnMut(usize, &[Block], &[Block]),
    on_received: impl FnMut(usize, &Bits, &[Block]),
) -> Result<()> {
    if sender.speaks() {
        sender.random_chunks(channel, count, on_sent)?;
        receiver.random_chunks(channel, count, on_received)
    } else {
        receiver.random_chunks(channel, count, on_received)?;
        sender.random_chunks(channel, count, on_sent)
    }
}

/// Which extension to set up, and what it will send.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtensionPlan {
    /// SoftSpoken OT.
    SoftSpoken {
        /// Its parameter: 1, 2, 4 or 8.
        k: usize,
    },
    /// Ferret silent OT.
    Ferret(FerretPlan),
}

impl ExtensionPlan {
    /// The plan with the fewest bytes for `expected_total` OTs, set-up included: SoftSpoken with k = 8 below about 73,000
    /// OTs, Ferret from there on.
    pub fn fewest_bytes(expected_total: usize) -> Self {
        Self::for_link(expected_total, f64::INFINITY)
    }

    /// As [`fewest_bytes`](Self::fewest_bytes), with [`FerretPlan::for_link`] for Ferret.
    pub fn for_link(expected_total: usize, ns_per_byte: f64) -> Self {
        let ferret = FerretPlan::for_link(expected_total, ns_per_byte);
        let total = |t: Traffic| t.sender + t.receiver;
        let softspoken = Self::SoftSpoken { k: 8 };
        let bytes = softspoken
            .setup()
            .and_then(|setup| Ok(total(setup) + total(softspoken_bytes(8, expected_total)?)));
        match bytes {
            Ok(bytes) if bytes <= total(ferret.total(expected_total)) => softspoken,
            _ => Self::Ferret(ferret),
        }
    }

    /// The traffic of the set-up.
    ///
    /// # Errors
    /// [`OtError::UnsupportedK`](crate::OtError::UnsupportedK).
    pub fn setup(&self) -> Result<Traffic> {
        match self {
            Self::SoftSpoken { k } => setup_bytes(*k),
            Self::Ferret(plan) => Ok(plan.setup()),
        }
    }

    /// The traffic after the set-up.
    pub fn forecast(&self) -> ExtensionForecast {
        match self {
            Self::SoftSpoken { k } => ExtensionForecast::SoftSpoken { k: *k },
            Self::Ferret(plan) => ExtensionForecast::Ferret(plan.forecast()),
        }
    }
}

/// The traffic to come of an extension: ask in the order of the calls to be made.
#[derive(Clone, Debug)]
pub enum ExtensionForecast {
    /// SoftSpoken OT.
    SoftSpoken {
        /// Its parameter.
        k: usize,
    },
    /// Ferret silent OT.
    Ferret(FerretForecast),
}

impl ExtensionForecast {
    /// The next `count` random or correlated OTs: messages in one direction, without a reply.
    ///
    /// # Errors
    /// [`OtError::UnsupportedK`](crate::OtError::UnsupportedK).
    pub fn extend(&mut self, count: usize) -> Result<Traffic> {
        match self {
            Self::SoftSpoken { k } => softspoken_bytes(*k, count),
            Self::Ferret(forecast) => Ok(forecast.extend(count)),
        }
    }
}

/// The OT sender of any extension.
#[derive(Debug)]
pub enum ExtensionSender {
    /// SoftSpoken OT.
    SoftSpoken(SoftSpokenSender),
    /// Ferret silent OT.
    Ferret(Box<FerretSender>),
}

/// The OT receiver of any extension.
#[derive(Debug)]
pub enum ExtensionReceiver {
    /// SoftSpoken OT.
    SoftSpoken(SoftSpokenReceiver),
    /// Ferret silent OT.
    Ferret(Box<FerretReceiver>),
}

impl ExtensionSender {
    /// Sets up what `plan` says, with a peer that calls [`ExtensionReceiver::setup`] with the same plan. `prg` must be
    /// seeded from entropy and continued or forked, never repeated, from session to session.
    ///
    /// # Errors
    /// Those of [`SoftSpokenSender::setup`] or of [`FerretSender::setup_planned`].
    pub fn setup(channel: &mut Channel, prg: &mut Prg, plan: &ExtensionPlan) -> Result<Self> {
        Ok(match plan {
            ExtensionPlan::SoftSpoken { k } => Self::SoftSpoken(SoftSpokenSender::setup(channel, prg, *k)?),
            ExtensionPlan::Ferret(plan) => {
                Self::Ferret(Box::new(FerretSender::setup_planned(channel, prg, plan)?))
            }
        })
    }
}

impl ExtensionReceiver {
    /// Sets up what `plan` says, with a peer that calls [`ExtensionSender::setup`] with the same plan. `prg` must be
    /// seeded from entropy and continued or forked, never repeated, from session to session.
    ///
    /// # Errors
    /// Those of [`SoftSpokenReceiver::setup`] or of [`FerretReceiver::setup_planned`].
    pub fn setup(channel: &mut Channel, prg: &mut Prg, plan: &ExtensionPlan) -> Result<Self> {
        Ok(match plan {
            ExtensionPlan::SoftSpoken { k } => Self::SoftSpoken(SoftSpokenReceiver::setup(channel, prg, *k)?),
            ExtensionPlan::Ferret(plan) => {
                Self::Ferret(Box::new(FerretReceiver::setup_planned(channel, prg, plan)?))
            }
        })
    }
}

impl RandomOtSender for ExtensionSender {
    fn speaks(&self) -> bool {
        match self {
            Self::SoftSpoken(ot) => ot.speaks(),
            Self::Ferret(ot) => ot.speaks(),
        }
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(usize, &[Block], &[Block]),
    ) -> Result<()> {
        match self {
            Self::SoftSpoken(ot) => ot.random_chunks(channel, count, visit),
            Self::Ferret(ot) => ot.random_chunks(channel, count, visit),
        }
    }

    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotSender> {
        match self {
            Self::SoftSpoken(ot) => ot.correlated(channel, count),
            Self::Ferret(ot) => ot.correlated(channel, count),
        }
    }
}

impl RandomOtReceiver for ExtensionReceiver {
    fn speaks(&self) -> bool {
        match self {
            Self::SoftSpoken(ot) => ot.speaks(),
            Self::Ferret(ot) => ot.speaks(),
        }
    }

    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: impl FnMut(usize, &Bits, &[Block]),
    ) -> Result<()> {
        match self {
            Self::SoftSpoken(ot) => ot.random_chunks(channel, count, visit),
            Self::Ferret(ot) => ot.random_chunks(channel, count, visit),
        }
    }

    fn correlated(&mut self, channel: &mut Channel, count: usize) -> Result<CotReceiver> {
        match self {
            Self::SoftSpoken(ot) => ot.correlated(channel, count),
            Self::Ferret(ot) => ot.correlated(channel, count),
        }
    }
}
