use std::collections::BTreeSet;

use super::*;
use crate::cluster::View;
use crate::dispatch::Role;
use crate::observe::samples::{cluster, every_state, fine, minutes, now, rotations, snapshot};

fn exposed(snapshot: Snapshot) -> Vec<String> {
    Exposition::new(Picture::alone(snapshot), now()).collect()
}

#[test]
fn each_metric_is_explained_once_and_before_its_samples() {
    let text = exposed(every_state()).concat();
    let mut explained = BTreeSet::new();
    let mut current = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split(' ').next().unwrap();
            assert!(explained.insert(current), "{current} comes twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(rest.starts_with(&format!("{current} ")), "{line}");
        } else {
            assert_eq!(line.split(['{', ' ']).next(), Some(current));
        }
    }
    assert_eq!(explained.len(), families().count());
}

#[test]
fn rotations_tell_their_figures() {
    let text = exposed(every_state()).concat();
    let of = |name: &str| format!("rotation=\"{name}\",source=\"zettelstore.notes\",system=\"zettelstore\"");
    let lines = [
        format!("tokenferry_token_alive{{{}}} 1", of("fine")),
        format!("tokenferry_token_alive{{{}}} 1", of("endless")),
        format!("tokenferry_token_alive{{{}}} 0", of("over")),
        format!("tokenferry_token_alive{{{}}} 0", of("missing")),
        format!("tokenferry_token_expiry_timestamp_seconds{{{}}} 1800003000", of("fine")),
        format!("tokenferry_token_time_to_expiry_seconds{{{}}} 3000", of("fine")),
        format!("tokenferry_token_time_to_expiry_seconds{{{}}} -60", of("over")),
        format!("tokenferry_token_renewal_timestamp_seconds{{{}}} 1800001800", of("fine")),
        format!("tokenferry_outage_budget_seconds{{{}}} 2695", of("fine")),
        format!("tokenferry_outage_budget_seconds{{{}}} -65", of("at-risk")),
        format!("tokenferry_last_success_timestamp_seconds{{{}}} 1799999400", of("fine")),
        format!("tokenferry_next_run_timestamp_seconds{{{}}} 1800001800", of("fine")),
        format!("tokenferry_consecutive_failures{{{}}} 0", of("fine")),
        format!("tokenferry_consecutive_failures{{{}}} 3", of("failing")),
        format!("tokenferry_rotation_failing{{{},class=\"unreachable\"}} 1", of("failing")),
        format!(
            "tokenferry_login_held_until_timestamp_seconds{{{},class=\"login_refused\"}} 1800000780",
            of("held")
        ),
        format!("tokenferry_runs_total{{{},outcome=\"rotated\"}} 4", of("fine")),
        format!("tokenferry_rotation_held{{{},by=\"breaker\"}} 1", of("held")),
        format!("tokenferry_rotation_held{{{},by=\"disabled\"}} 1", of("disabled")),
        format!("tokenferry_destinations_missed{{{}}} 2", of("failing")),
        "tokenferry_clock_skew_seconds{source=\"zettelstore.notes\",system=\"zettelstore\"} -7".to_owned(),
        "tokenferry_vault_clock_skew_seconds 1".to_owned(),
        "tokenferry_rotations{state=\"dead\"} 2".to_owned(),
        "tokenferry_rotations{state=\"disabled\"} 1".to_owned(),
        "tokenferry_config_last_reload_successful 1".to_owned(),
        "tokenferry_ready 0".to_owned(),
        "tokenferry_entries_unread 1".to_owned(),
        "tokenferry_runs_in_flight 1".to_owned(),
        "tokenferry_run_failures_total{source=\"zettelstore.notes\",system=\"zettelstore\",class=\"unreachable\"} 2"
            .to_owned(),
        "tokenferry_calls_last_hour{system=\"zettelstore\"} 12".to_owned(),
        "tokenferry_logins_total{source=\"zettelstore.notes\",system=\"zettelstore\"} 20".to_owned(),
        "tokenferry_vault_logins_total{result=\"succeeded\"} 1".to_owned(),
        "tokenferry_adopted_tokens_total 1".to_owned(),
    ];
    for line in lines {
        assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
    }
    // Nothing is made up of what is not known.
    for absent in [
        format!("tokenferry_token_alive{{{}}}", of("unread")),
        format!("tokenferry_token_expiry_timestamp_seconds{{{}}}", of("endless")),
        format!("tokenferry_outage_budget_seconds{{{}}}", of("missing")),
        format!("tokenferry_next_run_timestamp_seconds{{{}}}", of("at-risk")),
        format!("tokenferry_rotation_held{{{}", of("fine")),
        format!("tokenferry_destinations_missed{{{}}}", of("fine")),
    ] {
        assert!(!text.contains(&absent), "{absent}");
    }
}

