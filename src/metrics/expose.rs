//! Everything that is counted and seen, in the words of Prometheus.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::counts::Word as _;
use super::page::Page;
use super::plain::plain;
use super::snapshot::Snapshot;
use super::words::Face;
use super::{AccountCounts, Metrics};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    Open,
    /// Prometheus' text format 0.0.4.
    Plain,
}

impl Format {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Metrics {
    /// All of it, with what was seen just now.
    pub fn expose(&self, seen: Snapshot, format: Format) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Exposition { counted: self.clone(), seen }));
        let mut text = String::new();
        // Writing into a text never fails.
        encode(&mut text, &registry).unwrap_or_default();
        match format {
            Format::Open => text,
            Format::Plain => plain(&text),
        }
    }
}

#[derive(Debug)]
struct Exposition {
    counted: Metrics,
    seen: Snapshot,
}

impl Collector for Exposition {
    fn encode(&self, to: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(to);
        self.of_config(&mut page)?;
        self.of_calls(&mut page)?;
        self.of_commands(&mut page)?;
        self.of_accounts(&mut page)?;
        self.of_queues(&mut page)?;
        self.of_outbox(&mut page)?;
        self.of_process(&mut page)
    }
}

impl Exposition {
    fn of_config(&self, page: &mut Page<'_>) -> fmt::Result {
        let (all, config) = (&self.counted.0, &self.seen.config);
        page.info("hookbell_build", "The program that runs", [("version", env!("CARGO_PKG_VERSION"))])?;
        let mut family = page.gauges("hookbell_config_hooks", "Hooks of the configuration in force")?;
        family.gauge([("state", "ready")], config.hooks)?;
        family.gauge([("state", "broken")], config.broken_hooks)?;
        page.gauge("hookbell_config_accounts", "Accounts of the configuration in force", config.accounts)?;
        let mut family = page.counters("hookbell_config_reloads", "Reloads by how they ended")?;
        family.each(&all.reloads, |word| [("result", word)])?;
        let is_good = u64::from(!all.refused.load(Relaxed));
        page.gauge("hookbell_config_last_reload_successful", "1: the last reload was not refused", is_good)?;
        page.gauge(
            "hookbell_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read",
            seconds(all.taken_at.load(Relaxed)),
        )
    }

