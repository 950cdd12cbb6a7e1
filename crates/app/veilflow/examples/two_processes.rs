//! A server process and a client process, by TCP: `cargo run --release -p veilflow --example two_processes`.
//!
//! `two_processes serve FOLDER ADDRESS` and `two_processes infer ADDRESS PLAN PICTURE` are the two, for a
//! model of your own.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use veilflow::{Client, Listener, Model, Options, Plan, Server, ServerEvent, Serving, demo, folder};

/// The model's owner serves the compiled model in `folder` to whoever connects.
fn serve(folder: &str, address: &str) -> veilflow::Result<()> {
    let server = Server::new(Model::load(folder)?, &Options::default())?;
    let listener = Listener::bind(address)?;
    println!("{}", listener.address());
    server.serve(&listener, &Serving::default(), |event| match event {
        ServerEvent::Run { run, .. } => eprintln!("a run took {:.2} s online", run.report.online().seconds),
        ServerEvent::Failed { session, error } => eprintln!("session {session} failed: {error}"),
        _ => {}
    })
}

/// The data owner has the public plan and a picture, and learns what it shows.
fn infer(server: &str, plan: &str, picture: &str) -> veilflow::Result<()> {
    let plan = Plan::load(plan)?;
    let sample = plan.read_samples(picture)?.inputs.swap_remove(0);
    let mut client = Client::connect(server, &plan, &Options::default())?;
    client.prepare(1)?; // all that needs no input
    let answer = client.infer(&sample)?;
    println!("class {}, {:.2} s online", answer.outputs[0].top, answer.report.online().seconds);
    client.finish()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", folder, address] => Ok(serve(folder, address)?),
        ["infer", server, plan, picture] => Ok(infer(server, plan, picture)?),
        [] => demonstrate(),
        _ => Err("there is `serve FOLDER ADDRESS`, `infer ADDRESS PLAN PICTURE`, or nothing".into()),
    }
}

/// Compiles the demo's model, and starts this program as its server and as a client.
fn demonstrate() -> Result<(), Box<dyn Error>> {
    let served = tempfile::tempdir()?;
    demo::model()?.save(served.path())?;
    let (plan, picture) = (served.path().join(folder::PLAN), served.path().join("picture.png"));
    std::fs::write(&picture, demo::PICTURES[7])?;

    let this = std::env::current_exe()?;
    let mut server = Command::new(&this);
    let mut server =
        server.arg("serve").arg(served.path()).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn()?;
    let mut address = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let client = Command::new(&this).args(["infer", address.trim()]).args([plan, picture]).output()?;
    server.kill()?;
    server.wait()?;

    let said = String::from_utf8_lossy(&client.stdout);
    print!("the client learned: {said}{}", String::from_utf8_lossy(&client.stderr));
    if said.starts_with("class 7,") { Ok(()) } else { Err("the picture shows a 7".into()) }
}
