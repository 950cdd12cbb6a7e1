//! A client that prepares while it has no input, and then has answers in online time alone:
//! `cargo run --release -p veilflow --example prepare_then_infer`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use veilflow::{Client, Connection, Options, Result, Server, demo};

fn main() -> Result<()> {
    let model = demo::model()?;
    let plan = model.plan().clone();
    let server = Server::new(model, &Options::default())?;
    let (servers_end, clients_end) = Connection::pair();
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| server.serve_one(servers_end, |_| {}));
        let mut client = Client::open(clients_end, &plan, &Options::default())?;

        let began = Instant::now();
        client.prepare(3)?;
        println!(
            "{} runs prepared in {:.3} s, before there was an input",
            client.prepared(),
            began.elapsed().as_secs_f64()
        );

        for digit in [2, 7, 1] {
            let began = Instant::now();
            let answer = client.infer(&demo::digit(digit)?)?;
            println!("it is a {}: {:.3} s", answer.outputs[0].top, began.elapsed().as_secs_f64());
            assert_eq!(answer.outputs[0].top, digit);
        }
        assert_eq!(client.prepared(), 0, "each run uses up what was prepared for it");

        // While one run is online, the next is prepared.
        client.prepare_in_background(2)?;
        for digit in [8, 4] {
            assert_eq!(client.infer(&demo::digit(digit)?)?.outputs[0].top, digit);
        }
        client.finish()?;
        serving.join().expect("the server does not panic")
    })
}
