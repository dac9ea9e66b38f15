//! Records known values, ends with an operation in flight, and waits until its standard input is closed.
#[path = "tickbench_probe.rs"] // rustc runs in the folder that this file was copied to, beside it
mod tickbench_probe;
use std::io::Read;

fn main() -> std::io::Result<()> {
    let page = tickbench_probe::Page::create("rust_writer", &["idle", "parse", "book"], 4)?;
    let (mut tick, mut laps) = (page.histogram("tick", "XBTUSD")?, page.histogram_of("laps", "", 4, 1_000_000, 2)?);
    let (mut orders, mut depth) = (page.counter("orders", "orders")?, page.gauge("depth", "")?);
    let values: i64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let mut t = laps.now();
    for i in 0..values {
        tick.record(i * i);
        orders.add(2);
        t = laps.lap(t);
    }
    tick.record(-1);
    tick.record(i64::MAX);
    depth.put(-5);
    tick.begin();
    tick.cancel();
    tick.begin();
    tick.stage(2);
    tick.correlate(4711);
    page.beat();
    println!("{}", page.path.display());
    let mut first = [0u8];
    if std::io::stdin().read(&mut first)? == 1 && first[0] == b'c' {
        page.close(false);
    }
    Ok(())
}
