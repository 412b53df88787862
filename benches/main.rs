//! What is meant to be fast, measured: one line per figure, with what it is held against and the ratio of the two.
//!
//! `make bench` starts a PostgreSQL of its own; without one, SQLite alone is measured. `RELANCE_BENCH_SCALE` is the size in percent:
//! 10 when unset, which takes about two minutes; 100 is the full size, 10,000 due accounts among 100,000 and among 1,000,000, and
//! 1,000 of anything else becomes 10,000. Nothing here fails for being slow: on a machine that others use, only ratios of one run mean anything.

#![expect(
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that meets what it did not expect shall fail there and then"
)]

mod api;
#[path = "../tests/support/database.rs"]
#[expect(dead_code, reason = "the tests look closer")]
mod database;
mod decision;
mod evidence;
mod figures;
mod imports;
mod process;
mod sink;
mod world;

use std::time::Duration;

use figures::{Latency, line, median, rate};
use sink::Sink;
use world::{Kind, World, raw_client};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each pair of figures is taken; the middle ratio counts.
const ROUNDS: usize = 3;

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    due: usize,
    few: usize,
    many: usize,
    requests: usize,
    rows: usize,
}

impl Sizes {
    fn read() -> Self {
        let percent: usize = std::env::var("RELANCE_BENCH_SCALE").map_or(10, |text| text.parse().unwrap());
        let of = |full: usize| (full * percent / 100).max(1);
        Self { due: of(10_000), few: of(100_000), many: of(1_000_000), requests: of(20_000), rows: of(100_000) }
    }
}

#[actix_web::main]
async fn main() {
    // Cargo asks for the list of benchmarks, or for a short trial, in its own words: this is a program without options.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let sizes = Sizes::read();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{sizes:?}; load average {}", load.trim());
    let micros = decision::micros();
    line("plan(), 10 instalments", &format!("{micros:.2} µs"), "at most 10 µs", Some(micros / 10.0));
    let pairs: Vec<_> = (0..ROUNDS).map(|_| evidence::verified(sizes.rows)).collect();
    beside(&format!("verify(), a log of {} entries", sizes.rows), "entries/s", "SHA-256 of the file", &pairs);
    let sink = Sink::start();
    for kind in [Kind::Postgres, Kind::Sqlite] {
        measure(kind, sizes, &sink).await;
    }
}

async fn measure(kind: Kind, sizes: Sizes, sink: &Sink) {
    let (Some(one), Some(other)) = (kind.database(), kind.database()) else { return };
    // Alone, where somebody works on that: the rest takes minutes.
    if std::env::var_os("RELANCE_BENCH_IMPORTS").is_some() {
        let world = World::start(one, sizes.few, sizes.due, &sink.url).await;
        files(kind, sizes, &world).await;
        return world.stop().await;
    }
    let few = World::start(one, sizes.few, sizes.due, &sink.url).await;
    let many = World::start(other, sizes.many, sizes.due, &sink.url).await;
    runs(kind, sizes, sink, &few, &many).await;
    dispatch(kind, sizes, sink, &many).await;
    files(kind, sizes, &few).await;
    few.stop().await;
    requests(kind, sizes, &many).await;
    let (started, resident) = process::start_and_rest(many.database()).await;
    let there = format!("{}: `relance serve`, {} open accounts", kind.name(), sizes.many);
    line(&format!("{there}: start"), &format!("{started:.0} ms"), "", None);
    line(&format!("{there}: resident, idle"), &format!("{resident:.1} MiB"), "", None);
    many.stop().await;
}

/// A run costs what is due, whatever is open; and what it costs beside the bare calls. What is due has come in by batches.
async fn runs(kind: Kind, sizes: Sizes, sink: &Sink, few: &World, many: &World) {
    let (mut ratios, mut times, mut shares, mut batches) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut cpu = String::new();
    for _ in 0..ROUNDS {
        let mut pair = Vec::new();
        for world in [few, many] {
            let recorded = world.owe(sizes.due).await;
            batches.push(rate(sizes.due, recorded));
            world.seal().await;
            sink.take();
            let before = world.cpu();
            pair.push(world.run().await);
            cpu = world.cpu().each_since(before, sizes.due);
            let (sent, size) = sink.take();
            assert_eq!(sent, u64::try_from(sizes.due).unwrap(), "each due account is written to once");
            if times.is_empty() {
                println!("{}: a message has {size} bytes", kind.name());
            }
            let raw = raw_client(&sink.url, sizes.due, usize::try_from(size).unwrap()).await;
            shares.push((rate(sizes.due, pair[pair.len() - 1]), rate(sizes.due, raw)));
        }
        ratios.push(seconds(pair[1]) / seconds(pair[0]));
        times.push((seconds(pair[0]), seconds(pair[1])));
    }
    let name = kind.name();
    let batch = median(batches);
    line(&format!("{name}: POST /v1/invoices/batch, 1,000 at a time, two at once"), &format!("{batch:.0} invoices/s"), "", None);
    let spread: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
    line(
        &format!("{name}: run of {} due among {}", sizes.due, sizes.many),
        &format!("{:.2} s", median(times.iter().map(|pair| pair.1).collect())),
        &format!("among {}: {:.2} s; ratio ≤ 1.15 ({})", sizes.few, median(times.iter().map(|pair| pair.0).collect()), spread.join(", ")),
        Some(median(ratios)),
    );
    beside(&format!("{name}: whole run, due to sealed evidence"), "messages/s", "the bare HTTP client", &shares);
    line(&format!("{name}: whole run, processor time a message"), &cpu, "the process, sink included, + the database", None);
}

