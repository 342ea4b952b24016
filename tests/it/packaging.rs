//! What goes with the binary: configurations, dashboards, alert rules, the unit of the service.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dering::telemetry::{METRICS, MetricKind};

fn packaging(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

/// Every name under which Prometheus has a metric of ours.
fn exported() -> BTreeSet<String> {
    let of = |name: &str, kind| match kind {
        MetricKind::Counter | MetricKind::Gauge => vec![name.to_owned()],
        MetricKind::Histogram => {
            ["_bucket", "_sum", "_count"].iter().map(|part| format!("{name}{part}")).collect()
        }
    };
    METRICS.iter().flat_map(|metric| of(metric.name, metric.kind)).collect()
}

fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("dering_")).collect()
}

#[test]
fn dashboards_and_alerts_name_metrics_that_there_are() {
    let exported = exported();
    for file in ["grafana/dering.json", "prometheus/dering.rules.yml"] {
        let text = fs::read_to_string(packaging(file)).unwrap();
        let names = named(&text);
        assert!(names.len() > 10, "{file}");
        let unknown: Vec<_> = names.iter().filter(|name| !exported.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, which nobody exports");
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(packaging("grafana/dering.json")).unwrap()).unwrap();
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{}", panel["title"]);
    }
}

#[test]
fn the_configurations_that_come_with_packages_are_right() {
    for name in ["dering.yaml", "container.yaml"] {
        dering::config::load(&packaging(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn carriers_over_https_can_be_reached_and_the_image_is_not_killed_for_what_it_cannot_help() {
    let read = |name: &str| fs::read_to_string(packaging(name)).unwrap();
    let (image, package) = (read("Dockerfile"), read("package"));
    assert!(image.contains("ca-certificates") && package.contains("Depends: adduser, ca-certificates"));
    let user = image.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user.chars().all(|c| c.is_ascii_digit() || c == ':'), "{user}");
    assert!(image.contains(r#"CMD ["dering", "status", "--alive"]"#));
}

#[test]
fn the_service_runs_commands_that_there_are() {
    let unit = fs::read_to_string(packaging("systemd/dering.service")).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
    assert_eq!(start, "dering serve --config /etc/dering/dering.yaml");
    let stop = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(stop.parse::<u32>().unwrap() >= 45, "a stop takes up to 45 s");
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md")).unwrap();
    assert!(docs.contains("make package") && docs.contains("dering db backup"));
}
