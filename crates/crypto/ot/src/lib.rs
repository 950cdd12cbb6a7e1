//! Oblivious transfer: base OT on Ristretto, the SoftSpoken extension, and Ferret silent OT.
//!
//! One party is the *OT sender*, the other the *OT receiver*; a pair of parties sets up one extension for
//! each direction it needs. In three layers, each secure against semi-honest parties:
//!
//! 1. 128 base OTs by public-key cryptography, within the setup (module `base`).
//! 2. An extension makes any number of *random OTs*, batches [`RotSender`] and [`RotReceiver`]. There are two, both used
//!    through [`RandomOtSender`] and [`RandomOtReceiver`]:
//!    - [`SoftSpokenSender`] and [`SoftSpokenReceiver`]: 128/k − 1 bits of traffic an OT, a small set-up (module
//!      `softspoken`).
//!    - [`FerretSender`] and [`FerretReceiver`]: 0.2 to 1.4 bits an OT after a set-up of 140 to 230 KB, sized to
//!      the number of OTs by a [`FerretPlan`] (module `ferret`).
//!
//!    [`ExtensionSender`] and [`ExtensionReceiver`] are either of the two, as an [`ExtensionPlan`] says.
//! 3. A random OT is used up for one transfer: of chosen bits or blocks, or correlated over Z_2^ℓ, by the
//!    methods of the batches, or by [`cot_send`] and its kin straight from the extension.
//!
//! What the parties send is stated exactly by [`setup_bytes`], [`softspoken_bytes`], [`FerretPlan`],
//! [`FerretForecast`], [`cot_bytes`], [`chosen_bits_bytes`] and [`chosen_blocks_bytes`].

mod base;
mod batch;
mod chosen;
mod correlated;
mod cost;
mod error;
mod extension;
mod ferret;
mod ggm;
mod softspoken;
mod vole;

pub use batch::{CotReceiver, CotSender, RotReceiver, RotSender};
pub use correlated::{cot_recv, cot_send, cot_vec_recv, cot_vec_send};
pub use cost::{Traffic, chosen_bits_bytes, chosen_blocks_bytes, cot_bytes, setup_bytes, softspoken_bytes};
pub use error::OtError;
pub use extension::{
    ExtensionForecast, ExtensionPlan, ExtensionReceiver, ExtensionSender, RandomOtReceiver, RandomOtSender,
    random_both_ways,
};
pub use ferret::{FerretForecast, FerretPlan, FerretReceiver, FerretSender, LpnSet, ferret_bytes};
pub use softspoken::{SoftSpokenReceiver, SoftSpokenSender};

type Result<T> = std::result::Result<T, OtError>;
