//! The engine behind screen and commands: it brings what happens outside to the core, and carries out what the core asks
//! for.

use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, bail};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::session::{Session, StartError, operator};
use super::tap::Tap;
use crate::cli::journal::exported;
use crate::config::Config;
use crate::core::{Core, Effect, Level, Msg};
use crate::domain::record::journal::{Entry, JournalState};
use crate::domain::record::receipt::Receipt;
use crate::domain::record::recovered::Recovered;
use crate::executors::{Dispatcher, journal};
use crate::platform::{Redactor, Variables};
/// How long to wait before what keeps a release out is shared again.
const SHARE_RETRIES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// How often time passes for the core: ages and countdowns are shown in seconds.
const CLOCK_INTERVAL: Duration = Duration::from_secs(1);
/// A wall clock that runs ahead of the monotonic one by more than this was asleep, or was set.
const MAX_CLOCK_DRIFT: SignedDuration = SignedDuration::from_secs(5);
/// Entries that wait to be written.
const MAX_WAITING_ENTRIES: usize = 1024;
/// How often a journal that cannot be written is tried again, in seconds.
const JOURNAL_RETRY_SECONDS: i64 = 5;
/// How often the log, at level debug, reports how many tasks are alive, in seconds.
const TASK_COUNT_SECONDS: i64 = 10;
/// Journal lines of a release that are read when it is first seen.
const MAX_TAIL_LINES: usize = 1000;
/// How long entries that wait may take to be written when the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);
/// How long the anchor of a journal may take to be written when the program ends.
const ANCHOR_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether what is observed is recorded in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observations {
    Recorded,
    /// This run only looks: what it happens to see at its first look is no event.
    Dropped,
}

/// The outside of a core: sources, executors, journals.
pub(super) struct Engine {
    pub(super) session: Session,
    entries: mpsc::Sender<(String, Entry)>,
    writer: JoinHandle<()>,
    observations: Observations,
    /// The journals of earlier runs, while they are being read.
    journals: Option<JoinHandle<Recovered>>,
    /// The release whose journal is followed.
    release: Option<String>,
    /// When time was last told to the core, by both clocks.
    clocks: (Timestamp, Instant),
    tap: Option<Box<dyn Tap>>,
}

impl Engine {
    /// Reads kubeconfigs and makes the core, without touching the network: see [`Engine::start`].
    pub(super) async fn open(
        config: Config,
        variables: &Variables,
        redactor: &Redactor,
        observations: Observations,
        tap: Option<Box<dyn Tap>>,
    ) -> Result<(Self, Core), StartError> {
        let (session, world) = Session::open(config, variables, redactor).await?;
        let core = Core::new(world, operator(), Timestamp::now());
        let (entries, waiting) = mpsc::channel(MAX_WAITING_ENTRIES);
        let writer = tokio::spawn(write_entries(session.dispatcher.clone(), waiting));
        let clocks = (Timestamp::now(), Instant::now());
        let engine = Self { session, entries, writer, observations, journals: None, release: None, clocks, tap };
        Ok((engine, core))
    }

    /// Starts sources and executors, and begins to read the journals; returns what the core is to know at once.
    pub(super) fn start(&mut self) -> Vec<Msg> {
        self.session.start();
        self.journals = Some(self.session.read_journals());
        let troubles = std::mem::take(&mut self.session.troubles);
        let broken = |why| JournalState { broken: Some(why), unwritten: 0 };
        let troubles = troubles.into_iter().map(|why| Msg::Receipt(Receipt::Journal(broken(why))));
        let distrusted = self.session.distrusted.take().map(|what| Msg::Notice(Level::Warn, what));
        let signers = std::mem::take(&mut self.session.signers).into_iter().map(|what| Msg::Notice(Level::Warn, what));
        troubles.chain(distrusted).chain(signers).collect()
    }

