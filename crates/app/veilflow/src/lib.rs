//! Private neural-network inference. A server has a model, a client has an input, and the client learns the
//! answer: the server never sees the input, the client never sees the weights, and the answer equals the
//! fixed-point answer in the clear **bit for bit**.
//!
//! # In one process
//! ```
//! use veilflow::{Client, Connection, Options, Server, demo};
//!
//! let model = demo::model()?;                       // the server's
//! let plan = model.plan().clone();                  // public: all that a client needs
//! let server = Server::new(model, &Options::default())?;
//! let (servers_end, clients_end) = Connection::pair();
//! std::thread::scope(|scope| {
//!     scope.spawn(|| server.serve_one(servers_end, |_| {}));
//!     let mut client = Client::open(clients_end, &plan, &Options::default())?;
//!     client.prepare(1)?;                           // all that needs no input
//!     let answer = client.infer(&demo::digit(7)?)?; // online time alone
//!     assert_eq!(answer.outputs[0].top, 7);
//!     client.finish()
//! })?;
//! # veilflow::Result::Ok(())
//! ```
//!
//! # Who does what
//! - The **model owner** imports a [`Network`] from ONNX and [`compile`]s it with some samples like those to
//!   come. That gives a [`Model`]: a public [`Plan`] and integer weights. [`Model::save`] writes both to a
//!   [`folder`], and [`Model::run`] tells in the clear what private runs will answer. A [`Server`] serves it.
//! - The **data owner** has the plan, and turns a file into samples by [`Plan::read_samples`], a picture by
//!   [`Plan::picture`]. A *sample* is a flat vector: the elements of the network's inputs, one input after
//!   another, each in row-major order. A [`Client`] connects, prepares and infers.
//! - A **helper** may make the correlations that runs use up. It sees neither weights nor inputs, and must
//!   collude with nobody: see [`Helper`]. Without one, server and client make them between themselves, which
//!   takes several times as long.
//!
//! Both parties choose the same [`Options`]; the handshake names what differs. What a run took is in its
//! [`Report`], and what it will take, [`Plan::inspect`] tells beforehand.
//!
//! # By TCP
//! The model owner's program:
//! ```no_run
//! use veilflow::{Listener, Model, Options, Server, ServerEvent, Serving};
//!
//! let server = Server::new(Model::load("served/")?, &Options::default())?;
//! let listener = Listener::bind("0.0.0.0:7451")?;
//! server.serve(&listener, &Serving::default(), |event| match event {
//!     ServerEvent::Run { run, .. } => eprintln!("a run took {:.2} s online", run.report.online().seconds),
//!     ServerEvent::Failed { session, error } => eprintln!("session {session} failed: {error}"),
//!     _ => {}
//! })?;
//! # veilflow::Result::Ok(())
//! ```
//! The data owner's:
//! ```no_run
//! use veilflow::{Client, Options, Plan};
//!
//! let plan = Plan::load("plan.vfp")?;
//! let sample = plan.read_samples("picture.png")?.inputs.swap_remove(0);
//! let mut client = Client::connect("server.example:7451", &plan, &Options::default())?;
//! let answer = client.infer(&sample)?;
//! println!("class {}", answer.outputs[0].top);
//! client.finish()?;
//! # veilflow::Result::Ok(())
//! ```
//! Connections are not encrypted: masks hide inputs and weights from the peer, but whoever changes what
//! parties send can spoil a run. Put them inside TLS or a VPN.
//!
//! # Secret-shared weights and inputs
//! Neither weights nor input need belong to a party of the run. [`Model::split`] and [`Plan::split`] cut them
//! into halves, each uniform on its own, for two servers; [`Plan::open`] puts their halves of the output
//! together.
//!
//! # What is promised
//! Both parties, and the helper, are taken to follow the protocol and to be curious (*semi-honest*). The
//! server learns nothing but the plan; the client learns the plan and the outputs. SECURITY.md of the
//! repository says it in full.
//!
//! # Threads and waiting
//! Everything blocks, and every wait has a deadline, [`Options::timeout`]. A [`Client`] has a thread that
//! prepares; a [`Server`] takes any number of sessions at once.

mod bounded_report;
mod client;
mod compile;
mod compile_report;
mod connection;
mod conversation;
pub mod demo;
mod error;
pub mod folder;
mod format;
mod helper;
mod holding;
mod inspect;
mod model;
mod model_share;
mod network;
mod options;
mod out_of_range;
mod output;
mod plan;
mod progress;
mod report;
mod run_count;
mod runs;
mod server;
mod serving;
mod share;
mod share_file;
mod share_id;
mod share_store;
mod supplier;
mod tensor;

pub use bounded_report::{BoundedReport, Comparison, LayerNorm};
pub use client::Client;
pub use compile::{CompileOptions, Precision, compile};
pub use compile_report::{CompileReport, TensorReport};
pub use connection::{Connection, Listener};
pub use error::{Cause, Error, Result};
pub use helper::{Helper, HelperAddress, HelperEvent, HelperOptions, HelperReport};
pub use holding::{ClientSide, ServerSide};
pub use inspect::{CheckCost, Hiding, Inspection, Machine, NodeCost, Seconds, Volume};
pub use model::{ClearRun, Model, Overflow};
pub use model_share::ModelShare;
pub use network::Network;
pub use options::Options;
pub use out_of_range::OutOfRange;
pub use output::Output;
pub use plan::Plan;
pub use progress::Progress;
pub use report::{Answer, Layer, Report, Served, SharedAnswer};
pub use server::{Server, ServerSession};
pub use serving::{ServerEvent, Serving};
pub use share::{InputShare, Opened, OutputShare, SplitInput};
pub use share_id::ShareId;
pub use share_store::{ShareFolders, ShareMemory, ShareStore};
pub use supplier::Supplier;
pub use tensor::TensorInfo;
// Documented here, as if they were this crate's own.
#[doc(inline)]
pub use veilflow_data::{Error as DataError, Preprocessing, Samples};
#[doc(inline)]
pub use veilflow_exec::Phase;
#[doc(inline)]
pub use veilflow_ir::plan::{Ranges, Settings as PlanSettings};
#[doc(inline)]
pub use veilflow_lowering::ImportOptions;
#[doc(inline)]
pub use veilflow_net::{LinkShape, NetError, Role};
#[doc(inline)]
pub use veilflow_passes::{Check, Revealing};

// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
