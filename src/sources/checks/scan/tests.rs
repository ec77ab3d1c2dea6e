use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn add(report: &Value, expected: Expected, least: Severity) -> (Tally, Result<(), String>) {
    let mut tally = Tally { least, ..Tally::default() };
    let result = tally.add(&report.to_string(), expected, |_| Ok(Tie::Unnamed));
    (tally, result)
}

/// How many are found at the default severity.
fn found(report: &Value) -> Result<u64, String> {
    let (tally, result) = add(report, Expected::Any, Severity::Critical);
    result.map(|()| tally.found.iter().sum())
}

fn trivy(target: &Value) -> Value {
    json!({"SchemaVersion": 2, "ArtifactName": "shop/api:1.2.0", "Results": [target]})
}

fn operator(kind: &str, report: &Value) -> Value {
    json!({"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": kind, "metadata": {"name": "api"}, "report": report})
}

fn npm(severity: &str, counts: &Value) -> Value {
    json!({"auditReportVersion": 2, "vulnerabilities": {"left": {"severity": severity, "range": "<2", "via": ["x", {"title": "t"}]}},
        "metadata": {"vulnerabilities": counts, "dependencies": {"total": 9}}})
}

fn cargo(cvss: &Value) -> Value {
    json!({"database": {}, "lockfile": {"dependency-count": 3}, "warnings": {}, "vulnerabilities": {"found": true, "count": 1,
        "list": [{"advisory": {"id": "RUSTSEC-1", "cvss": cvss}, "package": {"name": "a", "version": "1.0.0"}}]}})
}

const VECTOR: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

