//! Oblivious transfer (OT): base OT on Ristretto, the SoftSpoken extension, and Ferret silent OT.
//!
//! In an OT one party, the *OT sender*, has two messages $m_0$ and $m_1$; the other, the *OT receiver*, has a
//! choice bit $c$ and learns $m_c$. The sender learns nothing of $c$, the receiver nothing of the other
//! message. Both parties are semi-honest.
//!
//! # What there is
//! 1. An [`ExtensionPlan`] says which extension to set up. [`ExtensionPlan::for_link`] chooses one for a
//!    number of OTs and a link. A plan tells what it will send, to the byte: [`ExtensionPlan::setup`],
//!    [`ExtensionPlan::forecast`].
//! 2. [`ExtensionPlan::sender`] and [`ExtensionPlan::receiver`] set the two sides up, by 128 base OTs of
//!    public-key cryptography. A pair of parties sets up one extension for each direction that it needs.
//! 3. [`RandomOtSender`] and [`RandomOtReceiver`] make any number of *random OTs*, whose messages and choices
//!    are uniform.
//! 4. A batch of them, [`RotSender`] and [`RotReceiver`], is used up for *correlated OT* with choices of the
//!    receiver's own: the sender puts in a vector $c$ of $\mathbb{Z}_{2^\ell}$ and gets $x$, the receiver
//!    puts in a bit $b$ and gets $x + b \cdot c$ ([`RotSender::send_correlated`], [`cot_bytes`]).
//!
//! | extension | traffic | set-up | source |
//! |---|---|---|---|
//! | SoftSpoken, $k$ = 1, 2, 4, 8 | $128/k - 1$ bits an OT, from the receiver | 8 to 12 KB | Roy, CRYPTO 2022 |
//! | Ferret | 0.2 to 1.4 bits an OT, from the sender | 140 to 230 KB | Yang et al., CCS 2020 |
//!
//! # What each side sees
//! Both extensions rest on a secret $\Delta$ of 128 bits at the sender and on pairs $q_i$ at the sender,
//! $t_i$ at the receiver with $q_i = t_i \oplus c_i \Delta$. The messages of OT $i$ are $H(q_i, i)$ and
//! $H(q_i \oplus \Delta, i)$ for a correlation-robust hash $H$; the receiver has $H(t_i, i)$. In SoftSpoken
//! OT the sender sees corrections that streams mask which it lacks, and the receiver sees nothing. In Ferret
//! the receiver sees sums of a tree's nodes, of which it can unmask those beside its secret path, and the
//! sender sees nothing. The docs of the modules `base`, `softspoken` and `ferret` give the arguments.
//!
//! ```
//! use veilflow_net::memory_pair;
//! use veilflow_ot::{ExtensionPlan, OtError};
//! use veilflow_prim::Prg;
//!
//! let plan = ExtensionPlan::for_link(1000, 80.0);
//! let (mut alice, mut bob) = memory_pair();
//! let [mut ours, mut theirs] = [Prg::from_entropy()?, Prg::from_entropy()?];
//! let (sent, received) = std::thread::scope(|scope| {
//!     let sender = scope.spawn(|| plan.sender(&mut alice, &mut ours)?.random(&mut alice, 1000));
//!     let received = plan.receiver(&mut bob, &mut theirs)?.random(&mut bob, 1000)?;
//!     Ok::<_, OtError>((sender.join().expect("no panic")?, received))
//! })?;
//! let chosen = if received.choices.get(7) { sent.ones[7] } else { sent.zeros[7] };
//! assert!(received.messages[7] == chosen);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base;
mod batch;
mod correlated;
mod cost;
mod error;
mod extension;
mod ferret;
mod prices;
mod random;
mod softspoken;

pub use batch::{RotReceiver, RotSender};
pub use cost::{Traffic, cot_bytes};
pub use error::{OtError, Result};
pub use extension::{ExtensionForecast, ExtensionPlan};
pub use ferret::{FerretPlan, LpnSet};
pub use random::{RandomOtReceiver, RandomOtSender, VisitReceived, VisitSent};
