//! 1-of-2 OT of chosen messages with chosen choices, from random OTs: the receiver corrects its choices, the
//! sender masks both messages. Two messages; what each side sees is masked by messages of the random OT.

use veilflow_net::Channel;
use veilflow_prim::Block;
use veilflow_ring::Bits;

use crate::{
    Result, RotReceiver, RotSender,
    batch::{check_len, low_bits},
};

impl RotSender {
    /// Sends bit i of `zeros` or of `ones`, as the peer chooses in [`RotReceiver::recv_bits`]. Traffic:
    /// [`chosen_bits_bytes`](crate::chosen_bits_bytes).
    ///
    /// # Errors
    /// [`OtError::Length`](crate::OtError::Length) unless there are as many bits as OTs; a failure of the
    /// channel.
    pub fn send_bits(self, channel: &mut Channel, zeros: &Bits, ones: &Bits) -> Result<()> {
        check_len(self.len(), zeros.len())?;
        check_len(self.len(), ones.len())?;
        let pads = self.choose(channel)?;
        channel.send(&low_bits(&pads.zeros).xor(zeros).to_bytes())?;
        channel.send(&low_bits(&pads.ones).xor(ones).to_bytes())?;
        Ok(channel.flush()?)
    }

    /// Sends block i of `zeros` or of `ones`, as the peer chooses in [`RotReceiver::recv_blocks`]. Traffic:
    /// [`chosen_blocks_bytes`](crate::chosen_blocks_bytes).
    ///
    /// # Errors
    /// As for [`send_bits`](Self::send_bits).
    pub fn send_blocks(self, channel: &mut Channel, zeros: &[Block], ones: &[Block]) -> Result<()> {
        check_len(self.len(), zeros.len())?;
        check_len(self.len(), ones.len())?;
        let pads = self.choose(channel)?;
        for ((&pad0, &pad1), (&zero, &one)) in pads.zeros.iter().zip(&pads.ones).zip(zeros.iter().zip(ones)) {
            channel.send(&(pad0 ^ zero).to_bytes())?;
            channel.send(&(pad1 ^ one).to_bytes())?;
        }
        Ok(channel.flush()?)
    }
}

impl RotReceiver {
    /// The bit of each choice, out of the peer's [`RotSender::send_bits`].
    ///
    /// # Errors
    /// [`OtError::Length`](crate::OtError::Length) unless there are as many choices as OTs; a failure of the
    /// channel.
    pub fn recv_bits(self, channel: &mut Channel, choices: &Bits) -> Result<Bits> {
        let count = self.len();
        let mut out = low_bits(&self.choose(channel, choices)?);
        let mut half =
            || Ok::<_, crate::OtError>(Bits::from_bytes(&channel.recv_vec(count.div_ceil(8))?, count));
        let (zeros, ones) = (half()?, half()?);
        out.xor_assign(&zeros.xor(&zeros.xor(&ones).and(choices)));
        Ok(out)
    }

    /// The block of each choice, out of the peer's [`RotSender::send_blocks`].
    ///
    /// # Errors
    /// As for [`recv_bits`](Self::recv_bits).
    pub fn recv_blocks(self, channel: &mut Channel, choices: &Bits) -> Result<Vec<Block>> {
        let mut out = self.choose(channel, choices)?;
        for (block, choice) in out.iter_mut().zip(choices.iter()) {
            let mut halves = [[0; 16]; 2];
            channel.recv(halves.as_flattened_mut())?;
            let [zero, one] = halves.map(Block::from_bytes);
            *block ^= Block::select(zero, one, choice);
        }
        Ok(out)
    }
}