#[test]
fn findings_of_every_scanner_count() {
    let osv = |package: &Value| json!({"results": [{"source": {}, "packages": [package]}], "experimental_config": {}});
    for (report, wanted) in [
        (trivy(&json!({"Target": "a", "Licenses": [{"Severity": "CRITICAL", "Name": "AGPL-3.0", "PkgName": "x"}]})), 1),
        (trivy(&json!({"Target": "a", "Licenses": [{"Severity": "LOW", "Name": "MIT", "PkgName": "x"}]})), 0),
        (trivy(&json!({"Target": "a", "Secrets": [{"RuleID": "key", "Severity": "CRITICAL"}]})), 1),
        (
            trivy(
                &json!({"Target": "a", "Misconfigurations": [{"ID": "x", "Severity": "CRITICAL", "Status": "FAIL"}]}),
            ),
            1,
        ),
        (
            trivy(
                &json!({"Target": "a", "Misconfigurations": [{"ID": "x", "Severity": "CRITICAL", "Status": "PASS"}]}),
            ),
            0,
        ),
        (trivy(&json!({"Target": "a", "Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "odd"}]})), 1),
        (
            json!({"ClusterName": "prod", "Resources": [{"Kind": "Deployment", "Name": "api", "Results": [
                {"Target": "a", "Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "CRITICAL"}]}]}]}),
            1,
        ),
        (
            operator(
                "VulnerabilityReport",
                &json!({"vulnerabilities": [{"vulnerabilityID": "CVE-1", "severity": "CRITICAL"}]}),
            ),
            1,
        ),
        (operator("VulnerabilityReport", &json!({"vulnerabilities": [], "summary": {"criticalCount": 0}})), 0),
        (
            operator(
                "ConfigAuditReport",
                &json!({"checks": [{"checkID": "K1", "severity": "CRITICAL", "success": false}]}),
            ),
            1,
        ),
        (
            operator(
                "ConfigAuditReport",
                &json!({"checks": [{"checkID": "K1", "severity": "CRITICAL", "success": true}]}),
            ),
            0,
        ),
        (operator("ExposedSecretReport", &json!({"secrets": [{"ruleID": "key", "severity": "CRITICAL"}]})), 1),
        (
            json!({"apiVersion": "v1", "kind": "List", "items": [operator("ClusterVulnerabilityReport",
                &json!({"vulnerabilities": [{"vulnerabilityID": "CVE-1", "severity": "CRITICAL"}]}))]}),
            1,
        ),
        (
            json!({"matches": [{"vulnerability": {"id": "CVE-1", "severity": "Critical"}}], "source": {}, "descriptor": {"name": "grype"}}),
            1,
        ),
        (json!({"matches": [{"vulnerability": {"id": "CVE-1", "severity": "Negligible"}}], "source": {}}), 0),
        (json!({"matches": [], "source": {}}), 0),
        (
            osv(
                &json!({"package": {"name": "a"}, "vulnerabilities": [{"id": "GHSA-1"}], "groups": [{"ids": ["GHSA-1"], "max_severity": "9.8"}]}),
            ),
            1,
        ),
        (
            osv(
                &json!({"package": {"name": "a"}, "vulnerabilities": [{"id": "GHSA-1", "severity": [{"type": "CVSS_V3", "score": VECTOR}]}]}),
            ),
            1,
        ),
        (
            osv(
                &json!({"package": {"name": "a"}, "vulnerabilities": [{"id": "G", "database_specific": {"severity": "MODERATE"}}]}),
            ),
            0,
        ),
        (json!({"results": [], "experimental_config": {}}), 0),
        (npm("critical", &json!({"critical": 1, "total": 1})), 1),
        (npm("moderate", &json!({"moderate": 1, "total": 1})), 0),
        (
            json!({"actions": [], "advisories": {"1": {"severity": "critical", "module_name": "left"}}, "metadata": {"totalDependencies": 4}}),
            1,
        ),
        (cargo(&json!(VECTOR)), 1),
        (json!({"ok": false, "vulnerabilities": [{"id": "S1", "severity": "critical"}], "dependencyCount": 3}), 1),
        (json!([{"ok": true, "vulnerabilities": [], "dependencyCount": 3}]), 0),
        (json!({"ok": false, "infrastructureAsCodeIssues": [{"id": "S1", "severity": "critical"}]}), 1),
    ] {
        assert_eq!(found(&report), Ok(wanted), "{report}");
    }
}

#[test]
fn what_can_be_read_counts_beside_what_cannot() {
    let critical = json!({"vulnerabilityID": "CVE-1", "severity": "CRITICAL"});
    let odd = json!({"Target": "a", "Misconfigurations": [{"ID": "x", "Status": "odd"}]});
    let bad = json!({"Target": "b", "Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "CRITICAL"}]});
    let bare =
        json!({"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "SbomReport", "metadata": {"name": "s"}});
    for report in [
        json!([{"ok": false, "error": "no project"}, {"ok": false, "dependencyCount": 1, "vulnerabilities": [{"id": "S", "severity": "critical"}]}]),
        json!({"SchemaVersion": 2, "ArtifactName": "a", "Results": [odd, bad]}),
        json!({"apiVersion": "v1", "kind": "List", "items": [bare, operator("VulnerabilityReport", &json!({"vulnerabilities": [critical]}))]}),
        json!({"SchemaVersion": 2, "ArtifactName": "a", "Metadata": {"OS": {"Family": "alpine", "Name": "3.9.6", "EOSL": true}}, "Results": [bad]}),
        json!({"matches": [{"vulnerability": {"id": "CVE-1", "severity": "Critical"}}], "source": {},
            "alertsByPackage": [{"package": {"name": "a"}, "alerts": [{"type": "distro-eol", "message": "end of life"}]}]}),
    ] {
        let (tally, result) = add(&report, Expected::Any, Severity::Critical);
        assert!(result.is_err() && tally.found.iter().sum::<u64>() == 1, "{report}: {result:?}");
    }
}

#[test]
fn report_of_snyk_that_leaves_out_what_counts_is_named() {
    let project = |threshold: &str, issues: &Value| json!({"ok": true, "severityThreshold": threshold, "vulnerabilities": issues, "dependencyCount": 3});
    let none = json!([]);
    let with = |threshold: &str, least: Severity| add(&project(threshold, &none), Expected::Any, least).1;
    let left_out = "was written with --severity-threshold=critical, and HIGH counts here";
    assert_eq!(with("critical", Severity::High).unwrap_err(), left_out);
    assert_eq!(with("critical", Severity::Critical), Ok(()));
    assert_eq!(with("medium", Severity::High), Ok(()));
    assert_eq!(with("low", Severity::Low), Ok(()));
    let odd = with("severe", Severity::Critical).unwrap_err();
    assert_eq!(odd, "was written with --severity-threshold=severe, and that is no severity of Snyk");

    let all = |report: &Value| add(report, Expected::Any, Severity::High);
    let several = json!([project("low", &none), project("critical", &none)]);
    assert_eq!(all(&several).1.unwrap_err(), left_out);
    let mut image = project("low", &none);
    image["applications"] = json!([project("critical", &none)]);
    assert_eq!(all(&image).1.unwrap_err(), left_out);
    let (tally, result) = all(&project("critical", &json!([{"id": "S1", "severity": "critical"}])));
    assert!(result.is_err() && tally.found.iter().sum::<u64>() == 1, "what is listed counts: {result:?}");
}

#[test]
fn what_grype_does_not_match_is_named() {
    let alerted = |package: Value, alerts: Value| {
        let of_package = json!([{"package": package, "alerts": alerts}]);
        found(&json!({"matches": [], "source": {}, "alertsByPackage": of_package}))
    };
    let musl = || json!({"name": "musl", "version": "1.1"});
    for (kind, message, words) in [
        ("distro-eol", "Package is from end-of-life distro: alpine 3.9", "end-of-life distro: alpine 3.9"),
        ("distro-disabled", "Package is from a distro that is disabled: arch", "disabled: arch"),
        ("of-a-later-version", "", "of-a-later-version"),
    ] {
        let why = alerted(musl(), json!([{"type": kind, "message": message, "metadata": {"name": "x"}}])).unwrap_err();
        let begins = "Grype may not know what is wrong in musl: ";
        assert!(why.starts_with(begins) && why.ends_with(words), "{why}");
    }
    assert_eq!(alerted(musl(), json!([])), Ok(0));
    assert_eq!(found(&json!({"matches": [], "source": {}, "alertsByPackage": []})), Ok(0));
    assert_eq!(found(&json!({"matches": [], "source": {}, "alertsByPackage": null})), Ok(0));
}

/// OSV-Scanner ends with 0 where what is vulnerable is never called.
#[test]
fn what_is_never_called_does_not_count() {
    let called = |called: bool| {
        let group =
            json!({"ids": ["GO-1"], "max_severity": "9.8", "experimental_analysis": {"GO-1": {"called": called}}});
        let package = json!({"package": {"name": "a"}, "vulnerabilities": [{"id": "GO-1"}], "groups": [group]});
        found(&json!({"results": [{"source": {}, "packages": [package]}], "experimental_config": {}}))
    };
    assert_eq!((called(true), called(false)), (Ok(1), Ok(0)));
}

#[test]
fn what_was_not_scanned_or_rated_is_named() {
    for (report, words) in [
        (json!({"results": [{"rule_id": "AVD-AWS-0107", "severity": "CRITICAL"}]}), "it has no `source`"),
        (json!({"results": [{"source": {}, "packages": null}], "experimental_config": {}}), "null"),
        (
            json!({"results": [{"source": {}, "packages": [{"package": {"name": "a"}, "license_violations": ["AGPL-3.0"]}]}], "experimental_config": {}}),
            "AGPL-3.0 has no severity",
        ),
        (
            json!({"ClusterName": "prod", "Resources": [{"Kind": "Deployment", "Name": "api"}]}),
            "lists nothing that was scanned",
        ),
        (
            json!({"SchemaVersion": 2, "ArtifactName": "a", "Metadata": {"OS": {"Family": "alpine", "Name": "3.9.6", "EOSL": true}}, "Results": [{"Target": "a"}]}),
            "alpine 3.9.6 gets no security updates any more",
        ),
        (json!({"SchemaVersion": 1, "ArtifactName": "a"}), "of schema 1"),
        (json!({"SchemaVersion": 2, "ArtifactName": "a", "Results": null}), "lists nothing that was scanned"),
        (trivy(&json!({"Target": "a", "Vulnerabilities": [{"VulnerabilityID": "CVE-1"}]})), "CVE-1 has no severity"),
        (
            trivy(&json!({"Target": "a", "Misconfigurations": [{"ID": "x", "Status": "odd"}]})),
            "the status of x is `odd`",
        ),
        (
            json!({"ClusterName": "prod", "Resources": [{"Name": "api", "Error": "no access"}]}),
            "api could not be scanned: no access",
        ),
        (json!({"ClusterName": "prod", "Resources": []}), "lists nothing that was scanned"),
        (operator("SbomReport", &json!({})), "is a SbomReport"),
        (
            operator("VulnerabilityReport", &json!({"vulnerabilities": [], "summary": {"criticalCount": 2}})),
            "counts 2 findings and lists 0",
        ),
        (operator("VulnerabilityReport", &json!({})), "lists nothing that was looked at"),
        (json!({"kind": "List", "items": []}), "lists no report"),
        (json!({"bomFormat": "CycloneDX", "vulnerabilities": []}), "looks like an SBOM"),
        (json!({"spdxVersion": "SPDX-2.3"}), "looks like an SBOM"),
        (json!({"version": "2.1.0", "runs": []}), "looks like SARIF"),
        (json!({"results": []}), "lists nothing that was scanned"),
        (json!({"results": [], "errors": [], "version": "1"}), "looks like Semgrep's JSON"),
        (
            json!({"check_type": "terraform", "results": {"failed_checks": []}, "summary": {}}),
            "looks like Checkov's JSON",
        ),
        (json!([{"check_type": "terraform"}, {"check_type": "secrets"}]), "looks like Checkov's JSON"),
        (json!({"version": "1.5.0", "plugins_used": [], "results": {}}), "looks like detect-secrets' baseline"),
        (json!([{"ident": "artipacked", "desc": "", "determinations": {}}]), "looks like zizmor's JSON"),
        (json!({"results": [{"rule_id": "AVD-1", "severity": "HIGH"}]}), "if tfsec or Terrascan wrote it"),
        (json!({"scan_info": {}, "warnings": [], "errors": []}), "looks like Brakeman's JSON"),
        (json!({"finding": {"osv": "GO-1"}}), "looks like govulncheck's JSON"),
        (json!({"Golang errors": {}, "Issues": [], "GosecVersion": "2"}), "looks like gosec's JSON"),
        (json!([{"RuleID": "aws", "Secret": "x"}]), "looks like Gitleaks' JSON"),
        (npm("low", &json!({"critical": 1, "low": 1})), "counts 2 vulnerabilities and lists 1"),
        (json!({"error": {"code": "ENOLOCK"}}), "looks like the message of a tool that failed"),
        (cargo(&json!(null)), "RUSTSEC-1 has no severity"),
        (json!({"ok": false, "error": "no token"}), "Snyk failed: no token"),
        (json!({"ok": false, "vulnerabilities": [], "dependencyCount": 3}), "lists nothing"),
        (json!({"a": 1}), "is no report that is known, expected a report of Trivy, Grype"),
        (json!([]), "is no report that is known"),
        (json!(3), "is no report that is known"),
        (json!({"SchemaVersion": "2", "ArtifactName": "a"}), "has text where a number belongs"),
    ] {
        let got = found(&report);
        assert!(got.as_ref().is_err_and(|why| why.contains(words)), "{report}: {got:?}");
    }
    let grype = json!({"matches": [], "source": {}});
    let why = add(&grype, Expected::Trivy, Severity::Critical).1.unwrap_err();
    assert!(why.starts_with("looks like a report of Grype, expected a report of Trivy"), "{why}");
}

#[test]
fn several_texts_in_one_file_are_no_report() {
    let grype = json!({"matches": [], "source": {}}).to_string();
    for (text, words) in [
        ("{\"config\": {}}\n{\"finding\": {\"osv\": \"GO-1\"}}\n".to_owned(), "looks like govulncheck's JSON"),
        ("{\"type\": \"auditSummary\", \"data\": {}}\n{\"type\": \"x\"}".to_owned(), "looks like yarn audit's JSON"),
        (format!("{grype}\n{grype}"), "has more than one JSON text in it, expected a report of Trivy, Grype"),
        (format!("{grype} and more"), "has more than one JSON text in it"),
        (format!("scanning\n{grype}"), "is no JSON, at line 1, column 1"),
        (grype[..10].to_owned(), "the JSON breaks off"),
    ] {
        let why = Tally::default().add(&text, Expected::Any, |_| Ok(Tie::Unnamed)).unwrap_err();
        assert!(why.contains(words), "{text}: {why}");
    }
}

proptest! {
    #[test]
    fn unknown_severities_are_never_green(word in "[a-zA-Z]{0,10}") {
        let known = ["critical", "high", "medium", "moderate", "low", "negligible", "none", "info", "unknown"];
        if !known.contains(&word.to_ascii_lowercase().as_str()) {
            for report in [
                trivy(&json!({"Target": "a", "Licenses": [{"Severity": word, "Name": "x"}]})),
                json!({"matches": [{"vulnerability": {"id": "CVE-1", "severity": word}}], "source": {}}),
                npm(&word, &json!({})),
                json!({"ok": false, "vulnerabilities": [{"id": "S1", "severity": word}], "dependencyCount": 3}),
            ] {
                prop_assert!(found(&report) != Ok(0), "{report}");
            }
        }
    }

    #[test]
    fn unknown_keys_are_no_report(key in "[a-zA-Z]{1,12}") {
        let result = found(&json!({key: []}));
        prop_assert!(result.is_err());
    }
}
