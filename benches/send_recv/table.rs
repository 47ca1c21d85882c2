//! Measures of all stacks in turn, and a line for each.

use crate::stacks::Connect;

/// What is measured: nanoseconds for each unit of work.
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) of: Box<dyn Fn(&mut Connect) -> f64>,
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Microseconds each: less is better.
    Micros,
    /// Bytes a second: nanoseconds are those of a byte.
    Rate,
    /// So many a second.
    PerSecond,
}

impl Unit {
    fn show(self, nanos: f64) -> String {
        match self {
            Self::Micros => format!("{:.2} us", nanos / 1e3),
            Self::Rate => format!("{:.2} GB/s", 1.0 / nanos),
            Self::PerSecond => format!("{:.0} /s", 1e9 / nanos),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One line of the table: each stack's median, and how many times as good as the kernel it is.
pub(crate) fn line(measure: &Measure, stacks: &mut [(&str, Connect)], rounds: usize) {
    let mut taken = vec![Vec::new(); stacks.len()];
    for _ in 0..rounds {
        for ((_, connect), taken) in stacks.iter_mut().zip(&mut taken) {
            taken.push((measure.of)(connect));
        }
    }
    print!("{:<28}", measure.name);
    for (index, nanos) in taken.iter().enumerate() {
        print!(" {:>12}", measure.unit.show(median(nanos.clone())));
        if index > 0 {
            let ratios = taken[0].iter().zip(nanos).map(|(kernel, ours)| kernel / ours).collect();
            print!(" {:>6.1} x", median(ratios));
        }
    }
    println!();
}
