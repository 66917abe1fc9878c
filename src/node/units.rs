//! Values with units: durations, rates, sizes.

use std::time::Duration;

use crate::account::Rate;

/// `90s`, `1h30m`, `7d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    Err(format!("`{text}` is no duration"))
}

/// `15/s`, `1/6s burst 45`.
pub fn rate(text: &str) -> Result<Rate, String> {
    Err(format!("`{text}` is no rate"))
}
