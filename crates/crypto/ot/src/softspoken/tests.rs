//! What silent OT takes from the extension: OTs that are not hashed.

use std::thread;

use veilflow_net::memory_pair;
use veilflow_prim::{Block, Prg};

use super::*;

#[test]
fn raw_ots_differ_by_delta() {
    for k in [1, 2, 4, 8] {
        let (mut a, mut b) = memory_pair();
        let (sent, received) = thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut ot = SoftSpokenSender::setup(&mut a, &mut Prg::from_seed(Block(200)), k)?;
                Ok::<_, crate::OtError>([ot.correlated(&mut a, 9000)?, ot.correlated(&mut a, 13)?])
            });
            let mut ot = SoftSpokenReceiver::setup(&mut b, &mut Prg::from_seed(Block(k as u128)), k).unwrap();
            let received = [9000, 13].map(|count| ot.correlated(&mut b, count).unwrap());
            (sender.join().unwrap().unwrap(), received)
        });
        assert!(sent[0].delta == sent[1].delta && sent[0].delta != Block::ZERO);
        for (sent, received) in sent.iter().zip(&received) {
            assert_eq!(sent.blocks.len(), received.blocks.len());
            for (i, choice) in received.choices.iter().enumerate() {
                assert!(received.blocks[i] == sent.blocks[i] ^ sent.delta.and_bit(choice), "k {k}, OT {i}");
            }
        }
    }
}
