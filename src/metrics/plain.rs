//! OpenMetrics said again in the older text format, which tools without OpenMetrics read.
//!
//! upstream: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details>: a family has the name of
//! its samples, there is no `info`, and nothing marks the end.

/// The same families in format 0.0.4. Every HELP line must stand right before its TYPE line, as the encoder writes them.
pub(super) fn plain(open: &str) -> String {
    let mut said = String::with_capacity(open.len());
    let mut help = "";
    for line in open.lines() {
        match line.strip_prefix("# ").and_then(|rest| rest.split_once(' ')) {
            Some(("HELP", _)) => help = line,
            Some(("TYPE", of)) => {
                let (name, kind) = of.split_once(' ').unwrap_or((of, "unknown"));
                let (ending, kind) = match kind {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                let text = help.splitn(4, ' ').nth(3).unwrap_or_default();
                for line in ["# HELP ", name, ending, " ", text, "\n# TYPE ", name, ending, " ", kind, "\n"] {
                    said.push_str(line);
                }
            }
            _ if line.starts_with('#') => {}
            _ => {
                said.push_str(line);
                said.push('\n');
            }
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_called_as_their_samples() {
        let open = "# HELP a What a is\n# TYPE a counter\na_total{x=\"# TYPE\"} 1\n# HELP b B\n# TYPE b info\nb_info{v=\"1\"} 1\n\
                    # HELP c C\n# TYPE c histogram\n# UNIT c seconds\nc_sum 0.5\n# EOF\n";
        let expected = "# HELP a_total What a is\n# TYPE a_total counter\na_total{x=\"# TYPE\"} 1\n# HELP b_info B\n\
                        # TYPE b_info gauge\nb_info{v=\"1\"} 1\n# HELP c C\n# TYPE c histogram\nc_sum 0.5\n";
        assert_eq!(plain(open), expected);
    }
}
