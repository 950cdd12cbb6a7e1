//! The `veilflow` command.

mod bench;
mod command;
mod dearest;
mod flags;
mod import;
mod measured;
mod options;
mod output;
mod overflow;
mod pair;
mod process;
mod reference;
mod report;
mod samples;
mod shares;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Neural-network inference on data nobody else sees.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(command::demo::Demo),
    Compile(command::compile::Compile),
    Inspect(command::inspect::Inspect),
    Serve(command::serve::Serve),
    Infer(command::infer::Infer),
    Helper(command::helper::Helper),
    /// Split weights or inputs between two servers, and put outputs together.
    #[command(subcommand)]
    Share(command::share::Share),
    Eval(command::eval::Eval),
    Run(command::run::Run),
    /// Measure what an operation or a model costs.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(demo) => demo.run(),
        Command::Compile(compile) => compile.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Serve(serve) => serve.run(),
        Command::Infer(infer) => infer.run(),
        Command::Helper(helper) => helper.run(),
        Command::Share(share) => share.run(),
        Command::Eval(eval) => eval.run(),
        Command::Run(run) => run.run(),
        Command::Bench(bench) => bench.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: what failed, then why.
            eprintln!("error: {}", output::printable(&format!("{error:#}")));
            exit_code(&error)
        }
    }
}

/// The exit code if an input is out of range: nothing was sent.
const OUT_OF_RANGE: u8 = 3;

/// What a program that runs this one is told by number; docs/exactness.md has the list.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<overflow::Overflowed>() {
        return ExitCode::from(overflow::Overflowed::EXIT_CODE);
    }
    match error.downcast_ref() {
        Some(veilflow::Error::OutOfRange { .. }) => ExitCode::from(OUT_OF_RANGE),
        _ => ExitCode::FAILURE,
    }
}
