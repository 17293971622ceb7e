//! Latency over time as a picture: for each load the median and the 99th percentile of every slice of time, on a logarithmic scale.

use std::fmt::Write as _;
use std::time::Duration;

use crate::driver::Measured;
use crate::plan::Load;

/// Draws it.
pub(crate) fn draw(loads: &[(Load, Measured)]) -> String {
    let end = loads.iter().map(|(_, measured)| measured.spent.as_secs_f64()).fold(f64::MIN_POSITIVE, f64::max);
    let all = || loads.iter().flat_map(|(_, measured)| &measured.answered).map(|(_, latency)| millis(*latency));
    let low = 10_f64.powf(all().fold(1e3, f64::min).log10().floor());
    let high = 10_f64.powf(all().fold(low, f64::max).log10().ceil()).max(low * 10.0);
    let x = |seconds: f64| LEFT + seconds / end * (WIDTH - LEFT - RIGHT);
    let y = |ms: f64| HEIGHT - BOTTOM - (ms / low).log10() / (high / low).log10() * (HEIGHT - BOTTOM - TOP);

    let mut svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n");
    svg.push_str("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
    let mut ms = low;
    while ms <= high * 1.001 {
        let at = y(ms);
        put(&mut svg, format_args!("<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>", WIDTH - RIGHT));
        put(&mut svg, format_args!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{ms} ms</text>", LEFT - 6.0, at + 4.0));
        ms *= 10.0;
    }
    for step in 0..=MARKS {
        let seconds = end * f64::from(step) / f64::from(MARKS);
        put(&mut svg, format_args!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{seconds:.1} s</text>", x(seconds), HEIGHT - BOTTOM + 18.0));
    }
    for (place, (load, measured)) in loads.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let slices = slices(&measured.answered, end);
        for (quantile, name, dashes) in [(0.5, "p50", "none"), (0.99, "p99", "4 3")] {
            let point = |(middle, latencies): &(f64, Vec<f64>)| format!("{:.1},{:.1}", x(*middle), y(at_quantile(latencies, quantile)));
            let points = slices.iter().map(point).collect::<Vec<_>>().join(" ");
            put(
                &mut svg,
                format_args!("<polyline fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\" points=\"{points}\"><title>{name}</title></polyline>"),
            );
        }
        let legend = format!("{}: p50 (line), p99 (dashes)", load.journey.name());
        put(&mut svg, format_args!("<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{legend}</text>", LEFT + 8.0, TOP + 14.0 * (place as f64 + 1.0)));
    }
    svg.push_str("</svg>\n");
    svg
}

/// The sorted latencies in milliseconds of each slice of time in which something was answered, with the slice's middle in seconds.
fn slices(answered: &[(Duration, Duration)], end: f64) -> Vec<(f64, Vec<f64>)> {
    let mut slices: Vec<Vec<f64>> = vec![Vec::new(); SLICES];
    for (at, latency) in answered {
        let slice = (at.as_secs_f64() / end * SLICES as f64) as usize;
        slices[slice.min(SLICES - 1)].push(millis(*latency));
    }
    slices.iter_mut().for_each(|latencies| latencies.sort_by(f64::total_cmp));
    let middle = |place: usize| (place as f64 + 0.5) / SLICES as f64 * end;
    slices.into_iter().enumerate().filter(|(_, latencies)| !latencies.is_empty()).map(|(place, latencies)| (middle(place), latencies)).collect()
}

/// The smallest of sorted values that this share of them does not exceed.
fn at_quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

fn millis(latency: Duration) -> f64 {
    (latency.as_secs_f64() * 1e3).max(1e-3)
}

fn put(svg: &mut String, line: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(svg, "{line}");
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 40.0;
const MARKS: u32 = 6;
const SLICES: usize = 100;
const COLOURS: [&str; 5] = ["#0b62a4", "#c03d10", "#2a7f2a", "#7a3d9a", "#8a6d00"];
