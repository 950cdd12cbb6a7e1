//! What the parties of a session choose.

use std::str::FromStr;
use std::time::Duration;

use veilflow_exec::{ExecError, InputAt, Links, SessionOptions, SupplierKind, choose_tuning, online_cost};
use veilflow_net::{Channel, LinkOptions, LinkShape};
use veilflow_online::Tuning;

use crate::holding::Holding;
use crate::{Error, HelperAddress, OutOfRange, Plan, Result, Supplier};

/// What server and client choose. The handshake compares all but [`Options::helper`],
/// [`Options::simulate_link`], [`Options::out_of_range`] and [`Options::timeout`], and names what differs;
/// nothing is negotiated.
///
/// ```
/// use std::time::Duration;
/// use veilflow::{LinkShape, Options, Supplier};
///
/// let far_away = Options { link: Some(LinkShape::wan()), threads: 2, ..Options::default() };
/// let helped = Options { timeout: Duration::from_secs(30), ..Options::with_helper("helper.example:7452") };
/// assert_eq!(helped.supplier, Supplier::Helper);
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// Who makes correlations.
    pub supplier: Supplier,
    /// Where the helper is, for [`Supplier::Helper`]: the same one at both parties, though they may reach it
    /// by different addresses.
    pub helper: Option<HelperAddress>,
    /// The link for which protocols are chosen: fewer rounds where it is slow to answer, fewer bytes where it
    /// is narrow. Without one, the fewest bytes.
    pub link: Option<LinkShape>,
    /// Slow what this party sends down to [`Options::link`], to try a link out on one machine. Over TCP
    /// alone.
    pub simulate_link: bool,
    /// Threads of each party: 1..=64. They change neither results nor bytes.
    pub threads: usize,
    /// Make each layer's correlations right before it instead of all ahead: the least memory, and no offline
    /// phase.
    pub just_in_time: bool,
    /// Inputs are secret-shared between both parties, and so are outputs: see
    /// [`Client::infer_shared`](crate::Client::infer_shared) and
    /// [`Server::with_shares`](crate::Server::with_shares).
    pub shared_inputs: bool,
    /// What a client does about a sample with elements that the plan has no room for. Only the client's
    /// choice counts.
    pub out_of_range: OutOfRange,
    /// How long a party waits for a message before it gives the other up; two minutes by default.
    pub timeout: Duration,
    /// SoftSpoken's k, for [`Supplier::Ot`]: 1, 2, 4 or 8. More means fewer bytes and more computing.
    pub softspoken_k: usize,
    /// Bits of a comparison's leaf, 1..=4: 2 sends the fewest bytes online, 4 takes the fewest rounds. Chosen
    /// for the link if not given.
    pub leaf_bits: Option<u32>,
    /// Levels of a comparison beyond the fewest, 0..=8: each is a round more and saves 2 bits. Chosen for the
    /// link if not given.
    pub extra_levels: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            supplier: Supplier::default(),
            helper: None,
            link: None,
            simulate_link: false,
            threads: 1,
            just_in_time: false,
            shared_inputs: false,
            out_of_range: OutOfRange::default(),
            timeout: Duration::from_secs(120),
            softspoken_k: 4,
            leaf_bits: None,
            extra_levels: None,
        }
    }
}

impl Options {
    /// The default options, with correlations from the helper at an address, or in this process.
    pub fn with_helper(helper: impl Into<HelperAddress>) -> Self {
        Self { supplier: Supplier::Helper, helper: Some(helper.into()), ..Self::default() }
    }

    /// Refuses what is out of its range.
    fn check_ranges(&self) -> Result<()> {
        let range = |name, value: usize, range: std::ops::RangeInclusive<usize>, allowed| {
            if range.contains(&value) { Ok(()) } else { Err(Error::Option { name, value, allowed }) }
        };
        range("threads", self.threads, 1..=64, "1 to 64")?;
        range("leaf_bits", self.leaf_bits.map_or(1, |bits| bits as usize), 1..=4, "1 to 4")?;
        range("extra_levels", self.extra_levels.map_or(0, |levels| levels as usize), 0..=8, "0 to 8")?;
        if ![1, 2, 4, 8].contains(&self.softspoken_k) {
            let (name, value) = ("softspoken_k", self.softspoken_k);
            return Err(Error::Option { name, value, allowed: "1, 2, 4 or 8" });
        }
        Ok(())
    }

