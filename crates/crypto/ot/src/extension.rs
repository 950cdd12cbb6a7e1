//! Which extension to set up, what it will send, and its two sides.

use veilflow_net::Channel;
use veilflow_prim::Prg;

use crate::{
    FerretPlan, RandomOtReceiver, RandomOtSender, Result, Traffic,
    cost::{setup_bytes, softspoken_bytes},
    ferret::{FerretForecast, FerretReceiver, FerretSender},
    softspoken::{SoftSpokenReceiver, SoftSpokenSender},
};

/// Which extension to set up. Both parties must use the same plan.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtensionPlan {
    /// SoftSpoken OT: 128/k − 1 bits an OT, after a set-up of 12 KB for k = 8.
    SoftSpoken {
        /// The parameter k is 1, 2, 4 or 8.
        k: usize,
    },
    /// Ferret silent OT: 0.2 to 1.4 bits an OT, after a set-up of 140 to 230 KB.
    Ferret(FerretPlan),
}

impl ExtensionPlan {
    /// The plan for `expected_total` OTs on a link that takes `ns_per_byte` nanoseconds a byte (80 at 100
    /// Mbit/s).
    ///
    /// It is SoftSpoken OT with k = 8 where that takes the fewest bytes, set-up included: below about 73,000
    /// OTs. From there on it is [`FerretPlan::for_link`].
    pub fn for_link(expected_total: usize, ns_per_byte: f64) -> Self {
        let ferret = FerretPlan::for_link(expected_total, ns_per_byte);
        let softspoken = Self::SoftSpoken { k: 8 };
        let bytes = softspoken
            .setup()
            .and_then(|setup| Ok(setup.bytes() + softspoken_bytes(8, expected_total)?.bytes()));
        match bytes {
            Ok(bytes) if bytes <= ferret.total(expected_total).bytes() => softspoken,
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
        ExtensionForecast(match self {
            Self::SoftSpoken { k } => Forecast::SoftSpoken { k: *k },
            Self::Ferret(plan) => Forecast::Ferret(plan.forecast()),
        })
    }

    /// Sets up the OT sender, with a peer that calls [`receiver`](Self::receiver) of the same plan. `prg`
    /// must be seeded from entropy, and continued or forked from session to session, never repeated.
    ///
    /// # Errors
    /// [`OtError::UnsupportedK`](crate::OtError::UnsupportedK);
    /// [`OtError::KMismatch`](crate::OtError::KMismatch) or
    /// [`OtError::PlanMismatch`](crate::OtError::PlanMismatch) if the peer has another plan;
    /// [`OtError::InvalidPoint`](crate::OtError::InvalidPoint); a failure of the channel.
    pub fn sender(&self, channel: &mut Channel, prg: &mut Prg) -> Result<Box<dyn RandomOtSender>> {
        Ok(match self {
            Self::SoftSpoken { k } => Box::new(SoftSpokenSender::setup(channel, prg, *k)?),
            Self::Ferret(plan) => Box::new(FerretSender::setup(channel, prg, plan)?),
        })
    }

    /// Sets up the OT receiver, with a peer that calls [`sender`](Self::sender) of the same plan. `prg` must
    /// be seeded from entropy, and continued or forked from session to session, never repeated.
    ///
    /// # Errors
    /// As for [`sender`](Self::sender).
    pub fn receiver(&self, channel: &mut Channel, prg: &mut Prg) -> Result<Box<dyn RandomOtReceiver>> {
        Ok(match self {
            Self::SoftSpoken { k } => Box::new(SoftSpokenReceiver::setup(channel, prg, *k)?),
            Self::Ferret(plan) => Box::new(FerretReceiver::setup(channel, prg, plan)?),
        })
    }
}

/// The traffic to come of an extension. It is asked in the order of the calls to be made.
#[derive(Clone, Debug)]
pub struct ExtensionForecast(Forecast);

#[derive(Clone, Debug)]
enum Forecast {
    SoftSpoken { k: usize },
    Ferret(FerretForecast),
}

impl ExtensionForecast {
    /// The next `count` random OTs: messages in one direction, without a reply.
    ///
    /// # Errors
    /// [`OtError::UnsupportedK`](crate::OtError::UnsupportedK).
    pub fn extend(&mut self, count: usize) -> Result<Traffic> {
        match &mut self.0 {
            Forecast::SoftSpoken { k } => softspoken_bytes(*k, count),
            Forecast::Ferret(forecast) => Ok(forecast.extend(count)),
        }
    }
}
