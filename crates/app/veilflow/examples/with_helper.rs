//! A server, a client, and a helper that makes the correlations: `cargo run --release -p veilflow --example
//! with_helper`.
//!
//! Each has a thread here, and talks by TCP as it would from a machine of its own.
#![allow(clippy::print_stdout)]

use std::net::SocketAddr;

use veilflow::{
    Answer, Client, Helper, HelperEvent, HelperOptions, Listener, Model, Options, Plan, Result, Server,
    Serving, demo,
};

/// The third party sees neither weights nor inputs; it must collude with nobody.
fn help(listener: &Listener) -> Result<()> {
    let helper = Helper::new(&HelperOptions::default());
    helper.serve(listener, Some(1), |event| match event {
        HelperEvent::Session { report, .. } => println!("the helper answered {} requests", report.requests),
        event => eprintln!("{event:?}"),
    })
}

fn serve(listener: &Listener, model: Model, helper: SocketAddr) -> Result<()> {
    let server = Server::new(model, &Options::with_helper(helper))?;
    server.serve(listener, &Serving { sessions: Some(1), ..Serving::default() }, |_| {})
}

fn infer(server: SocketAddr, plan: &Plan, picture: &[f32], helper: SocketAddr) -> Result<Answer> {
    let mut client = Client::connect(server, plan, &Options::with_helper(helper))?;
    let answer = client.infer(picture)?;
    client.finish()?;
    Ok(answer)
}

fn main() -> Result<()> {
    let model = demo::model()?;
    let (plan, picture) = (model.plan().clone(), demo::digit(3)?);
    let wanted = model.run(&picture)?.outputs;
    let [helping, serving] = [Listener::bind("127.0.0.1:0")?, Listener::bind("127.0.0.1:0")?];
    let answer = std::thread::scope(|scope| {
        let helper = scope.spawn(|| help(&helping));
        let server = scope.spawn(|| serve(&serving, model, helping.address()));
        let answer = infer(serving.address(), &plan, &picture, helping.address())?;
        server.join().expect("the server does not panic")?;
        helper.join().expect("the helper does not panic")?;
        Result::Ok(answer)
    })?;
    println!("the client learned: it is a {}", answer.outputs[0].top);
    println!(
        "{:.3} s offline, {:.3} s online",
        answer.report.offline().seconds,
        answer.report.online().seconds
    );
    assert_eq!(answer.outputs, wanted, "equal to the run in the clear, bit for bit");
    Ok(())
}