#[test]
fn replicas_are_told_of_where_the_work_is_shared() {
    let mut shared = every_state();
    shared.health.role = Role::Standby;
    shared.cluster = Some(cluster());
    let text = exposed(shared).concat();
    let info = |name: &str, version: &str, configuration: &str, role: &str| {
        format!(
            "tokenferry_cluster_replica_info{{replica=\"{name}\",version=\"{version}\",configuration=\"{configuration}\",\
             role=\"{role}\"}} 1"
        )
    };
    let lines = [
        "tokenferry_cluster_role{role=\"standby\"} 1".to_owned(),
        "tokenferry_cluster_role{role=\"leading\"} 0".to_owned(),
        "tokenferry_cluster_another_configuration_leads 1".to_owned(),
        "tokenferry_cluster_replicas{state=\"same\"} 1".to_owned(),
        "tokenferry_cluster_replicas{state=\"drifted\"} 1".to_owned(),
        "tokenferry_cluster_replicas{state=\"lost\"} 1".to_owned(),
        info("rotator-0", env!("CARGO_PKG_VERSION"), "7558b7c1ff2a53bb", "standby"),
        info("rotator-1", "0.0.9", "0123456789abcdef", "leading"),
        "tokenferry_cluster_replica_silent_seconds{replica=\"rotator-2\"} 400".to_owned(),
        "tokenferry_cluster_runs_waiting 5".to_owned(),
        "tokenferry_cluster_dead_letters 1".to_owned(),
        "tokenferry_cluster_dead_letters_by_rotation{rotation=\"held\",class=\"login_refused\"} 1".to_owned(),
    ];
    for line in lines {
        assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
    }
    assert!(!text.contains("tokenferry_cluster_replica_info{replica=\"rotator-2\""), "it is lost");
    let mut cut_off = every_state();
    let mut view = View { role: Role::Disconnected, looked_at: Some(minutes(-3)), ..cluster() };
    view.replicas[0].role = Role::Disconnected;
    cut_off.cluster = Some(view.at(now()));
    let text = exposed(cut_off).concat();
    let ours = info("rotator-0", env!("CARGO_PKG_VERSION"), "7558b7c1ff2a53bb", "disconnected");
    assert!(text.contains(&ours), "{text}");
    for unknown in [
        "another_configuration_leads ",
        "dead_letters",
        "oldest_wait_seconds ",
        "replica_info{replica=\"rotator-1\"",
        "replica_silent_seconds{",
        "replicas{",
        "runs_waiting ",
    ] {
        let known = text.lines().any(|line| line.starts_with(&format!("tokenferry_cluster_{unknown}")));
        assert!(!known, "{unknown} is of the past: {text}");
    }
    let alone = exposed(every_state()).concat();
    assert!(!alone.lines().any(|line| line.starts_with("tokenferry_cluster")));
}

#[test]
fn ten_thousand_rotations_come_in_small_pieces_and_all_of_them_come() {
    let names: Vec<String> = (0..10_000).map(|number| format!("r{number:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let pieces = exposed(snapshot(rotations(&names).into_iter().map(fine).collect()));
    assert!(pieces.iter().all(|piece| piece.len() < 32 * 1024));
    let text = pieces.concat();
    let alive = text.lines().filter(|line| line.starts_with("tokenferry_token_alive{")).count();
    let runs = text.lines().filter(|line| line.starts_with("tokenferry_runs_total{")).count();
    assert_eq!((alive, runs), (10_000, 50_000));
}
