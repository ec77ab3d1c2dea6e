//! The command line, argument by argument.

use std::time::Duration;

use super::action::time;
use super::*;
use crate::domain::facts::ids::WorkloadKind;

fn read(line: &str) -> Result<Args, clap::Error> {
    Args::read(line.split_whitespace().map(OsString::from))
}

#[test]
fn clap_definition_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn no_command_opens_the_screen_and_flags_go_anywhere() {
    assert_eq!(read("cockpit").unwrap().command, None);
    for line in [
        "cockpit --context a --context b -n pay -w ro/api -w deploy/web --read-only status -o json",
        "cockpit status -o json --context a --context b -n pay -w ro/api -w deploy/web --read-only",
    ] {
        let args = read(line).unwrap();
        let flags = args.global.flags();
        assert_eq!(flags.contexts, ["a", "b"]);
        assert_eq!(flags.namespace.as_deref(), Some("pay"));
        let ids = [WorkloadId::new(WorkloadKind::Rollout, "api"), WorkloadId::new(WorkloadKind::Deployment, "web")];
        assert_eq!(flags.workloads, ids);
        assert!(flags.read_only);
        assert_eq!(args.command, Some(Command::Status(Status { output: Output::Json, watch: false })));
    }
}

#[test]
fn actions_have_their_verb_and_target() {
    let verb = |line: &str| {
        let command = read(line).unwrap().command.unwrap();
        let (verb, action) = command.action().unwrap();
        (verb, action.target.clone(), action.yes)
    };
    assert_eq!(verb("cockpit promote"), (Verb::Promote, None, false));
    assert_eq!(verb("cockpit promote prod --full --confirm prod"), (Verb::PromoteFull, Some("prod".into()), false));
    assert_eq!(verb("cockpit rollback prod/api --to 41 --yes"), (Verb::Rollback, Some("prod/api".into()), true));
    for word in ["pause", "resume", "abort", "retry", "restart"] {
        assert_eq!(verb(&format!("cockpit {word} prod -y")).0.as_str(), word);
    }
    assert_eq!(read("cockpit status").unwrap().command.unwrap().action(), None);
}

#[test]
fn wrong_arguments_are_usage_errors_with_a_hint() {
    for (line, says) in [
        ("cockpit promot", "'promote'"),
        ("cockpit -w api", "rollout/payments-api"),
        ("cockpit --prometheus p:9090", "http://"),
        ("cockpit --prometheus http://u:s3cret@p", "username"),
        ("cockpit abort --no-wait --timeout 5m", "cannot be used with"),
        ("cockpit wait", "--for"),
        ("cockpit wait --for=gone", "healthy"),
        ("cockpit wait --for=healthy --timeout 10", "15m"),
        ("cockpit demo --speed 0", "0.1"),
        ("cockpit demo --list x", "cannot be used with"),
        ("cockpit --theme drak", "dark"),
        ("cockpit changes --notes everyone", "external"),
        ("cockpit changes --notes internal -o json", "cannot be used with"),
    ] {
        let error = read(line).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(super::super::Exit::Usage.code()), "{line}");
        assert!(error.to_string().contains(says), "{line}: {error}");
    }
    assert_eq!(read("cockpit --help").unwrap_err().exit_code(), 0);
}

#[test]
fn kubectl_plugin_shows_its_plugin_name() {
    let help = read("/usr/local/bin/kubectl-cockpit status --help").unwrap_err().to_string();
    assert!(help.contains("Usage: kubectl cockpit status"), "{help}");
    let help = read("cockpit status --help").unwrap_err().to_string();
    assert!(help.contains("Usage: cockpit status"), "{help}");
}

#[test]
fn times_have_units() {
    assert_eq!(time("1h30m"), Ok(Duration::from_secs(5400)));
    for bad in ["", "10", "0s", "-1s", "soon"] {
        assert!(time(bad).is_err(), "{bad}");
    }
}
