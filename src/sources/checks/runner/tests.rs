use std::path::Path;
use std::time::SystemTime;

use super::*;
use crate::config::{Config, ConfigBase};
use crate::domain::facts::workload::Revision;
use crate::sources::git::tests::{Repo, no_git};
use crate::sources::inbox::Inbox;

/// Checks of kind `command`: a program that says so, one that fails, one that never ends.
const CHECKS: &str = r#"
    [[checks]]
    id = "well"
    command = { argv = ["true"] }
    [[checks]]
    id = "bad"
    command = { argv = ["false"] }
    [[checks]]
    id = "hangs"
    timeout = "200ms"
    command = { argv = ["sleep", "60"] }
"#;

struct Ground {
    inbox: Inbox,
    asks: watch::Sender<Option<Ask>>,
    again: broadcast::Sender<Again>,
    _cancel: tokio_util::sync::DropGuard,
}

fn ground() -> Ground {
    ground_of(CHECKS, Path::new("/"))
}

fn ground_of(checks: &str, folder: &Path) -> Ground {
    ground_with(checks, folder, Tools::default())
}

fn ground_with(checks: &str, folder: &Path, tools: Tools) -> Ground {
    let config = Config::parse(checks, &ConfigBase { folder: folder.to_owned(), ..ConfigBase::default() }).unwrap();
    let (inbox, cancel) = (Inbox::default(), CancellationToken::new());
    let (asks, watched) = watch::channel(None);
    let (again, heard) = broadcast::channel(8);
    CheckRunner {
        env: EnvName::new("a"),
        checks: config.defaults.checks,
        tools,
        flags_in_code: None,
        asks: watched,
        again: heard,
        room: Arc::new(Semaphore::new(MAX_CONCURRENT_CHECKS)),
        outlet: inbox.outlet(),
        cancel: cancel.clone(),
    }
    .spawn(&TaskTracker::new());
    Ground { inbox, asks, again, _cancel: cancel.drop_guard() }
}

impl Ground {
    async fn answers(&self, number: usize) -> BTreeMap<String, Finding> {
        let mut answers = BTreeMap::new();
        while answers.len() < number {
            self.inbox.arrived().await;
            for feed in self.inbox.drain() {
                if let Feed::Checked { check, finding, .. } = feed {
                    answers.insert(check.to_string(), finding);
                }
            }
        }
        answers
    }

    fn ask(&self, subject: &str) {
        self.asks.send_replace(Some(Ask { scene: CheckInput::default(), subject: subject.to_owned() }));
    }
}

#[tokio::test]
async fn hanging_check_fails_by_its_own_timeout() {
    let ground = ground();
    ground.ask("api:1");
    let answers = ground.answers(3).await;
    assert_eq!(answers["well"].found, CheckOutcome::Passed);
    assert_eq!(answers["bad"].found, CheckOutcome::Failed);
    assert_eq!(
        (answers["hangs"].found, answers["hangs"].summary.as_str()),
        (CheckOutcome::Failed, "no answer in 0.2 s")
    );
    assert!(answers.values().all(|finding| finding.subject == "api:1"));
}

#[tokio::test]
async fn an_answer_about_another_artifact_is_dropped() {
    let ground = ground();
    let inbox = Inbox::default();
    let (_, asks) = watch::channel(Some(Ask { scene: CheckInput::default(), subject: "api:2".to_owned() }));
    let mut looks = Looks::new(CheckRunner {
        env: EnvName::new("a"),
        checks: Config::parse(CHECKS, &ConfigBase { folder: "/".into(), ..ConfigBase::default() })
            .unwrap()
            .defaults
            .checks,
        tools: Tools::default(),
        flags_in_code: None,
        asks,
        again: ground.again.subscribe(),
        room: Arc::new(Semaphore::new(0)),
        outlet: inbox.outlet(),
        cancel: CancellationToken::new(),
    });
    looks.take_ask().await;
    let _begun = inbox.drain();
    let task = looks.set.spawn(std::future::pending()).id();
    for (subject, told) in [("api:1", 0), ("api:2", 1)] {
        let passed = Evidence::passed("tested".to_owned());
        looks.finish(Ok((task, (CheckId::new("well"), subject.to_owned(), passed.into()))));
        assert_eq!(inbox.drain().len(), told, "{subject}");
    }
}

