//! Correlated OT over Z_2^ℓ with chosen choices: the sender puts in a vector c and gets x, the receiver puts
//! in a bit b and gets x + b·c.
//!
//! Take a random OT with messages m_0 and m_1, swapped so that the receiver knows m_b; each is the key of a
//! stream that masks a vector. Then x = m_0 mod 2^ℓ, and the sender sends y = x + c − m_1. The receiver takes
//! m_0 or y + m_1.
//!
//! There are two messages: 1 bit an OT from the receiver, then ℓ bits an element from the sender. The sender
//! sees b masked by a random choice. The receiver sees y: masked by m_1 unless it chose that, and then it is
//! x + c − m_1, its own output less its own pad.

use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, pack, packed_len, unpack};

use crate::{Result, RotReceiver, RotSender};

/// About how many elements are sent at a time.
const PIECE: usize = 1 << 14;

/// `out.len()` words masked by one OT message: the message itself where that is enough, else its stream.
fn expand(message: Block, out: &mut [u64]) {
    match out {
        [] => {}
        [a] => *a = message.low(),
        [a, b] => (*a, *b) = (message.low(), (message.0 >> 64) as u64),
        _ => Prg::from_seed(message).words(out),
    }
}

/// Offsets and lengths of the pieces that `count` OTs of `width` elements go in: whole bytes at any ℓ.
fn pieces(count: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = (PIECE / width.max(1)).next_multiple_of(8).max(8);
    (0..count).step_by(step).map(move |at| (at, step.min(count - at)))
}

impl RotSender {
    /// For OT i: `correlation(i, c)` puts in a vector c of `width` elements of `ring`, reduced or not; the
    /// result holds the vectors x, `width` reduced elements an OT. The peer gets x + b·c from
    /// [`RotReceiver::recv_correlated`]. Traffic: [`cot_bytes`](crate::cot_bytes).
    ///
    /// # Errors
    /// A failure of the channel.
    pub fn send_correlated(
        self,
        channel: &mut Channel,
        ring: Ring,
        width: usize,
        mut correlation: impl FnMut(usize, &mut [u64]),
    ) -> Result<Vec<u64>> {
        let pads = self.choose(channel)?;
        let mask = ring.mask();
        let mut out = vec![0; pads.len() * width];
        let mut pad = vec![0; width];
        let (mut payload, mut bytes) = (Vec::new(), Vec::new());
        for (at, len) in pieces(if width == 0 { 0 } else { pads.len() }, width) {
            payload.clear();
            payload.resize(len * width, 0);
            for (i, y) in (at..).zip(payload.chunks_exact_mut(width)) {
                let x = &mut out[i * width..][..width];
                expand(pads.zeros[i], x);
                expand(pads.ones[i], &mut pad);
                correlation(i, y);
                for ((y, x), pad) in y.iter_mut().zip(x).zip(&pad) {
                    *x &= mask;
                    *y = x.wrapping_add(*y).wrapping_sub(*pad) & mask;
                }
            }
            bytes.clear();
            pack(ring, &payload, &mut bytes);
            channel.send(&bytes)?;
        }
        channel.flush()?;
        Ok(out)
    }
}

impl RotReceiver {
    /// For OT i with choice b: the peer's vector x + b·c, `width` reduced elements an OT. See
    /// [`RotSender::send_correlated`].
    ///
    /// # Errors
    /// [`OtError::Length`](crate::OtError::Length) unless there are as many choices as OTs; a failure of the
    /// channel.
    pub fn recv_correlated(
        self,
        channel: &mut Channel,
        ring: Ring,
        width: usize,
        choices: &Bits,
    ) -> Result<Vec<u64>> {
        let pads = self.choose(channel, choices)?;
        let mask = ring.mask();
        let mut out = vec![0; pads.len() * width];
        for (at, len) in pieces(if width == 0 { 0 } else { pads.len() }, width) {
            let bytes = channel.recv_vec(packed_len(ring, len * width))?;
            let payload = unpack(ring, &bytes, len * width);
            for (i, y) in (at..).zip(payload.chunks_exact(width)) {
                let choice = u64::from(choices.get(i)).wrapping_neg();
                let z = &mut out[i * width..][..width];
                expand(pads[i], z);
                for (z, y) in z.iter_mut().zip(y) {
                    *z = z.wrapping_add(y & choice) & mask;
                }
            }
        }
        Ok(out)
    }
}
