//! Two servers run a model that neither knows, on an input that neither sees: `cargo run --release -p
//! veilflow --example shared_weights`.
//!
//! A model owner splits the weights, a data owner the input. Each server ends with half of the output, which
//! the data owner puts together. A helper makes the correlations.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use veilflow::{
    Client, Connection, Helper, HelperOptions, Options, OutOfRange, Result, Server, ShareMemory, SplitInput,
    demo,
};

fn main() -> Result<()> {
    // The model's owner.
    let model = demo::model()?;
    let [first_half, second_half] = model.split()?;

    // The data owner needs the public plan.
    let (plan, picture) = (model.plan(), demo::digit(5)?);
    let SplitInput { shares: [first_share, second_share], .. } = plan.split(&picture, OutOfRange::Refuse)?;
    let input = first_share.id();

    // The two servers: one serves, the other connects.
    let helper = Helper::new(&HelperOptions::default());
    let options = Options { shared_inputs: true, ..Options::with_helper(&helper) };
    let store = Arc::new(ShareMemory::default());
    store.put(first_share);
    let server = Server::new(first_half, &options)?.with_shares(store.clone());
    let (servers_end, clients_end) = Connection::pair();
    let theirs = std::thread::scope(|scope| {
        let serving = scope.spawn(|| server.serve_one(servers_end, |_| {}));
        let mut client = Client::open(clients_end, second_half, &options)?;
        let answer = client.infer_shared(second_share)?;
        client.finish()?;
        serving.join().expect("the server does not panic")?;
        Result::Ok(answer.output)
    })?;
    let ours = store.take(input).expect("the server keeps its half of the output");

    // The data owner again.
    let outputs = plan.open(&ours, &theirs)?.outputs;
    println!("the data owner learned: it is a {}", outputs[0].top);
    assert_eq!(outputs, model.run(&picture)?.outputs, "equal to the run in the clear, bit for bit");
    Ok(())
}
