//! What every benchmark reports.

use serde_json::Value;

use super::{Model, text, veilflow};

/// Who may supply correlations.
pub(crate) const SUPPLIERS: [&str; 4] = ["ot", "silent", "he", "helper"];

/// Checks the part of the contract that every benchmark has.
#[track_caller]
pub(crate) fn check_contract(report: &Value) {
    for phase in ["offline", "online"] {
        for key in ["bytes", "rounds"] {
            assert!(report[phase][key].is_u64(), "{phase} {key}: {report}");
        }
        for key in ["seconds", "cpu_seconds"] {
            assert!(report[phase][key].as_f64().is_some_and(|s| s >= 0.0), "{phase} {key}: {report}");
        }
    }
    assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1 << 20, "{report}");
    assert_eq!(report["exact"], true, "{report}");
    for key in ["width", "count", "threads"] {
        assert!(report[key].as_u64().unwrap() > 0, "{key}: {report}");
    }
    assert!(SUPPLIERS.contains(&report["supplier"].as_str().unwrap()), "{report}");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
}

/// Bytes and rounds, offline and online.
pub(crate) fn costs(report: &Value) -> [u64; 4] {
    let of = |phase: &str, key: &str| report[phase][key].as_u64().unwrap();
    [of("offline", "bytes"), of("offline", "rounds"), of("online", "bytes"), of("online", "rounds")]
}

pub(crate) fn bench_op(options: &[&str]) -> Value {
    let report = veilflow(&[&["bench", "op", "--json"], options].concat()).object();
    check_contract(&report);
    report
}

pub(crate) fn bench_model(model: &Model, options: &[&str]) -> Value {
    let dir = text(model.dir());
    let report = veilflow(&[&["bench", "model", "--plan", &dir, "--json"], options].concat()).object();
    check_contract(&report);
    // What a helper deals costs the parties no work that is predicted.
    let predicted = |phase: &str| report["predicted_seconds"][phase].as_f64().unwrap();
    assert!(predicted("offline") >= 0.0 && predicted("online") > 0.0, "{report}");
    assert!((predicted("total") - predicted("offline") - predicted("online")).abs() < 1e-9, "{report}");
    report
}
