//! `veilflow bench`: every operation, function and choice, as a process that reports JSON.

mod common;

use common::bench::{SUPPLIERS, bench_model, bench_op, check_contract, costs};
use common::{Model, veilflow};
use serde_json::Value;

/// Every operation, small, with the number of results that it must report.
const OPS: [(&[&str], u64); 10] = [
    (&["--op=relu", "--count=100"], 100),
    (&["--op=relu-rescale", "--count=100", "--shift=5"], 100),
    (&["--op=drelu", "--count=100"], 100),
    (&["--op=is-positive", "--count=100"], 100),
    (&["--op=truncate", "--count=100", "--shift=5"], 100),
    (&["--op=extend", "--count=100"], 100),
    (&["--op=maxpool9", "--count=20"], 20),
    (&["--op=mux", "--count=100"], 100),
    (&["--op=conv", "--size=7", "--in-channels=3", "--out-channels=2", "--kernel=3", "--stride=2"], 32),
    (&["--op=matmul", "--rows=5", "--inner=9", "--cols=3"], 15),
];

#[test]
fn every_operation_is_exact_and_keeps_the_contract() {
    for (options, count) in OPS {
        // Two widths that fill no byte, and one that fills a word.
        for width in ["13", "37", "64"] {
            if options[0] == "--op=extend" && width == "64" {
                continue;
            }
            // Homomorphic encryption takes rings of up to 40 bits.
            let supplier = if width == "64" { "--supplier=silent" } else { "--supplier=he" };
            let report = bench_op(&[options, &["--width", width, supplier]].concat());
            assert_eq!(format!("--op={}", report["op"].as_str().unwrap()), options[0]);
            assert_eq!(report["width"].to_string(), width);
            assert_eq!(report["count"], count, "{report}");
            assert_eq!([&report["threads"], &report["link"]], [&Value::from(1), &Value::from("none")]);
            assert!(costs(&report).iter().all(|&n| n > 0), "{report}");
        }
    }
}

/// Every elementary function, with formats that it takes.
const FUNCTIONS: [(&str, [&str; 3]); 11] = [
    ("sigmoid", ["16", "11", "14"]),
    ("tanh", ["16", "11", "11"]),
    ("erf", ["12", "8", "10"]),
    ("silu", ["12", "8", "8"]),
    ("gelu", ["12", "8", "9"]),
    ("exp", ["20", "12", "12"]),
    ("exp-signed", ["16", "12", "12"]),
    ("log", ["16", "12", "11"]),
    ("reciprocal", ["16", "12", "12"]),
    ("rsqrt", ["16", "12", "11"]),
    ("sqrt", ["16", "12", "12"]),
];

#[test]
fn every_function_is_exact_and_within_one_unit() {
    for (op, [width, scale_in, scale_out]) in FUNCTIONS {
        let scales = ["--scale-in", scale_in, "--scale-out", scale_out];
        let op = format!("--op={op}");
        let report = bench_op(&[&[&op, "--count=100", "--width", width], &scales[..]].concat());
        assert_eq!(format!("--op={}", report["op"].as_str().unwrap()), op);
        assert!(report["max_ulp"].as_u64().unwrap() <= 1, "{report}");
        assert_eq!([&report["scale_in"], &report["scale_out"]].map(Value::to_string), [scale_in, scale_out]);
        assert!(costs(&report)[2..].iter().all(|&n| n > 0), "{report}");
    }
    for (options, says) in [
        (["--op=tanh", "--width=16", "--scale-in=12", "--scale-out=15"], "a result has scale 4..=14"),
        (["--op=tanh", "--width=7", "--scale-in=3", "--scale-out=4"], "an argument has 8..=32 bits"),
        (["--op=gelu", "--width=16", "--scale-in=12", "--scale-out=11"], "as many integer bits"),
    ] {
        veilflow(&[&["bench", "op"], &options[..]].concat()).failed(&[says, &options[1].replace("=", " ")]);
    }
}

/// What is built of functions and their parts, with the number of results.
const ON_TOP: [(&[&str], u64); 6] = [
    (&["--op=divide", "--count=100"], 100),
    (&["--op=softmax", "--count=10", "--row=7", "--scale-in=10"], 10),
    (&["--op=l2-normalise", "--count=10", "--row=7"], 10),
    (&["--op=layer-norm", "--count=10", "--row=7"], 10),
    (&["--op=most-significant-index", "--count=100"], 100),
    (&["--op=matmul-shared", "--rows=5", "--inner=9", "--cols=3"], 15),
];

#[test]
fn what_is_built_of_functions_is_exact() {
    for (options, count) in ON_TOP {
        let report = bench_op(&[options, &["--width=16"]].concat());
        assert_eq!(format!("--op={}", report["op"].as_str().unwrap()), options[0]);
        assert_eq!(report["count"], count, "{report}");
        assert_eq!(report.get("max_ulp"), None, "{report}");
    }
    for (options, says) in [
        (["--op=divide", "--width=21", "--scale-in=12"], "at most 20 bits"),
        (["--op=layer-norm", "--width=32", "--scale-in=12"], "at most 62 bits"),
        (["--op=softmax", "--width=16", "--row=5000"], "1 to 4096 elements"),
        (["--op=matmul-shared", "--width=33", "--rows=2"], "exceeds 64 bits"),
        (["--op=matmul-shared", "--width=16", "--rows=1000000"], "2^24 products"),
    ] {
        veilflow(&[&["bench", "op"], &options[..]].concat()).failed(&[says]);
    }
}