#[tokio::test]
async fn new_artifact_or_request_repeats_the_check() {
    let ground = ground();
    ground.ask("api:1");
    ground.answers(3).await;
    ground.ask("api:2");
    assert!(ground.answers(3).await.values().all(|finding| finding.subject == "api:2"));
    ground.again.send((EnvName::new("a"), Some(CheckId::new("well")))).unwrap();
    assert_eq!(ground.answers(1).await.keys().collect::<Vec<_>>(), ["well"]);
}

/// Writes a report of tests that is so old.
fn report(folder: &Path, text: &str, age: Duration) {
    let new = folder.join("new.xml");
    std::fs::write(&new, text).unwrap();
    std::fs::File::options().append(true).open(&new).unwrap().set_modified(SystemTime::now() - age).unwrap();
    std::fs::rename(new, folder.join("r.xml")).unwrap();
}

const GREEN: &str = "<testsuite><testcase name='a'/></testsuite>";
const HOUR: Duration = Duration::from_secs(3600);
const HALF_A_MINUTE_LESS: Duration = Duration::from_secs(3570);

/// The looks of one check of files, step by step: what is due is looked at when the test says so.
struct Steps {
    looks: Looks,
    inbox: Inbox,
}

impl Steps {
    async fn new(asked: &str, folder: &Path) -> Self {
        Self::about(CheckInput::default(), asked, folder, Tools::default()).await
    }

    async fn about(scene: CheckInput, asked: &str, folder: &Path, tools: Tools) -> Self {
        let place = ConfigBase { folder: folder.to_owned(), ..ConfigBase::default() };
        let inbox = Inbox::default();
        let (_, asks) = watch::channel(Some(Ask { scene, subject: "api:1".to_owned() }));
        let (_, again) = broadcast::channel(1);
        let mut looks = Looks::new(CheckRunner {
            env: EnvName::new("a"),
            checks: Config::parse(asked, &place).unwrap().defaults.checks,
            tools,
            flags_in_code: None,
            asks,
            again,
            room: Arc::new(Semaphore::new(1)),
            outlet: inbox.outlet(),
            cancel: CancellationToken::new(),
        });
        looks.take_ask().await;
        Self { looks, inbox }
    }

    /// Returns what the look that is running comes to, and how long until the next one.
    async fn answer(&mut self) -> (Finding, Option<Duration>) {
        let done = self.looks.set.join_next_with_id().await.unwrap();
        self.looks.finish(done);
        let next = self.looks.due.values().next().map(|due| due.duration_since(Instant::now()));
        let answers = self.inbox.drain().into_iter().filter_map(|feed| match feed {
            Feed::Checked { finding, .. } => Some(finding),
            _ => None,
        });
        (answers.last().unwrap(), next)
    }

    /// Lets the next look be due.
    async fn next(&mut self) -> (Finding, Option<Duration>) {
        self.looks.due.values_mut().for_each(|due| *due = Instant::now());
        self.looks.look_at_due().await;
        self.answer().await
    }
}

/// Whether it is between these seconds; what is due passes while it is asked.
fn is_within(pause: Option<Duration>, seconds: std::ops::RangeInclusive<u64>) -> bool {
    pause.is_some_and(|pause| seconds.contains(&pause.as_secs()))
}

#[tokio::test]
async fn red_report_in_place_of_a_green_one_is_noticed_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), GREEN, HOUR);
    let mut steps = Steps::new("[[checks]]\nid = 'tests'\njunit = { files = ['r.xml'] }", folder.path()).await;
    let (first, next) = steps.answer().await;
    assert!(first.found == CheckOutcome::Passed && is_within(next, 50..=200), "{next:?}");
    // While it stays, so does the answer, and it is said again, so that it does not grow stale.
    let (second, next) = steps.next().await;
    assert!(second.evidence == first.evidence && second.at > first.at && is_within(next, 50..=200), "{next:?}");
    report(folder.path(), &GREEN.replace("/>", "><failure/></testcase>"), HOUR);
    let (red, _) = steps.next().await;
    assert_eq!((red.found, red.summary.as_str()), (CheckOutcome::Failed, "1 failed of 1: a"));
    report(folder.path(), GREEN, HOUR);
    assert_eq!(steps.next().await.0.found, CheckOutcome::Passed);
}

