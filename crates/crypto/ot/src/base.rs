//! Base OT: endemic OT of Masny and Rindal ("Endemic oblivious transfer", CCS 2019), in its Diffie–Hellman
//! form, on Ristretto255.
//!
//! Notation: G is the base point, i the number of the OT, H_p a hash to the group, H a hash to keys. All OTs
//! of a batch have the sender's one a.
//! - Receiver with choice c: random b, random point r_{1−c}, and r_c = b·G − H_p(i, c, r_{1−c}). Sends r_0,
//!   r_1.
//! - Sender: random a. Sends A = a·G. Its keys are H(i, c, a·(r_c + H_p(i, c, r_{1−c}))) for c = 0, 1.
//! - Receiver's key: H(i, c, b·A).
//!
//! The two messages do not depend on each other: one round. Correctness: r_c + H_p(..) = b·G.
//!
//! Model: semi-honest parties, H_p and H random oracles, the computational Diffie–Hellman assumption. The
//! sender sees r_0 and r_1, each uniform whatever the choice. The receiver sees A; the other key hashes
//! a·(r_{1−c} + H_p(i, 1−c, r_c)), a Diffie–Hellman value of A and a point it cannot choose. Keys are bound
//! to the whole transcript, which holds a fresh nonce of each party: no two sessions or directions have any
//! in common.
//!
//! This module is sans-IO: a state gives its message, and is finished by the peer's.

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE,
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use veilflow_prim::{Block, Prg, derive_bytes};
use veilflow_ring::Bits;
use zeroize::Zeroizing;

use crate::{OtError, Result};

const POINT_LABEL: &str = "veilflow 2026 base OT hash to group";
const KEY_LABEL: &str = "veilflow 2026 base OT key";
const SESSION_LABEL: &str = "veilflow 2026 base OT session";

const NONCE_LEN: usize = 16;
const POINT_LEN: usize = 32;

/// Bytes of the sender's message: its nonce and A.
pub(crate) const SENDER_MESSAGE_LEN: usize = NONCE_LEN + POINT_LEN;

/// Bytes of the receiver's message: its nonce and two points an OT.
pub(crate) const fn receiver_message_len(count: usize) -> usize {
    NONCE_LEN + 2 * POINT_LEN * count
}

/// A hash of both messages: public, equal on both sides, new in each run.
pub(crate) type Session = [u8; 32];

fn random_scalar(prg: &mut Prg) -> Scalar {
    let mut bytes = Zeroizing::new([0; 64]);
    prg.fill(&mut *bytes);
    Scalar::from_bytes_mod_order_wide(&bytes)
}

fn hash_to_point(nonce: &[u8], index: usize, position: u8, point: &[u8]) -> RistrettoPoint {
    let index = (index as u64).to_le_bytes();
    RistrettoPoint::from_uniform_bytes(&derive_bytes(POINT_LABEL, &[nonce, &index, &[position], point]))
}

fn key(session: &Session, index: usize, position: u8, shared: RistrettoPoint) -> Block {
    let index = (index as u64).to_le_bytes();
    let shared = Zeroizing::new(shared.compress().to_bytes());
    Block::from_bytes(derive_bytes(KEY_LABEL, &[session, &index, &[position], &*shared]))
}

fn session(sender_message: &[u8; SENDER_MESSAGE_LEN], receiver_message: &[u8]) -> Session {
    derive_bytes(SESSION_LABEL, &[sender_message, receiver_message])
}

/// The point in `bytes`, number `index` of its message.
fn decode(bytes: &[u8], index: usize) -> Result<RistrettoPoint> {
    CompressedRistretto::from_slice(bytes)
        .ok()
        .and_then(|point| point.decompress())
        .filter(|point| !point.is_identity())
        .ok_or(OtError::InvalidPoint(index))
}

/// The sender before it has the receiver's message.
pub(crate) struct BaseSender {
    secret: Zeroizing<Scalar>,
    message: [u8; SENDER_MESSAGE_LEN],
}

impl BaseSender {
    pub(crate) fn new(prg: &mut Prg) -> Self {
        let secret = Zeroizing::new(random_scalar(prg));
        let mut message = [0; SENDER_MESSAGE_LEN];
        let (nonce, point) = message.split_at_mut(NONCE_LEN);
        prg.fill(nonce);
        point.copy_from_slice((&*secret * RISTRETTO_BASEPOINT_TABLE).compress().as_bytes());
        Self { secret, message }
    }

    pub(crate) fn message(&self) -> &[u8; SENDER_MESSAGE_LEN] {
        &self.message
    }

    /// Both keys of each OT. `theirs` is the receiver's message, of the length its count of OTs demands.
    pub(crate) fn finish(self, theirs: &[u8]) -> Result<(Zeroizing<Vec<[Block; 2]>>, Session)> {
        let session = session(&self.message, theirs);
        let (nonce, points) = theirs.split_at(NONCE_LEN);
        let mut keys = Zeroizing::new(Vec::with_capacity(points.len() / (2 * POINT_LEN)));
        for (i, pair) in points.chunks_exact(2 * POINT_LEN).enumerate() {
            let (r0, r1) = pair.split_at(POINT_LEN);
            let p0 = decode(r0, 2 * i)? + hash_to_point(nonce, i, 0, r1);
            let p1 = decode(r1, 2 * i + 1)? + hash_to_point(nonce, i, 1, r0);
            keys.push([key(&session, i, 0, *self.secret * p0), key(&session, i, 1, *self.secret * p1)]);
        }
        Ok((keys, session))
    }
}

