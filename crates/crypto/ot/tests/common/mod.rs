//! Two parties in a thread each.

use std::thread;

use veilflow_net::{Channel, memory_pair};
use veilflow_ot::{OtError, SoftSpokenReceiver, SoftSpokenSender};
use veilflow_prim::{Block, Prg};

/// Runs both parties over a memory channel, each hanging up when it is done; returns what they return.
pub(crate) fn run<A: Send, B: Send>(
    sender: impl FnOnce(&mut Channel) -> A + Send,
    receiver: impl FnOnce(&mut Channel) -> B + Send,
) -> (A, B) {
    let (mut a, mut b) = memory_pair();
    thread::scope(move |scope| {
        let handle = scope.spawn(move || sender(&mut a));
        let theirs = receiver(&mut b);
        drop(b);
        (handle.join().expect("the sender panicked"), theirs)
    })
}

#[allow(dead_code, reason = "not every test file extends")]
/// As [`run`], with an extension of parameter `k` set up first, from PRGs seeded by `seed`.
pub(crate) fn run_extended<A: Send, B: Send>(
    seed: u128,
    k: usize,
    sender: impl FnOnce(&mut SoftSpokenSender, &mut Channel) -> Result<A, OtError> + Send,
    receiver: impl FnOnce(&mut SoftSpokenReceiver, &mut Channel) -> Result<B, OtError> + Send,
) -> (A, B) {
    let (a, b) = run(
        |channel| {
            let mut prg = Prg::from_seed(Block(seed));
            sender(&mut SoftSpokenSender::setup(channel, &mut prg, k)?, channel)
        },
        |channel| {
            let mut prg = Prg::from_seed(Block(!seed));
            receiver(&mut SoftSpokenReceiver::setup(channel, &mut prg, k)?, channel)
        },
    );
    (a.expect("sender"), b.expect("receiver"))
}