#[tokio::test]
async fn report_that_grows_too_old_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), GREEN, HALF_A_MINUTE_LESS);
    let asked = "[[checks]]\nid = 'tests'\njunit = { files = ['r.xml'], max_age = '1h' }";
    let mut steps = Steps::new(asked, folder.path()).await;
    let (young, next) = steps.answer().await;
    assert!(young.found == CheckOutcome::Passed && is_within(next, 0..=30), "{next:?}");
    // No test moves the clock of files: the same report, a minute older.
    report(folder.path(), GREEN, HOUR + Duration::from_secs(30));
    let (old, _) = steps.next().await;
    assert_eq!(old.found, CheckOutcome::Blind, "{}", old.summary);
    assert!(old.summary.contains("old, and 1h00m is the most"), "{}", old.summary);
}

#[tokio::test]
async fn files_that_stay_are_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    report(folder.path(), GREEN, HOUR);
    let place = ConfigBase { folder: folder.path().to_owned(), ..ConfigBase::default() };
    let config = Config::parse("[[checks]]\nid = 'x'\njunit = { files = ['r.xml'] }", &place).unwrap();
    let kind = config.defaults.checks[0].kind.clone().unwrap();
    let (scene, tools) = (CheckInput::default(), Tools::default());
    let look = async |kept| look_again(&kind, &scene, &tools, Duration::from_secs(30), kept).await;
    let first = look(None).await;
    let kept = first.kept.expect("an answer about files that stay is kept");
    let again = look(Some(Arc::clone(&kept))).await;
    assert!(Arc::ptr_eq(&kept, &again.kept.unwrap()) && again.evidence == first.evidence);
    // What is written right now may be written once more within the same tick.
    report(folder.path(), GREEN, Duration::ZERO);
    assert_eq!(look(Some(Arc::clone(&kept))).await.kept, None);
    std::fs::remove_file(folder.path().join("r.xml")).unwrap();
    let gone = look(Some(kept)).await;
    assert_eq!((gone.evidence.found, gone.kept), (CheckOutcome::Blind, None));
}

/// One read may have failed, and a clone may have been behind.
#[tokio::test]
async fn commit_that_is_unknown_is_looked_up_with_each_look() {
    if no_git() {
        return;
    }
    let (folder, mut repo) = (tempfile::tempdir().unwrap(), Repo::new());
    let tools = Tools { repository: Some(repo.path().to_owned()), ..Tools::default() };
    let asked = "[[checks]]\nid = 'tests'\njunit = { files = ['{{commit}}.xml'] }";
    let scene = |version: &str| {
        let revision = Revision { images: vec![format!("api:{version}")], ..Revision::default() };
        CheckInput { version: version.to_owned(), revision: Some((revision, false)), ..CheckInput::default() }
    };
    let green = |commit: &str| std::fs::write(folder.path().join(format!("{commit}.xml")), GREEN).unwrap();
    green(&repo.commit("feat: pay"));
    let mut steps = Steps::about(scene("1.5.0"), asked, folder.path(), tools.clone()).await;
    let (first, _) = steps.answer().await;
    assert_eq!(first.found, CheckOutcome::Blind);
    assert!(first.summary.starts_with("the value of {{commit}} is unknown"), "{}", first.summary);
    repo.run(&["tag", "v1.5.0"]);
    let (second, _) = steps.next().await;
    assert_eq!(second.found, CheckOutcome::Passed, "{}", second.summary);

    // So it is when a person asks.
    let ground = ground_with(asked, folder.path(), tools);
    ground.asks.send_replace(Some(Ask { scene: scene("1.6.0"), subject: "api:2".to_owned() }));
    assert_eq!(ground.answers(1).await["tests"].found, CheckOutcome::Blind);
    green(&repo.commit("feat: pay twice"));
    repo.run(&["tag", "v1.6.0"]);
    ground.again.send((EnvName::new("a"), Some(CheckId::new("tests")))).unwrap();
    let told = ground.answers(1).await;
    assert_eq!(told["tests"].found, CheckOutcome::Passed, "{}", told["tests"].summary);
}