    fn of_calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = &self.counted.0;
        let help = "Calls of hooks by how they ended; those of ids that no hook has without the id";
        let mut family = page.counters("hookbell_hook_calls", help)?;
        for (id, of) in all.hooks.all() {
            family.each(&of.calls, |word| [("hook", &id), ("outcome", word)])?;
        }
        // No hook has this outcome, whatever its id is.
        family.count([("hook", ""), ("outcome", "unknown")], all.unknown_hooks.load(Relaxed))?;
        let mut family = page.counters("hookbell_messages", "Messages that were to be kept, by what became of them")?;
        family.each(&all.messages, |word| [("result", word)])?;
        let faces = || Face::WORDS.iter().zip(&all.connections);
        let mut family = page.gauges("hookbell_connections_open", "Connections that are open")?;
        faces().try_for_each(|(face, of)| family.gauge([("listener", face)], of.0.open.load(Relaxed)))?;
        let mut family = page.counters("hookbell_connections_accepted", "Connections that were accepted")?;
        faces().try_for_each(|(face, of)| family.count([("listener", face)], of.0.accepted.load(Relaxed)))
    }

    fn of_commands(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = &self.counted.0;
        let commands = all.commands.all();
        let mut family = page.counters("hookbell_commands_started", "Commands that were started")?;
        commands.iter().try_for_each(|(id, of)| family.count([("hook", id)], of.started.load(Relaxed)))?;
        let mut family = page.counters("hookbell_commands_ended", "Commands by how they ended")?;
        commands.iter().try_for_each(|(id, of)| family.each(&of.ended, |word| [("hook", id), ("result", word)]))?;
        page.gauge("hookbell_commands_running", "Commands that run", self.seen.commands_running)?;
        page.gauge("hookbell_commands_waiting", "Commands that wait for a free place", self.seen.commands_waiting)?;
        let help = "How long commands took";
        page.histogram("hookbell_command_duration_seconds", help, &all.command_time)
    }

    fn of_accounts(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = &self.counted.0;
        let mut accounts = all.accounts.all();
        if all.gone.is_used() {
            accounts.push(("".into(), Arc::clone(&all.gone)));
        }
        let accounts = || accounts.iter().map(|(name, of)| (("account", &**name), of));
        let mut family = page.counters("hookbell_deliveries", "Deliveries that came to a state")?;
        accounts().try_for_each(|(name, of)| family.each(&of.stages, |word| [name, ("state", word)]))?;
        let help = "Tries by how they ended: accepted, or the class of the failure";
        let mut family = page.counters("hookbell_tries", help)?;
        accounts().try_for_each(|(name, of)| family.each(&of.tries, |word| [name, ("result", word)]))?;
        let help = "Deliveries that a rate kept waiting, by whose rate it was";
        let mut family = page.counters("hookbell_limiter_waits", help)?;
        accounts().try_for_each(|(name, of)| family.each(&of.limited, |word| [name, ("limit", word)]))?;
        let help = "From the acceptance of a message until a provider took it";
        let mut family = page.histograms("hookbell_accept_to_sent_seconds", help)?;
        accounts().try_for_each(|(name, of)| family.histogram([name], &of.to_sent))?;
        let help = "From the acceptance of a message until its provider told that it arrived";
        let mut family = page.histograms("hookbell_accept_to_delivered_seconds", help)?;
        accounts().try_for_each(|(name, of)| family.histogram([name], &of.to_delivered))
    }

    fn of_queues(&self, page: &mut Page<'_>) -> fmt::Result {
        let accounts = || self.seen.accounts.iter().map(|now| ([("account", now.name.as_str())], now));
        let mut family = page.gauges("hookbell_queue_deliveries", "Deliveries that wait")?;
        accounts().try_for_each(|(name, now)| family.gauge(name, now.queued))?;
        let mut family = page.gauges("hookbell_queue_sending", "Deliveries that are being tried")?;
        accounts().try_for_each(|(name, now)| family.gauge(name, now.sending))?;
        let help = "How long ago the oldest of the waiting was accepted; 0: none waits";
        let mut family = page.gauges("hookbell_queue_oldest_seconds", help)?;
        accounts().try_for_each(|(name, now)| family.gauge(name, now.oldest))?;
        let mut family = page.gauges("hookbell_breaker_open", "1: the account is out of order, and probed slowly")?;
        accounts().try_for_each(|(name, now)| family.gauge(name, u64::from(now.broken_since.is_some())))?;
        let help = "Since when the account is out of order";
        let mut family = page.gauges("hookbell_breaker_open_since_timestamp_seconds", help)?;
        let mut broken = accounts().filter_map(|(name, now)| Some((name, now.broken_since?)));
        broken.try_for_each(|(name, since)| family.gauge(name, since))?;
        let help = "When a canary came back";
        let mut family = page.gauges("hookbell_canary_last_success_timestamp_seconds", help)?;
        let mut back = accounts().filter_map(|(name, now)| Some((name, now.canary_back_at?)));
        back.try_for_each(|(name, at)| family.gauge(name, at))?;
        let help = "Contacts that wrote lately enough for free text";
        let mut family = page.gauges("hookbell_windows_open", help)?;
        let mut windows = accounts().filter_map(|(name, now)| Some((name, now.windows?)));
        windows.try_for_each(|(name, count)| family.gauge(name, count))
    }

    fn of_outbox(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = &self.counted.0;
        let Some(outbox) = self.seen.outbox else { return Ok(()) };
        page.gauge("hookbell_outbox_open", "1: the outbox is open, and can be read", u64::from(outbox.open))?;
        page.gauge("hookbell_outbox_size_bytes", "What the files of the outbox take", outbox.bytes)?;
        let help = "How long the outbox waited for the disk, for each commit";
        page.histogram("hookbell_outbox_commit_seconds", help, &all.commit_time)?;
        let help = "Times that the outbox could not do what it was asked";
        page.counter("hookbell_outbox_errors", help, all.outbox_errors.load(Relaxed))
    }

    /// upstream: <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>
    fn of_process(&self, page: &mut Page<'_>) -> fmt::Result {
        let Some(process) = &self.seen.process else { return Ok(()) };
        page.counters("process_cpu_seconds", "Time on a processor")?.seconds(process.cpu)?;
        page.gauge("process_resident_memory_bytes", "Memory that is really there", process.resident)?;
        page.gauge("process_virtual_memory_bytes", "Memory that is addressed", process.addressed)?;
        page.gauge("process_open_fds", "Open files, sockets included", process.files)?;
        if let Some(most) = process.most_files {
            page.gauge("process_max_fds", "Open files that there may be", most)?;
        }
        page.gauge("process_threads", "Threads", process.threads)?;
        page.gauge("process_start_time_seconds", "When the process began", process.began)
    }
}

impl AccountCounts {
    fn is_used(&self) -> bool {
        self.stages.iter().chain(self.tries.iter()).any(|(_, count)| count > 0)
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
