//! A page of families in the making.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;

use super::counts::{Counts, Word};

/// The labels of a series, none included.
type Labels<'l, const N: usize> = [(&'l str, &'l str); N];

/// What is written so far.
pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

impl Page<'_> {
    /// A family of counters; each series' name ends in `_total`.
    pub(super) fn counters<'p>(&'p mut self, name: &'p str, help: &str) -> Result<Family<'p>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Counter).map(Family)
    }

    /// A family of gauges.
    pub(super) fn gauges<'p>(&'p mut self, name: &'p str, help: &str) -> Result<Family<'p>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge).map(Family)
    }

    /// A family of histograms.
    pub(super) fn histograms<'p>(&'p mut self, name: &'p str, help: &str) -> Result<Family<'p>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Histogram).map(Family)
    }

    /// One histogram.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: &Histogram) -> fmt::Result {
        of.encode(self.0.encode_descriptor(name, help, None, MetricType::Histogram)?)
    }

    /// One counter.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counters(name, help)?.count([], value)
    }

    /// One gauge.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauges(name, help)?.gauge([], value)
    }

    /// What never changes; its name ends in `_info`.
    pub(super) fn info(&mut self, name: &str, help: &str, labels: Labels<'_, 1>) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&labels)
    }
}

/// A family, to which series are added.
pub(super) struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    /// A counter with these labels.
    pub(super) fn count<const N: usize>(&mut self, labels: Labels<'_, N>, value: u64) -> fmt::Result {
        self.labelled(&labels, |series| series.encode_counter::<Labels<'_, 0>, u64, u64>(&value, None))
    }

    /// The same for a counter of seconds.
    pub(super) fn seconds(&mut self, value: f64) -> fmt::Result {
        self.0.encode_counter::<Labels<'_, 0>, f64, u64>(&value, None)
    }

    /// A counter for each word of a set.
    pub(super) fn each<'l, W: Word, const N: usize>(
        &mut self,
        counts: &Counts<W>,
        labels: impl Fn(&'static str) -> Labels<'l, N>,
    ) -> fmt::Result {
        counts.iter().try_for_each(|(word, value)| self.count(labels(word), value))
    }

    /// A gauge with these labels.
    pub(super) fn gauge<const N: usize>(&mut self, labels: Labels<'_, N>, value: impl EncodeGaugeValue) -> fmt::Result {
        self.labelled(&labels, |series| series.encode_gauge(&value))
    }

    /// A histogram with these labels.
    pub(super) fn histogram<const N: usize>(&mut self, labels: Labels<'_, N>, of: &Histogram) -> fmt::Result {
        of.encode(self.0.encode_family(&labels)?)
    }

    /// Empty braces are no labels, but not to every reader.
    fn labelled<const N: usize>(
        &mut self,
        labels: &Labels<'_, N>,
        tell: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        if N == 0 { tell(&mut self.0) } else { tell(&mut self.0.encode_family(labels)?) }
    }
}
