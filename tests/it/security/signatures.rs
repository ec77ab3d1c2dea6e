//! Statements signed by SSH key: only what the author's key proves lets a release through. `ssh-keygen` is the oracle.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use release_cockpit::domain::record::allowed_signers::{AllowedSigners, NAMESPACE};
use release_cockpit::domain::record::journal::Entry;
use release_cockpit::domain::record::proof::{Keys, Proof};
use release_cockpit::domain::record::shared::statement;
use serde_json::{Value, json};

use super::program::{Home, Simulated};

const RECORD: &str = "release-cockpit";
const HEADER: &str = "release-cockpit statement 1\n";

/// Whether `ssh-keygen` is there; where it is not, the test says so and ends.
fn has_ssh_keygen(test: &str) -> bool {
    let found = Command::new("ssh-keygen").arg("-?").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        // Not held back by the harness, as what `eprintln!` says is.
        let _ = writeln!(std::io::stderr(), "skipped {test}: ssh-keygen is not installed");
    }
    found
}

fn fixture(name: &str) -> String {
    fs::read_to_string(Path::new("tests/signatures").join(name)).unwrap()
}

fn keys(signers: &str) -> Keys {
    Keys::new(Ok(AllowedSigners::parse(signers, &TimeZone::system())))
}

fn proof(signers: &str, entry: &Entry) -> Proof {
    keys(signers).prove(entry, None, Timestamp::now())
}

/// Makes a key in a folder, and returns the line of its owner.
fn key(folder: &Path, name: &str, kind: &[&str], passphrase: &str) -> String {
    let path = folder.join(name);
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-N", passphrase, "-C", name, "-t"]).args(kind).arg("-f").arg(&path);
    assert!(make.status().unwrap().success());
    format!("{name} {}", fs::read_to_string(path.with_extension("pub")).unwrap())
}