#[test]
fn a_preset_runs_its_layers_one_after_another() {
    let of = |options: &[&str]| {
        let report = veilflow(&[&["bench", "preset", "industrial-72", "--json"], options].concat()).object();
        check_contract(&report);
        report
    };
    let report = of(&[]);
    assert_eq!([&report["count"], &report["layers"]], [14 * 64, 14]);
    assert_eq!([&report["preset"], &report["max_ulp"]], [&Value::from("industrial-72"), &Value::from(1)]);
    // As many rounds as its layers take one by one, whether prepared at once or just in time.
    let layer = |op: &str, scale_out: &str| {
        let scales = ["--scale-in=8", "--scale-out", scale_out];
        costs(&bench_op(&[&["--op", op, "--width=16", "--count=64"], &scales[..]].concat()))
    };
    let [sigmoid, tanh] = [layer("sigmoid", "14"), layer("tanh", "8")];
    assert_eq!(costs(&report)[2..], [2, 3].map(|i| 7 * (sigmoid[i] + tanh[i])));
    assert_eq!(costs(&of(&["--just-in-time"]))[2..], costs(&report)[2..]);
    veilflow(&["bench", "preset", "industrial-73"]).misused(&["industrial-72", "google-30", "heads"]);
}

#[test]
fn every_supplier_is_exact_and_alike_online() {
    let model = Model::demo(&[]);
    let [one, others @ ..] = SUPPLIERS.map(|supplier| {
        for (options, _) in OPS {
            let report = bench_op(&[options, &["--width=32", "--supplier", supplier]].concat());
            assert_eq!(report["supplier"], supplier);
        }
        bench_model(&model, &["--supplier", supplier])
    });
    for other in others {
        // A helper makes cheaper leaves, so that comparisons take fewer bytes and rounds.
        if other["supplier"] == "helper" {
            assert!(costs(&one)[2] > costs(&other)[2] && costs(&one)[3] > costs(&other)[3], "{other}");
        } else {
            assert_eq!(costs(&one)[2..], costs(&other)[2..]);
        }
        assert_eq!(one["top"], other["top"]);
    }
    // Enough correlations that expanding pays.
    let many = ["--op=relu", "--width=32", "--count=20000"];
    let [ot, silent, he, helper] =
        SUPPLIERS.map(|supplier| costs(&bench_op(&[&many[..], &["--supplier", supplier]].concat())));
    assert_eq!(ot[2..], silent[2..]);
    assert!(silent[0] < ot[0], "silent OT sends less: {ot:?} {silent:?}");
    assert_eq!(he[2..], silent[2..]);
    assert!(helper[2] < silent[2] && helper[3] < silent[3], "{helper:?} {silent:?}");
    veilflow(&["bench", "op", "--op=relu", "--supplier=nobody"]).misused(&["nobody", "ot", "silent"]);
}

#[test]
fn choices_of_protocol_change_the_cost_alone() {
    let job = ["--op=relu", "--count=500", "--width=32", "--supplier=ot"];
    let of = |option: &str| costs(&bench_op(&[&job[..], &[option]].concat()));
    let [iknp, wide] = [of("--softspoken-k=1"), of("--softspoken-k=8")];
    assert!(iknp[0] > wide[0], "a larger k sends less: {iknp:?} {wide:?}");
    assert_eq!(iknp[2..], wide[2..], "online it makes no difference");
    let [small, large] = [of("--leaf-bits=1"), of("--leaf-bits=4")];
    assert!(small[3] > large[3], "larger leaves take fewer rounds: {small:?} {large:?}");
}

#[test]
fn a_shaped_link_takes_time_and_nothing_else() {
    // The shape of the tree would follow the link, and so would OT parameters if Ferret were worth it.
    let job = ["--op=drelu", "--count=100", "--leaf-bits=2", "--extra-levels=0"];
    let plain = bench_op(&job);
    let shaped = bench_op(&[&job[..], &["--link=wan"]].concat());
    assert_eq!(shaped["link"], "wan");
    assert_eq!(costs(&shaped), costs(&plain));
    // 40 ms one way, at least as often as there are rounds.
    let least = 0.04 * costs(&plain)[3] as f64;
    assert!(shaped["online"]["seconds"].as_f64().unwrap() >= least, "{shaped}");
}

#[test]
fn threads_change_neither_result_nor_bytes() {
    for (options, _) in OPS {
        let of = |threads: &str| costs(&bench_op(&[options, &["--width=21", "--threads", threads]].concat()));
        let one = of("1");
        assert_eq!(of("2"), one, "{options:?}");
        assert_eq!(of("3"), one, "{options:?}");
    }
    let model = Model::demo(&[]);
    let of = |threads: &str| {
        let report = bench_model(&model, &["--threads", threads]);
        assert_eq!(report["threads"].to_string(), threads);
        (costs(&report), report["top"].clone())
    };
    let one = of("1");
    assert_eq!(of("2"), one);
    assert_eq!(of("3"), one);
}

#[test]
fn a_warm_model_finds_what_an_earlier_session_left() {
    let model = Model::demo(&[]);
    for supplier in ["he", "helper"] {
        let [cold, warm] = [&[][..], &["--warm"]]
            .map(|more| bench_model(&model, &[&["--supplier", supplier][..], more].concat()));
        assert_eq!([&cold["warm"], &warm["warm"]], [false, true]);
        assert_eq!(warm["top"], cold["top"]);
        let [cold, warm] = [costs(&cold), costs(&warm)];
        if supplier == "helper" {
            assert!(warm[0] < cold[0], "without masked weights: {cold:?} {warm:?}");
            assert_eq!(warm[1..], cold[1..]);
        } else {
            // Transformed weights save CPU alone.
            assert_eq!(warm, cold);
        }
    }
}