/// From prepared messages to their evidence.
async fn dispatch(kind: Kind, sizes: Sizes, sink: &Sink, world: &World) {
    let (mut shares, mut cpu) = (Vec::new(), String::new());
    for _ in 0..ROUNDS {
        world.owe(sizes.due).await;
        world.plan().await;
        sink.take();
        let before = world.cpu();
        let ours = world.dispatch().await;
        cpu = world.cpu().each_since(before, sizes.due);
        let (sent, size) = sink.take();
        assert_eq!(sent, u64::try_from(sizes.due).unwrap(), "each message is sent once");
        let raw = raw_client(&sink.url, sizes.due, usize::try_from(size).unwrap()).await;
        shares.push((rate(sizes.due, ours), rate(sizes.due, raw)));
        // The accounts that were written to want to be looked at, which is not dispatch.
        world.run().await;
    }
    let name = kind.name();
    beside(&format!("{name}: dispatch alone, prepared to finished"), "messages/s", "the bare HTTP client", &shares);
    line(&format!("{name}: dispatch alone, processor time a message"), &cpu, "the process, sink included, + the database", None);
}

/// A long table beside the least that can be done with its rows, what the server holds meanwhile, and a month of a bank's lines.
async fn files(kind: Kind, sizes: Sizes, world: &World) {
    let name = kind.name();
    let (mut shares, mut months) = (Vec::new(), Vec::new());
    let mut cpu = String::new();
    for round in 0..ROUNDS {
        let bare = kind.database().unwrap();
        let theirs = imports::bare(&bare.url, sizes.rows);
        let before = world.cpu();
        let ours = imports::of_table(world, sizes.rows, &format!("T{round}"));
        cpu = world.cpu().each_since(before, sizes.rows);
        shares.push((rate(sizes.rows, ours), rate(sizes.rows, theirs)));
        months.push(seconds(imports::of_statement(world, 1_000 + 200 * round, 200, 64)) * 1000.0);
    }
    beside(&format!("{name}: CSV of {} invoices", sizes.rows), "rows/s", "parted and kept as they are", &shares);
    line(&format!("{name}: CSV, processor time a row"), &cpu, "the process + the database", None);
    let month = median(months);
    line(
        &format!("{name}: 264 bank lines against {} open invoices", sizes.few),
        &format!("{month:.0} ms"),
        "at most 1,000 ms",
        Some(month / 1000.0),
    );
    let (rate, peak) = process::import(world.database(), &world.key, &imports::mapping(), imports::table(sizes.rows, "S")).await;
    let there = format!("{name}: `relance serve`, CSV of {} invoices", sizes.rows);
    line(&format!("{there}: to its end"), &format!("{rate:.0} rows/s"), "", None);
    line(&format!("{there}: resident at most"), &format!("{peak:.1} MiB"), "at most 150 MiB", Some(peak / 150.0));
}

/// One invoice at a time, at 64 connections.
async fn requests(kind: Kind, sizes: Sizes, world: &World) {
    let bare = kind.database().unwrap();
    let server = api::Bare::start(&bare.url);
    let path = format!("{}/v1/invoices", world.url);
    let mut shares: Vec<(f64, f64)> = Vec::new();
    let (mut last, mut cpu): (Option<(Latency, Latency)>, _) = (None, String::new());
    for round in 0..ROUNDS {
        let bodies: Vec<_> = (0..sizes.requests).map(|n| world.invoice((round * sizes.requests + n) * 7, "2026-12-01")).collect();
        let theirs = api::load(&server.url, "", bodies.clone()).await;
        let before = world.cpu();
        let ours = api::load(&path, &world.key, bodies).await;
        cpu = world.cpu().each_since(before, sizes.requests);
        shares.push((ours.rate(), theirs.rate()));
        last = Some((ours, theirs));
    }
    server.stop().await;
    let name = kind.name();
    beside(
        &format!("{name}: POST /v1/invoices, {} connections", api::AT_ONCE),
        "requests/s",
        "bare actix + r2d2 + diesel, one row",
        &shares,
    );
    line(&format!("{name}: POST /v1/invoices, processor time a request"), &cpu, "the process, its client included, + the database", None);
    if let Some((ours, theirs)) = last {
        for percent in [50, 99] {
            let (mine, other) = (ours.within(percent), theirs.within(percent));
            let limit = format!("bare: {other:.1} ms");
            line(&format!("{name}: POST /v1/invoices, p{percent}"), &format!("{mine:.1} ms"), &limit, Some(mine / other));
        }
    }
    // Whoever was invoiced wants to be looked at; nobody is due.
    world.run().await;
}

/// Pairs of rates, ours and the other's, each pair of one round.
fn beside(what: &str, unit: &str, other: &str, pairs: &[(f64, f64)]) {
    let middle = |of: fn(&(f64, f64)) -> f64| median(pairs.iter().map(of).collect());
    let (ours, theirs) = (middle(|pair| pair.0), middle(|pair| pair.1));
    line(what, &format!("{ours:.0} {unit}"), &format!("{other}: {theirs:.0} {unit}"), Some(middle(|pair| pair.0 / pair.1)));
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