/// Runs `ssh-keygen -Y` over a message; returns what it printed where it says yes.
fn ssh_keygen(arguments: &[&str], message: &[u8]) -> Option<String> {
    let mut child = Command::new("ssh-keygen")
        .arg("-Y")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_ssh_keygen_signed_is_verified_for_each_kind_of_key() {
    let text = fixture("statement.json");
    let entry: Entry = serde_json::from_str(&text).unwrap();
    assert_eq!(entry.to_be_signed().unwrap(), format!("{HEADER}{text}").into_bytes());
    let signers = fixture("allowed_signers");
    for (line, name) in signers.lines().zip(["ed25519", "ecdsa-256", "ecdsa-384", "rsa-2048"]) {
        let signature = fixture(&format!("{name}.sig")).trim_end().to_owned();
        let signed = entry.clone().with_signature(Some(signature.clone()));
        assert_eq!(proof(line, &signed), Proof::ByKey, "{name}");
        let other = signers.lines().filter(|other| *other != line).collect::<Vec<_>>().join("\n");
        assert!(proof(&other, &signed).flaw().is_some(), "{name}");
        // Another way to write the same signature is none.
        for text in [signature.clone() + "\n", signature.replace('\n', "\r\n"), format!(" {signature}")] {
            assert!(proof(line, &entry.clone().with_signature(Some(text))).flaw().is_some(), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn no_other_signature_is_verified(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9+/=\n]", kind in 0_usize..4) {
        let entry: Entry = serde_json::from_str(&fixture("statement.json")).unwrap();
        let name = ["ed25519", "ecdsa-256", "ecdsa-384", "rsa-2048"][kind];
        let mut signature = fixture(&format!("{name}.sig")).trim_end().to_owned();
        let at = at.index(signature.len());
        prop_assume!(signature[at..=at] != to);
        signature.replace_range(at..=at, &to);
        prop_assert!(proof(&fixture("allowed_signers"), &entry.with_signature(Some(signature))).flaw().is_some());
    }
}

#[test]
fn the_same_signers_are_allowed_as_by_ssh_keygen() {
    if !has_ssh_keygen("the_same_signers_are_allowed_as_by_ssh_keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let own = key(folder.path(), "alice", &["ed25519"], "");
    let other = key(folder.path(), "bob", &["ed25519"], "");
    let public = own.strip_prefix("alice ").unwrap();
    let entry: Entry = serde_json::from_str(&fixture("statement.json")).unwrap();
    let message = entry.to_be_signed().unwrap();
    let private = folder.path().join("alice");
    let (signers, signature_file) = (folder.path().join("signers"), folder.path().join("sig"));
    for namespace in [NAMESPACE, "git"] {
        let signature = ssh_keygen(&["sign", "-n", namespace, "-f", path(&private)], &message).unwrap();
        fs::write(&signature_file, &signature).unwrap();
        let signed = entry.clone().with_signature(Some(signature.trim_end().to_owned()));
        for lines in [
            own.clone(),
            other.clone(),
            String::new(),
            format!("bob {public}"),
            format!("al*,!alice {public}"),
            format!("bob,al?ce {public}"),
            format!("alice namespaces=\"git\" {public}"),
            format!("alice namespaces=\"git,release-cockpit\" {public}"),
            format!("alice valid-before=\"20200101\" {public}"),
            format!("alice valid-before=\"20991231235959Z\",valid-after=\"20200101\" {public}"),
            format!("alice valid-after=\"20990101\" {public}"),
            format!("alice valid-before=\"20200101\" {public}{own}"),
            format!("# {own}"),
        ] {
            fs::write(&signers, &lines).unwrap();
            let asked = ["verify", "-f", path(&signers), "-I", "alice", "-n", NAMESPACE, "-s", path(&signature_file)];
            let allowed = ssh_keygen(&asked, &message).is_some();
            assert_eq!(proof(&lines, &signed) == Proof::ByKey, allowed, "{namespace}: {lines}");
            assert!(ssh_keygen(&asked, &[&message[..], b" "].concat()).is_none());
        }
    }
}

/// A canary that wants a GO as `sre` and one as `product`, and an acknowledgement; and who may sign.
struct Signed {
    simulated: Simulated,
}

impl Signed {
    /// Alice signs with her key; the config names hers and Bob's.
    fn new(test: &str) -> Option<Self> {
        has_ssh_keygen(test).then(|| {
            let simulated = Simulated::new("canary", &[("COCKPIT_SIGNING_KEY", "alice")]);
            let signed = Self { simulated };
            let folder = signed.folder();
            let lines = ["alice", "bob"].map(|name| key(&folder, name, &["ed25519"], ""));
            key(&folder, "mallory", &["ed25519"], "");
            signed.home().write("signers", &lines.concat());
            signed.configure(&signed.simulated);
            signed
        })
    }

    fn configure(&self, simulated: &Simulated) {
        simulated.point_here();
        let more = "\n[record]\nallowed_signers = \"signers\"\n[sign_offs]\nroles = { sre = 1, product = 1 }\n\
                    [[checks]]\nid = \"on-call\"\ngate = true\n";
        self.home().write("cockpit.toml", &(self.home().read("cockpit.toml") + more));
    }

    fn home(&self) -> &Home {
        &self.simulated.home
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(self.home().path(""))
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str], says: &str) {
        let run = self.home().run(arguments);
        assert_eq!(run.code(), code, "{arguments:?}\n{}", run.said());
        assert!(run.said().contains(says), "{arguments:?} does not say {says:?}\n{}", run.said());
    }

    /// Alice signs GO as `product`; returns what she said.
    fn alice(&self) -> Value {
        self.expect(0, &["sign", "prod-eu", "--role", "product", "go", "--note", "seen"], "signed GO");
        let all = statements(&self.simulated);
        all.into_iter().map(|(_, value)| value).find(|value| value["role"] == "product").unwrap()
    }

    /// Lets somebody write a statement who may patch the record, signed with that key if any.
    fn forge(&self, statement_of: &Value, with: Option<&str>) {
        let entry: Entry = serde_json::from_value(statement_of.clone()).unwrap();
        let signature = with.map(|name| {
            let private = self.folder().join(name);
            let signature =
                ssh_keygen(&["sign", "-n", NAMESPACE, "-f", path(&private)], &entry.to_be_signed().unwrap());
            signature.unwrap().trim_end().to_owned()
        });
        let kept = entry.signature().map(str::to_owned);
        let (key, value) = statement(&entry.with_signature(signature.or(kept))).unwrap();
        put(&self.simulated, &key, &value);
    }
}

fn put(simulated: &Simulated, key: &str, value: &str) {
    let data = json!({"data": {key: value}});
    simulated.simulator.cluster("prod-eu").unwrap().patch("configmaps", RECORD, &data).unwrap();
}

fn statements(simulated: &Simulated) -> Vec<(String, Value)> {
    let record = simulated.simulator.cluster("prod-eu").unwrap().get("configmaps", RECORD).unwrap_or_default();
    let data = record["data"].as_object().cloned().unwrap_or_default();
    let texts = data.into_iter().filter(|(key, _)| !key.starts_with("journal."));
    let read = texts.map(|(key, value)| (key, serde_json::from_str::<Value>(value.as_str().unwrap()).unwrap()));
    // What the config asks for goes ahead of what people state.
    read.filter(|(_, value)| value["kind"] != "requires").collect()
}

fn unsigned(mut statement: Value) -> Value {
    statement.as_object_mut().unwrap().remove("signature");
    statement
}

#[test]
fn a_go_that_its_author_signed_counts_and_is_shown_as_verified_by_key() {
    let Some(signed) = Signed::new("a_go_that_its_author_signed_counts_and_is_shown_as_verified_by_key") else {
        return;
    };
    let said = signed.alice();
    assert_eq!(said["who"], "alice");
    // What we sign `ssh-keygen` verifies.
    let entry: Entry = serde_json::from_value(said.clone()).unwrap();
    let file = signed.folder().join("sig");
    fs::write(&file, entry.signature().unwrap().to_owned() + "\n").unwrap();
    let signers = signed.folder().join("signers");
    let asked = ["verify", "-f", path(&signers), "-I", "alice", "-n", NAMESPACE, "-s", path(&file)];
    assert!(ssh_keygen(&asked, &entry.to_be_signed().unwrap()).is_some());
    let gate = signed.home().said(&["gate", "prod-eu"]);
    assert!(gate.contains("product") && gate.contains("alice GO “seen”, verified by key"), "{gate}");
    assert!(gate.contains("sign-off sre: 0 of 1") && !gate.contains("sign-off product"), "{gate}");
    signed.expect(0, &["log", "show"], "alice signed GO as product: “seen” (verified by key)");
    signed.expect(0, &["ack", "prod-eu", "on-call", "--note", "Ana"], "acknowledged");
    signed.expect(0, &["check", "prod-eu", "on-call"], "acknowledged by alice (verified by key)");
    let mut screen = signed.home().screen((120, 40));
    screen.send("j4");
    screen.wait_text("verified by key");
    super::program::leave(screen);
}

#[test]
fn a_key_that_is_taken_back_proves_no_more_while_the_screen_is_open() {
    let Some(signed) = Signed::new("a_key_that_is_taken_back_proves_no_more_while_the_screen_is_open") else {
        return;
    };
    signed.alice();
    let mut screen = signed.home().screen((160, 40));
    screen.send("j4");
    screen.wait_text("verified by key");
    let all = signed.home().read("signers");
    let of_bob: Vec<&str> = all.lines().filter(|line| line.starts_with("bob")).collect();
    signed.home().write("signers", &of_bob.join("\n"));
    screen.send("r");
    screen.wait_text("no key of alice in allowed_signers");
    signed.home().write("signers", &all);
    screen.send("r");
    screen.wait_text("verified by key");
    super::program::leave(screen);
}

#[test]
fn whoever_may_patch_the_record_signs_in_nobody_elses_name() {
    let Some(signed) = Signed::new("whoever_may_patch_the_record_signs_in_nobody_elses_name") else { return };
    let said = signed.alice();
    let mut forged = unsigned(said.clone());
    (forged["who"], forged["role"]) = ("bob".into(), "sre".into());
    signed.forge(&forged, None);
    signed.expect(3, &["gate", "prod-eu"], "sign-off sre: 0 of 1; the one of bob is void: unsigned");
    signed.forge(&forged, Some("mallory"));
    signed.expect(3, &["gate", "prod-eu"], "the one of bob is void: signed with a key that is not bob's");
    (forged["who"], forged["note"]) = ("carol".into(), "".into());
    signed.forge(&forged, Some("mallory"));
    signed.expect(3, &["gate", "prod-eu"], "no key of carol in allowed_signers");
    // Her own signature, for another role.
    let mut replayed = said;
    replayed["role"] = "sre".into();
    signed.forge(&replayed, None);
    signed.expect(3, &["gate", "prod-eu"], "void: the signature does not match");
    // By Bob's own key it counts.
    forged["who"] = "bob".into();
    signed.forge(&forged, Some("bob"));
    let gate = signed.home().said(&["gate", "prod-eu"]);
    assert!(!gate.contains("sign-off sre") && gate.contains("bob GO, verified by key"), "{gate}");
}

#[test]
fn a_forged_acknowledgement_passes_no_gate() {
    let Some(signed) = Signed::new("a_forged_acknowledgement_passes_no_gate") else { return };
    signed.expect(0, &["ack", "prod-eu", "on-call", "--note", "Ana"], "acknowledged");
    let own = statements(&signed.simulated).remove(0);
    put_away(&signed, &own.0);
    let mut forged = unsigned(own.1);
    forged["who"] = "bob".into();
    signed.forge(&forged, None);
    signed.expect(3, &["gate", "prod-eu"], "on-call: the acknowledgement of bob does not count: unsigned");
    signed.forge(&forged, Some("bob"));
    signed.expect(0, &["check", "prod-eu", "on-call"], "acknowledged by bob (verified by key)");
}

/// Takes a statement out of the record and of this machine.
fn put_away(signed: &Signed, key: &str) {
    let data = json!({"data": {key: null}});
    signed.simulated.simulator.cluster("prod-eu").unwrap().patch("configmaps", RECORD, &data).unwrap();
    fs::remove_dir_all(signed.folder().join("state")).unwrap();
}

#[test]
fn an_unsigned_no_go_blocks_until_its_author_takes_it_back() {
    let Some(signed) = Signed::new("an_unsigned_no_go_blocks_until_its_author_takes_it_back") else { return };
    let said = signed.alice();
    let mut no_go = unsigned(said);
    (no_go["who"], no_go["decision"], no_go["note"]) = ("bob".into(), "no-go".into(), "wait".into());
    signed.forge(&no_go, None);
    signed.expect(3, &["gate", "prod-eu"], "bob signed NO-GO as product: “wait”");
    let mut back = no_go.clone();
    (back["decision"], back["takes_back"]) = ("go".into(), no_go["at"].clone());
    back["at"] = jiff::Timestamp::now().to_string().into();
    signed.forge(&back, Some("mallory"));
    signed.expect(3, &["gate", "prod-eu"], "bob signed NO-GO as product: “wait”");
    signed.forge(&back, Some("bob"));
    let gate = signed.home().said(&["gate", "prod-eu"]);
    assert!(!gate.contains("NO-GO as product"), "{gate}");
}

#[test]
fn a_signed_go_of_another_cluster_or_release_is_none_here() {
    let Some(signed) = Signed::new("a_signed_go_of_another_cluster_or_release_is_none_here") else { return };
    let said = signed.alice();
    fs::remove_dir_all(signed.folder().join("state")).unwrap();
    let other = Simulated::in_home(signed.home().clone(), "canary", 8);
    signed.configure(&other);
    // It makes the record there.
    signed.expect(0, &["ack", "prod-eu", "on-call", "--note", "Ana"], "acknowledged");
    let entry: Entry = serde_json::from_value(said.clone()).unwrap();
    let (key, value) = statement(&entry).unwrap();
    put(&other, &key, &value);
    signed.expect(3, &["gate", "prod-eu"], "sign-off product: 0 of 1");
    // Said to be of this cluster or of another release it does not match.
    let here = statements(&other).into_iter().find(|(_, value)| value["kind"] == "acknowledged").unwrap().1;
    for (field, value) in [("cluster", here["cluster"].clone()), ("subject", "api=9.9.9".into())] {
        let mut changed = said.clone();
        changed["cluster"] = here["cluster"].clone();
        changed[field] = value;
        let (key, value) = statement(&serde_json::from_value(changed).unwrap()).unwrap();
        put(&other, &key, &value);
        signed.expect(3, &["gate", "prod-eu"], "sign-off product: 0 of 1");
    }
}

#[test]
fn a_lane_counts_only_by_its_authors_key() {
    let Some(signed) = Signed::new("a_lane_counts_only_by_its_authors_key") else { return };
    let lane = "\n[[lanes]]\nname = \"hotfix\"\nenvironments = [\"staging\", \"prod-eu\"]\ngates = []\nsign_offs = { sre = 1 }\n";
    signed.home().write("cockpit.toml", &(signed.home().read("cockpit.toml") + lane));
    let list = |says: &str| signed.expect(0, &["lane", "list", "prod-eu"], says);
    let required = ["require", "prod-eu", "--confirm", "prod-eu"];
    signed.expect(0, &required, "it allows the lane hotfix from staging");
    let open = ["lane", "open", "prod-eu", "hotfix", "--until", "1h", "--note", "incident", "--confirm", "prod-eu"];
    signed.expect(0, &open, "alice opened the lane hotfix in prod-eu");
    list("open until");
    let (key, said) = statements(&signed.simulated).into_iter().find(|(_, value)| value["kind"] == "lane").unwrap();
    put_away(&signed, &key);
    list("no lane was opened");
    signed.forge(&unsigned(said.clone()), None);
    list("not used here: unsigned");
    signed.forge(&unsigned(said.clone()), Some("mallory"));
    list("not used here: signed with a key that is not alice's");
    // Her own signature, until later, and for another artifact.
    for (field, value) in [("until", json!("2099-01-01T00:00:00Z")), ("version", json!("9.9.9"))] {
        let mut replayed = said.clone();
        replayed[field] = value;
        signed.forge(&replayed, None);
        list("not used here: the signature does not match");
    }
    signed.forge(&said, None);
    list("open until");
    // An end counts whoever wrote it: it only stops.
    let mut end = unsigned(said);
    end["is_end"] = true.into();
    signed.forge(&end, None);
    list("closed at");
}

#[test]
fn signers_that_cannot_be_read_prove_nothing_and_stop_no_stop() {
    let Some(signed) = Signed::new("signers_that_cannot_be_read_prove_nothing_and_stop_no_stop") else { return };
    signed.alice();
    fs::remove_file(signed.folder().join("signers")).unwrap();
    let run = signed.home().run(&["config", "check"]);
    assert_eq!(run.code(), 2, "{}", run.said());
    let at =
        signed.home().read("cockpit.toml").lines().position(|line| line.starts_with("allowed_signers")).unwrap() + 1;
    let place = format!("cockpit.toml:{at}:19: `allowed_signers`: cannot read ");
    assert!(run.said().contains(&place) && run.said().contains("name a file whose lines are"), "{}", run.said());
    signed.expect(3, &["gate", "prod-eu"], "is void: allowed_signers is not used: cannot read");
    signed.expect(0, &["abort", "prod-eu", "--yes"], "done");
}

#[test]
fn a_key_that_wants_a_passphrase_asks_nobody_for_it() {
    let Some(signed) = Signed::new("a_key_that_wants_a_passphrase_asks_nobody_for_it") else { return };
    fs::remove_file(signed.folder().join("alice")).unwrap();
    let line = key(&signed.folder(), "alice", &["ed25519"], "a secret of five words");
    signed.home().write("signers", &line);
    let sign = ["sign", "prod-eu", "--role", "sre", "go"];
    signed.expect(0, &sign, "the key alice needs a passphrase: add it to ssh-agent with `ssh-add alice`");
    signed.expect(3, &["gate", "prod-eu"], "the one of alice is void: unsigned");
    fs::remove_file(signed.folder().join("alice")).unwrap();
    signed.expect(0, &sign, "not signed, so it counts nowhere that allowed_signers is configured");
    signed.expect(0, &["sign", "prod-eu", "--role", "sre", "no-go", "--note", "wait"], "signed NO-GO");
    signed.expect(3, &["gate", "prod-eu"], "alice signed NO-GO as sre: “wait”");
}

#[test]
fn a_key_in_the_agent_signs_by_its_public_half() {
    if !has_ssh_keygen("a_key_in_the_agent_signs_by_its_public_half") {
        return;
    }
    // The path of a socket may not be long.
    let agent = tempfile::Builder::new().prefix("a").tempdir_in("/tmp").unwrap();
    let socket = agent.path().join("s");
    let started = Command::new("ssh-agent").arg("-a").arg(&socket).output().unwrap();
    let said = String::from_utf8(started.stdout).unwrap();
    let pid = said.split("SSH_AGENT_PID=").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let simulated = Simulated::new("canary", &[("COCKPIT_SIGNING_KEY", "alice.pub"), ("SSH_AUTH_SOCK", path(&socket))]);
    let signed = Signed { simulated };
    signed.home().write("signers", &key(&signed.folder(), "alice", &["ed25519"], ""));
    signed.configure(&signed.simulated);
    let private = signed.folder().join("alice");
    assert!(Command::new("ssh-add").arg("-q").arg(&private).env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
    fs::remove_file(private).unwrap();
    let said = signed.alice();
    let ended = Command::new("ssh-agent").arg("-k").env("SSH_AGENT_PID", &pid).env("SSH_AUTH_SOCK", &socket).output();
    assert!(ended.unwrap().status.success());
    assert!(said["signature"].is_string());
    let gate = signed.home().said(&["gate", "prod-eu"]);
    assert!(gate.contains("alice GO “seen”, verified by key"), "{gate}");
}