    /// Waits for what happens next; safe to be dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Vec<Msg>> {
        tokio::select! {
            biased;
            found = read(&mut self.journals), if self.journals.is_some() => {
                self.journals = None;
                let found = found?;
                self.session.recover(&found);
                Ok(vec![Msg::Recovered(Box::new(found))])
            }
            Some(receipt) = self.session.receipts.recv() => Ok(vec![Msg::Receipt(receipt)]),
            () = self.session.inbox.arrived() => Ok(self.session.inbox.drain().into_iter().map(Msg::Feed).collect()),
            () = sleep_until(self.clocks.1 + CLOCK_INTERVAL) => Ok(vec![self.tick()]),
        }
    }

    /// Returns what waits already, without waiting for more.
    pub(super) fn waiting(&mut self) -> Vec<Msg> {
        let mut waiting: Vec<Msg> = Vec::new();
        while let Ok(receipt) = self.session.receipts.try_recv() {
            waiting.push(Msg::Receipt(receipt));
        }
        waiting.extend(self.session.inbox.drain().into_iter().map(Msg::Feed));
        waiting
    }

    /// Lets the tap hear a message before the core takes it in.
    pub(super) fn tap(&mut self, msg: &Msg, now: Timestamp) {
        if let (Some(tap), Msg::Feed(feed)) = (&mut self.tap, msg) {
            tap.feed(feed, now);
        }
    }

    /// Returns whether the tap ends the session.
    pub(super) fn is_over(&mut self, core: &Core) -> bool {
        self.tap.as_mut().is_some_and(|tap| tap.is_over(&core.world))
    }

    fn tick(&mut self) -> Msg {
        let (wall, steady) = (Timestamp::now(), Instant::now());
        let (last_wall, last_steady) = std::mem::replace(&mut self.clocks, (wall, steady));
        let ran = SignedDuration::try_from(steady.duration_since(last_steady)).unwrap_or(SignedDuration::ZERO);
        let ahead = wall.duration_since(last_wall) - ran;
        if wall.as_second() % TASK_COUNT_SECONDS == 0 {
            // A task that never ends shows as a number that grows.
            tracing::debug!(tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks(), "alive");
        }
        if ahead.abs() > MAX_CLOCK_DRIFT { Msg::Woke } else { Msg::Clock }
    }

    /// Does what follows from what the core knows now: checks are given what they are about, and the journal of the
    /// release that moves is followed. `ticked`: time passed.
    pub(super) fn follow(&mut self, core: &Core, ticked: bool) {
        self.session.ask(&core.world);
        if ticked {
            self.retry_journal(core);
        }
        let Some(release) = core.world.release().map(|view| view.journal()) else { return };
        if self.release.as_ref() == Some(&release) {
            return;
        }
        self.release = Some(release.clone());
        let dispatcher = self.session.dispatcher.clone();
        tokio::spawn(async move {
            dispatcher.probe(&release).await;
            let path = dispatcher.journal().dir().join(journal::file_name(&release));
            let read = tokio::task::spawn_blocking(move || journal::read(&path)).await;
            if let Ok(Ok(contents)) = read {
                let skip = contents.lines.len().saturating_sub(MAX_TAIL_LINES);
                dispatcher.show(contents.lines.into_iter().skip(skip).collect()).await;
            }
        });
    }

    /// While the journal cannot be written, tries again every few seconds: what waits in memory is written then.
    fn retry_journal(&self, core: &Core) {
        let due = core.now.as_second() % JOURNAL_RETRY_SECONDS == 0;
        if let (Some(_), true, Some(release)) = (&core.journal.broken, due, self.release.clone()) {
            let dispatcher = self.session.dispatcher.clone();
            tokio::spawn(async move { dispatcher.probe(&release).await });
        }
    }

    /// Carries out what the core asks for, apart from this task. The bell is the front end's.
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Perform(plan) => {
                if let Some(tap) = &mut self.tap {
                    tap.acted(plan.record(), Timestamp::now());
                }
                let dispatcher = self.session.dispatcher.clone();
                // The outcome comes back as a receipt.
                tokio::spawn(async move { dispatcher.perform(*plan).await });
            }
            Effect::Record { entry: Entry::Observed { .. } | Entry::Checked { .. } | Entry::Regressed(_), .. }
            | Effect::Share(_)
                if self.observations == Observations::Dropped => {}
            Effect::Record { release, entry } => {
                if self.entries.try_send((release, entry)).is_err() {
                    tracing::error!("an entry was not recorded: too many wait to be written");
                }
            }
            Effect::Share(entry) => {
                let dispatcher = self.session.dispatcher.clone();
                tokio::spawn(async move { share_again_and_again(&dispatcher, &entry).await });
            }
            Effect::Learn(env, access) => self.session.dispatcher.learn(&env, &access),
            Effect::RunChecks(env, check) => self.session.run_checks(env, check),
            Effect::Refresh => self.session.refresh.notify_waiters(),
            Effect::AskRights => self.session.rights.notify_waiters(),
            Effect::Ring => {}
        }
    }

    /// Copies the journal that is followed beside where the program was started; an existing file is left alone.
    pub(super) fn export(&self, now: Timestamp) -> Result<String> {
        let Some(release) = &self.release else { bail!("no release is on the screen") };
        let name = journal::file_name(release);
        let stamp = now.strftime("%Y%m%d-%H%M%S");
        let path = format!("{}-{stamp}.jsonl", name.trim_end_matches(".jsonl"));
        let bytes = journal::whole_lines(&self.session.dispatcher.journal().dir().join(&name))
            .wrap_err_with(|| format!("nothing is written of {release} yet"))?;
        journal::copy_new(path.as_ref(), &exported(bytes)).wrap_err_with(|| path.clone())?;
        Ok(path)
    }

    /// Ends everything. What waits to be written gets a moment.
    pub(super) async fn end(self) {
        let Self { mut session, entries, mut writer, .. } = self;
        drop(entries);
        let flushed = async {
            loop {
                tokio::select! {
                    _ = &mut writer => break,
                    // The writer reports what it wrote, and waits where no one listens.
                    _ = session.receipts.recv() => {}
                }
            }
        };
        let _ = timeout(FLUSH_TIMEOUT, flushed).await;
        session.dispatcher.anchored(ANCHOR_TIMEOUT).await;
        session.end().await;
    }
}

/// Shares what voids a GO; a server that does not answer now may do so in a moment.
async fn share_again_and_again(dispatcher: &Dispatcher, entry: &Entry) {
    for wait in SHARE_RETRIES {
        let Err(why) = dispatcher.share(entry).await else { return };
        tracing::warn!(why, "what keeps a release out is known on this machine only; it is shared again later");
        tokio::time::sleep(wait).await;
    }
    if let Err(why) = dispatcher.share(entry).await {
        tracing::warn!(why, "what keeps a release out is known on this machine only");
    }
}

async fn read(journals: &mut Option<JoinHandle<Recovered>>) -> Result<Recovered> {
    match journals {
        Some(reading) => reading.await.wrap_err("cannot read the journals"),
        None => std::future::pending().await,
    }
}

/// Writes entries in their order, apart from the loop.
async fn write_entries(dispatcher: Dispatcher, mut waiting: mpsc::Receiver<(String, Entry)>) {
    while let Some((release, entry)) = waiting.recv().await {
        dispatcher.record(&release, entry).await;
    }
}
