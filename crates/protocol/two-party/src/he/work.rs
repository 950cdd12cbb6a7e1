//! What a layer computes, counted for predictions of time. It is public, like the cut.

use veilflow_he::Form;

use super::cut::Cut;

/// What a pair takes of both parties' processors. A word is a coefficient modulo one prime. Of ciphertexts
/// one component is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeWork {
    /// Words of the inputs: encrypted by the client, read by the server.
    pub input_words: u64,
    /// Words of weight polynomials taken to points by the server.
    pub weight_words: u64,
    /// Words multiplied in points by the server.
    pub product_words: u64,
    /// Words multiplied with a monomial by the server.
    pub monomial_words: u64,
    /// Words of products of which several go into one reply: taken from points if they are there, and
    /// key-switched.
    pub packed_words: u64,
    /// Words of the replies: made by the server, decrypted by the client.
    pub reply_words: u64,
    /// Weights that the server places in polynomials.
    pub weights: u64,
    /// Elements that both parties place in inputs and find in replies.
    pub elements: u64,
}

impl Cut {
    /// What the layer computes.
    pub(super) fn work(&self) -> HeWork {
        let size = (self.parameters.degree() * self.parameters.primes()) as u64;
        let tiles = self.tiles().len() as u64;
        let products = self.reply_ranges().map(|reply| self.product_ranges(&reply).count() as u64);
        let packed: u64 = products.filter(|&together| together > 1).sum();
        let elements = (self.geometry.planes() + self.geometry.outputs) as u64
            * (self.geometry.output[0] * self.geometry.output[1]) as u64;
        let mut work = HeWork {
            input_words: size * tiles * self.plane_ranges().count() as u64,
            packed_words: size * tiles * packed,
            reply_words: size * tiles * self.reply_ranges().count() as u64,
            elements,
            ..HeWork::default()
        };
        let weights = (self.geometry.fan_in() * self.geometry.outputs) as u64;
        match self.form {
            Form::Points => {
                let pairs: usize = self
                    .reply_ranges()
                    .flat_map(|reply| self.product_ranges(&reply))
                    .map(|outputs| self.plane_ranges().filter(|p| self.geometry.meet(p, &outputs)).count())
                    .sum();
                work.weight_words = size * pairs as u64;
                work.product_words = size * tiles * pairs as u64;
                work.weights = weights;
            }
            Form::Coefficients => {
                work.monomial_words = size * tiles * weights;
                work.weights = tiles * weights;
            }
        }
        work
    }
}
