//! `-v` and RUST_LOG: spans and events of offshoot's own crates on stderr.
//!
//! What other crates log is never shown, whatever RUST_LOG asks for: a client of a database logs statements and values.

use crate::args::Globals;
use std::io::IsTerminal;
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// Begins to log what is asked for.
pub fn start(verbose: u8, globals: &Globals) {
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let directives = match (asked, verbose) {
        (Some(asked), _) => asked,
        (None, 0) => return,
        (None, 1) => "offshoot=info".to_owned(),
        (None, 2) => "offshoot=debug".to_owned(),
        (None, _) => "offshoot=trace".to_owned(),
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let spans = if verbose > 0 { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours && !globals.json)
        .with_span_events(spans)
        .with_target(verbose > 1);
    let own = FilterFn::new(|metadata| metadata.target().starts_with("offshoot"));
    let filter = EnvFilter::builder().parse_lossy(directives);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(own).with_filter(filter));
    // Fails only where another subscriber is set, and there is none.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
