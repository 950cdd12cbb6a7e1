//! Processes of the `veilflow` command, compiled models, and what a run must equal.
// Each test file uses a part.
#![allow(dead_code)]

pub(crate) mod bench;
pub(crate) mod onnx;
pub(crate) mod proxy;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array3};
use ndarray_npy::NpzReader;
use serde_json::Value;
use tempfile::TempDir;
use veilflow_ir::{Plan, Tensor, Weights};

/// What no process here may take; reaching it is a hang.
const BOUND: Duration = Duration::from_secs(60);

/// How the demo model's pictures become inputs.
pub(crate) const PREPROCESSING: &str = "channels=gray std=255";

/// A file of the repository's demo model.
pub(crate) fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../models/mnist").join(name)
}

/// Arguments of a command, paths and words alike.
pub(crate) fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().expect("paths of tests are UTF-8").to_owned()
}

/// A running `veilflow`, killed when dropped.
pub(crate) struct Process {
    arguments: Vec<String>,
    child: Child,
    started: Instant,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// A `veilflow` that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) arguments: Vec<String>,
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    /// Lines of standard output that nobody has read before.
    pub(crate) lines: Vec<String>,
    pub(crate) errors: String,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_veilflow"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        let mut errors = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = errors.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let arguments = arguments.iter().map(|&a| a.to_owned()).collect();
        Self { arguments, child, started: Instant::now(), lines, errors: Some(errors) }
    }

    /// The next line of standard output, as JSON.
    pub(crate) fn json(&mut self) -> Value {
        match self.lines.recv_timeout(BOUND) {
            Ok(line) => json(&line),
            Err(RecvTimeoutError::Disconnected) => {
                let errors = self.take_errors();
                panic!("{:?} ended early: {errors}", self.arguments)
            }
            Err(RecvTimeoutError::Timeout) => panic!("{:?} says nothing", self.arguments),
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Finished {
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if self.started.elapsed() < BOUND => std::thread::sleep(Duration::from_millis(2)),
                None => {
                    self.kill();
                    let errors = self.take_errors();
                    panic!("{:?} hangs: {errors}", self.arguments);
                }
            }
        };
        let took = self.started.elapsed();
        let errors = self.take_errors();
        let lines = self.lines.iter().collect();
        Finished { arguments: std::mem::take(&mut self.arguments), status, took, lines, errors }
    }

    fn take_errors(&mut self) -> String {
        self.errors.take().map_or_else(String::new, |thread| thread.join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// What it printed; it must have succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Vec<String> {
        assert!(self.status.success(), "{:?} failed: {}", self.arguments, self.errors);
        self.lines
    }

    /// It must have succeeded and printed one JSON object, on one line.
    #[track_caller]
    pub(crate) fn object(self) -> Value {
        let lines = self.succeeded();
        let [line] = lines.as_slice() else { panic!("one line was expected: {lines:?}") };
        json(line)
    }

    /// It must have failed with an error that says all of `wanted`, and without a panic.
    #[track_caller]
    pub(crate) fn failed(&self, wanted: &[&str]) {
        self.ended_with(1, wanted);
    }

    /// Likewise, with this exit code.
    #[track_caller]
    pub(crate) fn ended_with(&self, code: i32, wanted: &[&str]) {
        let Self { arguments, status, errors, .. } = self;
        assert_eq!(status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains("error: "), "{arguments:?} names no error: {errors}");
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
        for wanted in wanted {
            assert!(errors.contains(wanted), "{arguments:?} lacks {wanted:?}: {errors}");
        }
    }

    /// The arguments must have been refused, in words that contain all of `wanted`.
    #[track_caller]
    pub(crate) fn misused(&self, wanted: &[&str]) {
        let Self { arguments, status, errors, .. } = self;
        assert_eq!(status.code(), Some(2), "{arguments:?}: {errors}");
        for wanted in wanted {
            assert!(errors.contains(wanted), "{arguments:?} lacks {wanted:?}: {errors}");
        }
    }

    /// It must have ended soon after a deadline of `timeout` seconds. The rest is for slow machines: what is
    /// told apart is a deadline of seconds and none.
    #[track_caller]
    pub(crate) fn within(&self, timeout: f64) {
        let took = self.took.as_secs_f64();
        assert!(took < timeout + 10.0, "{:?} took {took:.1} s", self.arguments);
    }
}

