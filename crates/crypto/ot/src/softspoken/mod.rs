//! SoftSpoken OT extension (Roy, CRYPTO 2022), semi-honest, for the repetition code.
//!
//! Δ, the OT sender's secret, is 128 bits in 128/k groups of k. The set-up gives each group of rows a
//! subspace VOLE: w_j = v_j ⊕ Δ_j · u_g with a u_g of its own for each group g (modules `base`, `ggm`,
//! `vole`). An extension takes the u of group 0 for the choices and corrects the others: the OT receiver
//! sends d_g = u_g ⊕ u_0, and the OT sender adds Δ_j · d_g to row j. Turned by 90 degrees, this is q_i = t_i
//! ⊕ u_i · Δ for OT i. The messages are H(q_i, i) and H(q_i ⊕ Δ, i); the OT receiver has H(t_i, i), the one
//! of its choice u_i. k = 1 is the protocol of Ishai, Kilian, Nissim and Petrank (CRYPTO 2003).
//!
//! Cost: an OT takes 128/k − 1 bits from the OT receiver and 2^k/k · 128 bits of AES stream on each side.
//! There is one message for each 8,192 OTs, and no reply. The set-up takes two rounds and 128 base OTs.
//!
//! Model: the parties are semi-honest. Assumptions are those of the base OT, AES as a PRG, and H correlation
//! robust (see [`veilflow_prim::CrHash`]). The OT sender sees d_g, masked by streams that it lacks; the OT
//! receiver sees nothing. The hash is keyed from the transcript of the base OTs, so no two sessions or
//! directions use the same hash keys. Streams and hash indices only move forward.

mod ggm;
mod receiver;
mod sender;
mod setup;
#[cfg(test)]
mod tests;
mod vole;

pub(crate) use receiver::SoftSpokenReceiver;
pub(crate) use sender::SoftSpokenSender;
pub(crate) use vole::{CHUNK, ROWS, check_k};
