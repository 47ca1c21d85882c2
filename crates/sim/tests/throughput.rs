//! Throughput by loss: what each congestion control makes of a link that loses, reorders, repeats and damages packets. The table is
//! docs/throughput.md; `SOCKEYE_BLESS=1 cargo test -p sockeye-sim --test throughput` writes it.

mod common;

use common::{address, two_hosts, with};
use sockeye_link::LinkConfig;
use sockeye_sim::{Sim, SimSocket};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

const RATE: u64 = 4_000_000;
const SEEDS: u64 = 3;
const WARM_UP: Duration = Duration::from_secs(2);
const TIME: Duration = Duration::from_secs(4);
/// How far a cell may be off before the table has to be written anew.
const TOLERANCE: f64 = 0.05;
const CONTROLS: [&str; 4] = ["cubic", "reno", "bbr", "dctcp"];
const ROUND_TRIPS: [u64; 2] = [1, 40];

/// What a column does to packets, in both directions.
fn columns() -> Vec<(&'static str, LinkConfig)> {
    let loss = |loss| LinkConfig { loss, ..LinkConfig::default() };
    vec![
        ("no loss", loss(0.0)),
        ("0.01%", loss(0.0001)),
        ("0.1%", loss(0.001)),
        ("1%", loss(0.01)),
        ("5%", loss(0.05)),
        ("2% late", LinkConfig { reorder: 0.02, ..LinkConfig::default() }),
        ("1% twice", LinkConfig { duplicate: 0.01, ..LinkConfig::default() }),
        ("1% damaged", LinkConfig { corrupt: 0.01, ..LinkConfig::default() }),
    ]
}

/// The share of the link's rate that arrives as text.
fn share(control: &str, link: &LinkConfig) -> f64 {
    let settings = with(&[("tcp_congestion_control", control)]);
    let config = two_hosts(link.clone(), settings.clone(), settings);
    let mut sim = Sim::new(&config, link.seed).expect("a sound network");
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5).expect("a free port");
    let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80")).expect("somebody listens");
    let server = listener.accept(&mut sim).expect("it is connected");
    let chunk = vec![7; 65_536];
    let mut carry = |time: Duration| {
        let (deadline, mut read) = (sim.now() + time, 0);
        sim.run_until(time, |sim| {
            client.try_write(sim, &chunk);
            while let Ok(bytes) = server.try_read(sim, 1 << 20)
                && !bytes.is_empty()
            {
                read += bytes.len();
            }
            sim.now() >= deadline
        });
        read
    };
    carry(WARM_UP);
    carry(TIME) as f64 * 8.0 / TIME.as_secs_f64() / RATE as f64
}

/// The median of several seeds.
fn median(control: &str, column: &LinkConfig, round_trip: u64) -> f64 {
    let mut shares: Vec<f64> = (1..=SEEDS)
        .map(|seed| {
            let delay = Duration::from_micros(round_trip * 500);
            share(control, &LinkConfig { rate: RATE, delay, queue: 50, seed, ..column.clone() })
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    shares[shares.len() / 2]
}

/// The rows, each of which a thread works out.
fn measure() -> Vec<(&'static str, u64, Vec<f64>)> {
    let row = |control, round_trip| {
        let shares = columns().iter().map(|(_, link)| median(control, link, round_trip)).collect();
        (control, round_trip, shares)
    };
    std::thread::scope(|scope| {
        let rows: Vec<_> = ROUND_TRIPS
            .into_iter()
            .flat_map(|round_trip| CONTROLS.map(|control| (control, round_trip)))
            .map(|(control, round_trip)| scope.spawn(move || row(control, round_trip)))
            .collect();
        rows.into_iter().map(|row| row.join().expect("no panic")).collect()
    })
}

fn written(rows: &[(&str, u64, Vec<f64>)]) -> String {
    let names: Vec<&str> = columns().iter().map(|(name, _)| *name).collect();
    let mut table = format!("| | round trip | {} |\n|---|---|", names.join(" | "));
    table.push_str(&"---|".repeat(names.len()));
    for (control, round_trip, shares) in rows {
        let _ = write!(table, "\n| {control} | {round_trip} ms |");
        for share in shares {
            let _ = write!(table, " {share:.2} |");
        }
    }
    table
}

/// The numbers of a table, in order.
fn numbers(table: &str) -> Vec<f64> {
    table.split('|').filter_map(|cell| cell.trim().parse().ok()).collect()
}

#[test]
fn the_table_of_throughput_by_loss_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/throughput.md");
    let rows = measure();
    let table = written(&rows);
    let text = std::fs::read_to_string(&path).expect("docs/throughput.md");
    let start = text.find("| | round trip |").expect("a table");
    let end = text[start..].find("\n\n").map_or(text.len(), |at| start + at);
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        let blessed = format!("{}{table}{}", &text[..start], &text[end..]);
        std::fs::write(&path, blessed).expect("it can be written");
        return;
    }
    let (before, now) = (numbers(&text[start..end]), numbers(&table));
    assert_eq!(before.len(), now.len(), "the table has other rows or columns:\n{table}");
    let is_off = before.iter().zip(&now).any(|(before, now)| (before - now).abs() > TOLERANCE);
    assert!(!is_off, "docs/throughput.md is\n{}\nand should be\n{table}", &text[start..end]);
}
