//! Two parties in a thread each.

use std::thread;

use veilflow_net::{Channel, memory_pair};
use veilflow_ot::{ExtensionPlan, RandomOtReceiver, RandomOtSender, Result};
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
/// As [`run`], with the extension of `plan` set up first, from PRGs seeded by `seed`.
pub(crate) fn run_extended<A: Send, B: Send>(
    seed: u128,
    plan: &ExtensionPlan,
    sender: impl FnOnce(&mut dyn RandomOtSender, &mut Channel) -> Result<A> + Send,
    receiver: impl FnOnce(&mut dyn RandomOtReceiver, &mut Channel) -> Result<B> + Send,
) -> (A, B) {
    let (a, b) = run(
        |channel| sender(&mut *plan.sender(channel, &mut Prg::from_seed(Block(seed)))?, channel),
        |channel| receiver(&mut *plan.receiver(channel, &mut Prg::from_seed(Block(!seed)))?, channel),
    );
    (a.expect("sender"), b.expect("receiver"))
}
