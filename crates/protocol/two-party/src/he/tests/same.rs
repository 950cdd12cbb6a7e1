//! What may not change results or bytes: threads, and weights kept from run to run.

use std::sync::Arc;

use veilflow_correlation::{LinearPair, LinearRequest};

use super::{both, conv, prg, request, toy_suite};
use crate::he::{HeClient, HeServer, WeightCache};

/// Masks, shares and products come out of all that is sent.
#[test]
fn threads_change_nothing() {
    let shapes = [conv(3, 17, 5, 3, 1, 1), conv(6, 5, 40, 1, 1, 2), conv(40, 9, 9, 3, 2, 1)];
    for (shape, (set, levels)) in shapes.into_iter().zip([(0, 0), (1, 0), (1, 4)]) {
        let (suite, request) = (toy_suite(set, levels), request(shape, 20, 8));
        let weights: Vec<i64> = (0..request.shape.weight_len() as i64).map(|i| i * 7 % 256 - 128).collect();
        let pair = |threads: usize| {
            let (client, server) = both(
                |channel| {
                    let client = HeClient::setup(channel, prg(1), &suite).unwrap();
                    client.with_threads(threads).client_linear(channel, &request).unwrap()
                },
                |channel| {
                    let server = HeServer::setup(channel, prg(2), &suite).unwrap();
                    server.with_threads(threads).server_linear(channel, &request, &weights).unwrap()
                },
            );
            let (LinearPair::Other { mask, product }, LinearPair::Holder { s }) = (client, server) else {
                panic!("halves of the wrong kind")
            };
            [mask, product, s]
        };
        let one = pair(1);
        for threads in [2, 3, 7] {
            assert!(pair(threads) == one, "{request:?} in {threads} threads");
        }
    }
}

/// With room for all layers, for one, and for none; packed and not; by points and by monomials.
#[test]
fn kept_weights_change_nothing() {
    let shapes = [conv(6, 5, 9, 3, 1, 3), conv(40, 9, 9, 3, 1, 1), conv(2, 3, 2, 1, 1, 1)];
    for (set, levels) in [(0, 0), (1, 4)] {
        let suite = toy_suite(set, levels);
        let requests = shapes.clone().map(|shape| request(shape, 20, 8));
        let weights = requests.each_ref().map(|request| -> Vec<i64> {
            (0..request.shape.weight_len() as i64).map(|i| i * 7 % 256 - 128).collect()
        });
        let run = |cache: &Arc<WeightCache>| {
            let (_, shares) = both(
                |channel| {
                    let mut client = HeClient::setup(channel, prg(1), &suite).unwrap();
                    requests.iter().for_each(|r| drop(client.client_linear(channel, r).unwrap()));
                },
                |channel| {
                    let server = HeServer::setup(channel, prg(2), &suite).unwrap();
                    let mut server = server.with_threads(2).with_cache(Arc::clone(cache));
                    [0, 1, 2].map(|i| {
                        let request = LinearRequest { layer: i, ..requests[i].clone() };
                        match server.server_linear(channel, &request, &weights[i]).unwrap() {
                            LinearPair::Holder { s } => s,
                            LinearPair::Other { .. } => panic!("a half of the wrong kind"),
                        }
                    })
                },
            );
            shares
        };
        let none = Arc::new(WeightCache::new(0));
        let want = run(&none);
        let all = Arc::new(WeightCache::new(1 << 30));
        run(&all);
        let (limit, used) = (all.used() / 2, all.used());
        let some = Arc::new(WeightCache::new(limit));
        for (cache, least, most) in [(none, 0, 0), (some, 1, limit), (all, used, used)] {
            for _ in 0..2 {
                assert!(run(&cache) == want, "{cache:?}");
                assert!((least..=most).contains(&cache.used()), "{cache:?}");
            }
        }
    }
}