/// The receiver before it has the sender's message.
pub(crate) struct BaseReceiver {
    choices: Bits,
    secrets: Zeroizing<Vec<Scalar>>,
    message: Vec<u8>,
}

impl BaseReceiver {
    pub(crate) fn new(prg: &mut Prg, choices: Bits) -> Self {
        let mut message = vec![0; receiver_message_len(choices.len())];
        let (nonce, points) = message.split_at_mut(NONCE_LEN);
        prg.fill(nonce);
        let mut secrets = Zeroizing::new(Vec::with_capacity(choices.len()));
        for ((i, choice), pair) in choices.iter().enumerate().zip(points.chunks_exact_mut(2 * POINT_LEN)) {
            let secret = random_scalar(prg);
            let mut uniform = [0; 64];
            prg.fill(&mut uniform);
            let other = RistrettoPoint::from_uniform_bytes(&uniform).compress();
            let mask = hash_to_point(nonce, i, choice.into(), other.as_bytes());
            let chosen = (&secret * RISTRETTO_BASEPOINT_TABLE - mask).compress();
            // Both halves are written byte by byte through a mask, so that no address depends on the choice.
            let (r0, r1) = pair.split_at_mut(POINT_LEN);
            let swap = u8::from(choice).wrapping_neg();
            for (((a, b), c), o) in r0.iter_mut().zip(r1).zip(chosen.as_bytes()).zip(other.as_bytes()) {
                let difference = (c ^ o) & swap;
                (*a, *b) = (c ^ difference, o ^ difference);
            }
            secrets.push(secret);
        }
        Self { choices, secrets, message }
    }

    pub(crate) fn message(&self) -> &[u8] {
        &self.message
    }

    /// The chosen key of each OT.
    pub(crate) fn finish(
        self,
        theirs: &[u8; SENDER_MESSAGE_LEN],
    ) -> Result<(Zeroizing<Vec<Block>>, Session)> {
        let session = session(theirs, &self.message);
        let point = decode(&theirs[NONCE_LEN..], 0)?;
        let keys = self.choices.iter().zip(self.secrets.iter()).enumerate();
        let keys =
            keys.map(|(i, (choice, secret))| key(&session, i, choice.into(), secret * point)).collect();
        Ok((Zeroizing::new(keys), session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prgs(seed: u128) -> (Prg, Prg) {
        (Prg::from_seed(Block(seed)), Prg::from_seed(Block(seed + 1)))
    }

    #[test]
    fn the_receiver_gets_the_chosen_key_only() {
        let (mut p, mut q) = prgs(10);
        for count in [0, 1, 9] {
            let choices = q.bits(count);
            let (sender, receiver) = (BaseSender::new(&mut p), BaseReceiver::new(&mut q, choices.clone()));
            let (ours, theirs) = (sender.message, receiver.message.clone());
            let (keys, session) = sender.finish(&theirs).unwrap();
            let (chosen, same) = receiver.finish(&ours).unwrap();
            assert_eq!(session, same);
            assert_eq!((keys.len(), chosen.len()), (count, count));
            for (i, (pair, key)) in keys.iter().zip(chosen.iter()).enumerate() {
                assert!(pair[usize::from(choices.get(i))] == *key, "OT {i}");
                assert!(pair[0] != pair[1], "OT {i}");
            }
        }
    }

    #[test]
    fn sessions_differ_even_with_the_same_choices() {
        let (mut p, mut q) = prgs(20);
        let mut run = || {
            let sender = BaseSender::new(&mut p);
            let receiver = BaseReceiver::new(&mut q, Bits::zeros(3));
            let (keys, session) = sender.finish(receiver.message()).unwrap();
            (keys.concat(), session)
        };
        let ((a, s), (b, t)) = (run(), run());
        assert!(s != t && a.iter().all(|key| !b.contains(key)));
    }

    #[test]
    fn a_changed_nonce_changes_every_key() {
        let (mut p, mut q) = prgs(30);
        let (sender, receiver) = (BaseSender::new(&mut p), BaseReceiver::new(&mut q, Bits::filled(true, 4)));
        let mut tampered = *sender.message();
        tampered[0] ^= 1;
        let (keys, _) = sender.finish(receiver.message()).unwrap();
        let (chosen, _) = receiver.finish(&tampered).unwrap();
        assert!(keys.iter().zip(chosen.iter()).all(|(pair, key)| pair[1] != *key));
    }

    #[test]
    fn invalid_points_are_errors() {
        for bad in [[0xff; POINT_LEN], [0; POINT_LEN]] {
            let (mut p, mut q) = prgs(40);
            let receiver = BaseReceiver::new(&mut q, Bits::zeros(2));
            let mut message = receiver.message.clone();
            message[NONCE_LEN + 3 * POINT_LEN..].copy_from_slice(&bad);
            assert!(matches!(BaseSender::new(&mut p).finish(&message), Err(OtError::InvalidPoint(3))));
            let mut message = *BaseSender::new(&mut p).message();
            message[NONCE_LEN..].copy_from_slice(&bad);
            assert!(matches!(receiver.finish(&message), Err(OtError::InvalidPoint(0))));
        }
    }
}