    /// Refuses a helper without use, and the lack of one.
    pub(crate) fn check_helper(&self) -> Result<()> {
        match (self.supplier, &self.helper) {
            (Supplier::Helper, None) => Err(Error::NoHelper),
            (Supplier::Helper, Some(_)) | (_, None) => Ok(()),
            (supplier, Some(_)) => Err(Error::UnusedHelper { supplier }),
        }
    }

    /// The options of a session that runs `plan`; the party has this of the weights.
    pub(crate) fn session(&self, plan: &Plan, holding: &Holding) -> Result<SessionOptions> {
        self.check_ranges()?;
        let Tuning { leaf_bits, extra_levels, dealt } =
            choose_tuning(self.link, self.supplier.kind(), |tuning| online_cost(plan.ir(), tuning));
        let options = SessionOptions {
            supplier: self.supplier.kind(),
            softspoken_k: self.softspoken_k,
            link: self.link,
            tuning: Tuning {
                leaf_bits: self.leaf_bits.unwrap_or(leaf_bits),
                extra_levels: self.extra_levels.unwrap_or(extra_levels),
                dealt,
            },
            threads: self.threads,
            weights: holding.at(),
            input: if self.shared_inputs { InputAt::Shared } else { InputAt::Client },
            just_in_time: self.just_in_time,
        };
        options.check(plan.ir()).map_err(Error::in_session)?;
        Ok(options)
    }

    /// How this party connects.
    pub(crate) fn connection(&self) -> LinkOptions {
        let shape = self.link.filter(|_| self.simulate_link);
        LinkOptions { timeout: self.timeout, shape, ..LinkOptions::default() }
    }

    /// The links of a session with the peer at the other end of `peer`.
    pub(crate) fn links(&self, peer: Channel) -> Links<'_> {
        let Some(address) = &self.helper else { return peer.into() };
        let connect = || address.connect(&self.connection());
        Links { helper: Some(Box::new(connect)), ..peer.into() }
    }
}

impl Plan {
    /// The options of a run of this plan, with those filled in that are chosen for the link.
    ///
    /// # Errors
    /// [`Error::Session`] if the supplier cannot run it.
    pub fn tuned(&self, options: &Options) -> Result<Options> {
        let Tuning { leaf_bits, extra_levels, .. } = options.session(self, &Holding::Nothing)?.tuning;
        Ok(Options { leaf_bits: Some(leaf_bits), extra_levels: Some(extra_levels), ..options.clone() })
    }
}

/// Reads the words that [`Display`](std::fmt::Display) writes; [`Error::UnknownSupplier`] lists them.
impl FromStr for Supplier {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let kind: SupplierKind = name.parse().map_err(|e: ExecError| Error::UnknownSupplier(e.into()))?;
        Ok(match kind {
            SupplierKind::He => Self::He,
            SupplierKind::Silent => Self::Silent,
            SupplierKind::Ot => Self::Ot,
            SupplierKind::Helper => Self::Helper,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_or_without_use_is_refused() {
        let refused = |options: Options, word: &str| {
            let error = options.check_ranges().and_then(|()| options.check_helper()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(Options { threads: 0, ..Options::default() }, "threads must be 1 to 64, not 0");
        refused(Options { softspoken_k: 3, ..Options::default() }, "1, 2, 4 or 8, not 3");
        refused(Options { leaf_bits: Some(5), ..Options::default() }, "leaf_bits");
        refused(Options { extra_levels: Some(9), ..Options::default() }, "extra_levels");
        refused(Options { supplier: Supplier::Helper, ..Options::default() }, "Options::helper");
        refused(Options { supplier: Supplier::Ot, ..Options::with_helper("h:1") }, "the supplier is ot");
    }
}
