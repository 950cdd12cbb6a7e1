//! What fits, what is refused, and what a peer cannot do.

use veilflow_correlation::{CorrelationError, Flow, LinearPair};
use veilflow_he::HeError;
use veilflow_net::{Channel, Role};
use veilflow_spec::{LinearShape, MatMulShape};

use super::{both, conv, prg, request, toy_suite};
use crate::he::{HeClient, HeServer, HeSuite};

/// Layers of networks for ImageNet all fit, at the widths and sizes they have there.
#[test]
fn layers_of_imagenet_networks_fit() {
    for (shape, bits, weight_bits) in [
        (conv(3, 224, 64, 7, 2, 1), 27, 10),
        (conv(512, 7, 512, 3, 1, 1), 27, 12),
        (conv(2048, 7, 512, 1, 1, 1), 32, 10),
        (conv(64, 56, 64, 3, 1, 1), 32, 10),
        (conv(672, 14, 672, 5, 1, 672), 24, 10),
        (LinearShape::MatMul(MatMulShape { rows: 1000, inner: 2048, columns: 1 }), 37, 12),
    ] {
        let request = request(shape, bits, weight_bits);
        assert_eq!(HeSuite::check(std::slice::from_ref(&request)), Ok(()), "{request:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let check = |shape, bits, weight_bits| {
        HeSuite::check(&[request(shape, bits, weight_bits)]).map_err(|(_, reason)| reason)
    };
    let fc = |inner| LinearShape::MatMul(MatMulShape { rows: 1, inner, columns: 1 });
    assert!(matches!(check(fc(9), 41, 8), Err(HeError::Ring { bits: 41, limit: 40 })));
    assert!(matches!(check(fc(9), 8, 49), Err(HeError::Weights { bits: 49, limit: 48 })));
    assert!(matches!(check(fc(1 << 26), 40, 48), Err(HeError::Noise { degree: 8192, .. })));
    let LinearShape::Conv2d(mut wide) = conv(1, 401, 1, 3, 1, 1) else { unreachable!() };
    wide.dilation = [200; 2];
    wide.pads = [0; 4];
    let error = check(LinearShape::Conv2d(wide), 20, 8).unwrap_err();
    assert!(matches!(error, HeError::Window { degree: 8192, .. }), "{error}");
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let suite = toy_suite(0, 0);
    let request = request(conv(2, 3, 2, 1, 1, 1), 20, 4);
    for weights in [vec![0; 3], vec![0, 0, 0, 8], vec![-9, 0, 0, 0]] {
        let (_, outcome) = both(
            |channel| HeClient::setup(channel, prg(1), &suite).map(|_| ()),
            |channel| HeServer::setup(channel, prg(2), &suite)?.server_linear(channel, &request, &weights),
        );
        assert!(matches!(outcome, Err(CorrelationError::Weights { layer: 3, .. })));
    }
}

#[test]
fn malformed_and_missing_messages_are_errors() {
    let suite = toy_suite(0, 0);
    let request = request(conv(2, 3, 2, 1, 1, 1), 20, 4);
    let Flow::From(Role::P1, inputs) = suite.linear_cost(&request).unwrap().flows[0] else {
        panic!("the client starts")
    };
    let serve = |channel: &mut Channel| -> Result<LinearPair, CorrelationError> {
        let server = HeServer::setup(channel, prg(2), &suite)?;
        server.with_threads(2).server_linear(channel, &request, &[1; 4])
    };
    let keys = suite.setup_cost().volume().bytes[1];

    let (_, outcome) = both(|channel| channel.send(&vec![0xff; keys as usize]), serve);
    assert!(matches!(
        outcome,
        Err(CorrelationError::Supplier { supplier: "he", .. } | CorrelationError::Net(_))
    ));
    for (len, byte) in [(inputs, 0xff), (inputs - 1, 0)] {
        let (_, outcome) = both(
            |channel| {
                HeClient::setup(channel, prg(1), &suite).unwrap();
                channel.send(&vec![byte; len as usize]).and_then(|()| channel.flush()).unwrap();
            },
            serve,
        );
        let error = outcome.unwrap_err();
        let expected = matches!(&error, CorrelationError::Supplier { .. }) == (byte == 0xff);
        assert!(expected, "{error}");
    }
    let (outcome, _) = both(
        |channel| HeClient::setup(channel, prg(1), &suite)?.client_linear(channel, &request),
        |channel| HeServer::setup(channel, prg(2), &suite).map(|_| channel.send(&[0; 5])),
    );
    assert!(matches!(outcome, Err(CorrelationError::Net(_))));
}

#[test]
fn nothing_secret_is_printed() {
    let suite = toy_suite(0, 0);
    let (client, server) = both(
        |c| HeClient::setup(c, prg(1), &suite).unwrap(),
        |c| HeServer::setup(c, prg(2), &suite).unwrap(),
    );
    let suite = format!("{suite:?}");
    assert_eq!(format!("{client:?}"), format!("HeClient({suite})"));
    assert_eq!(format!("{server:?}"), format!("HeServer({suite})"));
    assert!(suite.contains("Parameters(degree 64, 104 bits)"), "{suite}");
}
