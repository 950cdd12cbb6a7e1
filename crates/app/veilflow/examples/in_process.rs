//! Server and client in one process: `cargo run --release -p veilflow --example in_process`.
#![allow(clippy::print_stdout)]

use veilflow::{Client, Connection, Options, Result, Server, demo};

fn main() -> Result<()> {
    let model = demo::model()?;
    // All that a client needs of a model; it is public.
    let plan = model.plan().clone();
    let picture = demo::digit(7)?;

    let server = Server::new(model.clone(), &Options::default())?;
    let (servers_end, clients_end) = Connection::pair();
    let answer = std::thread::scope(|scope| {
        let serving = scope.spawn(|| server.serve_one(servers_end, |_| {}));
        let mut client = Client::open(clients_end, &plan, &Options::default())?;
        let answer = client.infer(&picture)?;
        client.finish()?;
        serving.join().expect("the server does not panic")?;
        Result::Ok(answer)
    })?;

    println!("the client learned: it is a {}", answer.outputs[0].top);
    println!(
        "{:.3} s offline, {:.3} s online",
        answer.report.offline().seconds,
        answer.report.online().seconds
    );
    assert_eq!(answer.outputs, model.run(&picture)?.outputs, "equal to the run in the clear, bit for bit");
    Ok(())
}
