//! Text formats of metrics: OpenMetrics, or the older Prometheus text format, which is converted from it.

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text format 0.0.4, the default of tools that do not ask for a format.
    Text,
}

/// Media type of OpenMetrics.
const OPENMETRICS: &str = "application/openmetrics-text";

impl Format {
    /// The format for an `Accept` header: OpenMetrics if it is listed by name, with at least the weight of
    /// plain text.
    pub fn accepted(accept: &str) -> Self {
        let weight = |wanted: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                parts.next().filter(|name| name.eq_ignore_ascii_case(wanted))?;
                let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
                Some(weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0_f64)))
            });
            ranges.fold(0.0_f64, f64::max)
        };
        let openmetrics = weight(OPENMETRICS);
        if openmetrics > 0.0 && openmetrics >= weight("text/plain") { Self::OpenMetrics } else { Self::Text }
    }

    /// `Content-Type` of the response.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Converts OpenMetrics to the older format, in which a counter is described under the name of its samples,
/// and which has neither units, an end mark nor the type `info`. Samples are the same, as long as none has an
/// exemplar.
pub fn text_from_openmetrics(openmetrics: &str) -> String {
    let mut converted = String::with_capacity(openmetrics.len() + openmetrics.len() / 16);
    // HELP precedes TYPE, which decides its name.
    let mut help: Option<(&str, &str)> = None;
    for line in openmetrics.lines() {
        if let Some((name, text)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help = Some((name, text));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (ending, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            if let Some((_, help)) = help.take().filter(|(of, _)| *of == name) {
                converted.push_str(&format!("# HELP {name}{ending} {help}\n"));
            }
            converted.push_str(&format!("# TYPE {name}{ending} {kind}\n"));
        } else if !line.starts_with('#') {
            converted.push_str(line);
            converted.push('\n');
        }
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_negotiated() {
        let prometheus_2 = "application/openmetrics-text;version=1.0.0;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let protobuf_first = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            text/plain;version=1.0.0;q=0.3,*/*;q=0.2";
        for accept in [prometheus_2, protobuf_first, "Application/OpenMetrics-Text"] {
            assert_eq!(Format::accepted(accept), Format::OpenMetrics, "{accept}");
        }
        let not = [
            "",
            "*/*",
            "text/html",
            "text/plain",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text; q=0.2, text/plain; q=0.9",
            "application/openmetrics-textual",
            "application/openmetrics-text;q=NaN",
        ];
        for accept in not {
            assert_eq!(Format::accepted(accept), Format::Text, "{accept}");
        }
    }

    #[test]
    fn openmetrics_converts_to_the_older_format() {
        let openmetrics = "\
# HELP a_seconds Time, \"in all\".
# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total{reason=\"# x\"} 1.5
# HELP b Things.
# TYPE b gauge
b 3
# HELP c_build About us.
# TYPE c_build info
c_build_info{version=\"1\"} 1
# TYPE d unknown
d 1
# HELP e_seconds Sizes.
# TYPE e_seconds histogram
e_seconds_sum 0.0
e_seconds_count 0
e_seconds_bucket{le=\"+Inf\"} 0
# EOF
";
        let text = "\
# HELP a_seconds_total Time, \"in all\".
# TYPE a_seconds_total counter
a_seconds_total{reason=\"# x\"} 1.5
# HELP b Things.
# TYPE b gauge
b 3
# HELP c_build_info About us.
# TYPE c_build_info gauge
c_build_info{version=\"1\"} 1
# TYPE d untyped
d 1
# HELP e_seconds Sizes.
# TYPE e_seconds histogram
e_seconds_sum 0.0
e_seconds_count 0
e_seconds_bucket{le=\"+Inf\"} 0
";
        assert_eq!(text_from_openmetrics(openmetrics), text);
    }
}
