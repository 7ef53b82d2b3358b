//! How long `doctor` takes: where all is well, and where the network is gone in three ways.
//!
//! `cargo bench --bench doctor`; the aims are those of the issue: two seconds where all is well,
//! ten where it is not. The stand-ins answer at once, so the first is what the program adds.

#![allow(clippy::print_stdout, reason = "that is what a benchmark is for")]

#[path = "../common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use common::*;
use standins::{Fault, Target, Times};

const REPOSITORY: &str = "https://dev.azure.com/contoso/app/_git/app";

fn main() {
    // `cargo test --benches` asks whether it works, not how long it takes.
    let runs = if std::env::args().any(|argument| argument == "--bench") { 9 } else { 1 };
    let healthy = Machine::signed_in();
    report("all is well", 2, 0, &healthy, runs);
    let mut refused = Machine::signed_in();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        refused.set(name, "http://127.0.0.1:9");
    }
    report("network gone, refused", 10, 1, &refused, runs);
    // Addresses for documentation (RFC 5737), to which no packet finds its way.
    let mut silent = Machine::signed_in();
    for name in ["HTTPS_PROXY", "https_proxy"] {
        silent.set(name, "http://192.0.2.1:3128");
    }
    report("network gone, no route", 10, 1, &silent, runs.min(3));
    let hanging = Machine::signed_in();
    for target in [Target::Discovery, Target::Azure] {
        hanging.world.fail(target, Fault::Hang, Times::Always);
    }
    report("network gone, no answer", 10, 1, &hanging, runs.min(3));
}

fn report(name: &str, aim: u64, code: i32, machine: &Machine, runs: usize) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            let done = machine.helper(&["doctor", REPOSITORY]);
            let took = started.elapsed();
            assert_eq!(done.code, code, "{done:#?}");
            took
        })
        .collect();
    times.sort();
    let (least, most) = (times[0], times[runs - 1]);
    println!(
        "{name:24} median {:6.2} s, least {:6.2} s, most {:6.2} s of {runs} (aim {aim} s)",
        times[runs / 2].as_secs_f64(),
        least.as_secs_f64(),
        most.as_secs_f64(),
    );
}