/// A line as a JSON object.
#[track_caller]
pub(crate) fn json(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
    assert!(value.is_object(), "{line:?}");
    value
}

/// Runs a command to its end.
pub(crate) fn veilflow(arguments: &[&str]) -> Finished {
    Process::start(arguments).finish()
}

/// The process that holds a model's weights.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Server {
    /// Serves the folder `dir` at a free port.
    pub(crate) fn start(dir: &Path, options: &[&str]) -> Self {
        let dir = text(dir);
        let mut arguments = vec!["serve", &dir, "--listen=127.0.0.1:0", "--json"];
        arguments.extend(options);
        let mut process = Process::start(&arguments);
        let address = process.json()["listening"].as_str().unwrap().to_owned();
        Self { process, address }
    }

    pub(crate) fn finish(self) -> Finished {
        self.process.finish()
    }
}

/// The process that supplies correlations.
pub(crate) struct Helping {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Helping {
    /// Helps at a free port.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut process =
            Process::start(&[&["helper", "--listen=127.0.0.1:0", "--json"][..], options].concat());
        let address = process.json()["listening"].as_str().unwrap().to_owned();
        Self { process, address }
    }
}

/// Starts a client.
pub(crate) fn client(address: &str, plan: &Path, input: &Path, options: &[&str]) -> Process {
    let (plan, input) = (text(plan), text(input));
    let mut arguments = vec!["infer", "--connect", address, "--plan", &plan, "--input", &input, "--json"];
    arguments.extend(options);
    Process::start(&arguments)
}

/// A compiled model in a folder of its own.
pub(crate) struct Model {
    dir: TempDir,
}

impl Model {
    /// The repository's digit classifier.
    pub(crate) fn demo(options: &[&str]) -> Self {
        let mut all = vec!["--preprocess", PREPROCESSING];
        all.extend(options);
        Self::compile(&bundled("mnist-demo.onnx"), &bundled("calibration.npz"), &all)
    }

    pub(crate) fn compile(onnx: &Path, calibration: &Path, options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (onnx, calibration, output) = (text(onnx), text(calibration), text(dir.path()));
        let mut arguments = vec!["compile", &onnx, "--calibrate", &calibration, "-o", &output, "--json"];
        arguments.extend(options);
        veilflow(&arguments).object();
        Self { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The public file, all that a client has.
    pub(crate) fn plan(&self) -> PathBuf {
        self.dir().join("plan.vfp")
    }

    pub(crate) fn weights(&self) -> PathBuf {
        self.dir().join("weights.vfw")
    }

    /// The name that errors give the plan.
    pub(crate) fn short_hash(&self) -> String {
        Plan::load(self.plan()).unwrap().hash()[..8].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The fixed-point run in the clear, which every secure run must equal bit for bit.
    pub(crate) fn clear(&self, sample: &[f32]) -> Vec<i64> {
        let plan = Plan::load(self.plan()).unwrap();
        let weights = Weights::load(&plan, self.weights()).unwrap();
        let shape = plan.values[plan.inputs[0].value].shape.clone();
        let input = Tensor::new(shape, sample.to_vec()).unwrap();
        veilflow_passes::clear::run(&plan, &weights, &[input]).unwrap().outputs[0].to_signed()
    }
}

/// The held-back digits of the demo model, as bytes, and their classes.
pub(crate) fn digits() -> (Array3<u8>, Array1<u8>) {
    let mut npz = NpzReader::new(std::fs::File::open(bundled("digits.npz")).unwrap()).unwrap();
    (npz.by_name("x.npy").unwrap(), npz.by_name("y.npy").unwrap())
}

/// A digit as the demo model's input.
pub(crate) fn sample(digits: &Array3<u8>, index: usize) -> Vec<f32> {
    digits.index_axis(ndarray::Axis(0), index).iter().map(|&v| f32::from(v) / 255.0).collect()
}

/// The integers a client learned in a run, from its report.
pub(crate) fn learned(report: &Value) -> Vec<i64> {
    report["outputs"][0]["integers"].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
}
