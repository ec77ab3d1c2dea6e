//! What is in a release: everything that the screen can say of it.

use std::sync::Arc;

use jiff::Timestamp;
use release_cockpit::app::Model;
use release_cockpit::app::model::Screen;
use release_cockpit::domain::facts::changes::drift::Aspect;
use release_cockpit::domain::facts::changes::migration::{Migration, MigrationState};
use release_cockpit::domain::facts::changes::version::Bumping;
use release_cockpit::domain::facts::changes::{Changes, Commit, Difference, Part, Point, RawCommit, Tag, Versioning};
use release_cockpit::domain::facts::ids::EnvName;
use semver::Version;

use super::releases;
use super::shots::on;

fn commit(number: u8, author: &str, message: &str) -> RawCommit {
    RawCommit {
        hash: format!("{number:02x}").repeat(20),
        author: author.to_owned(),
        at: Timestamp::from_second(1_780_000_000 - i64::from(number) * 3600).ok(),
        message: message.to_owned(),
        merge: false,
    }
}

fn commits() -> Vec<Commit> {
    Commit::read_all(&[
        commit(0x1a, "Ada Lovelace", "feat(api)!: pages by cursor (#31)\n\nBREAKING CHANGE: `?page=` is gone"),
        commit(0x2b, "Grace Hopper", "feat(ledger): totals per currency\n\nRefs: PAY-204"),
        commit(
            0x3c,
            "Alan Turing",
            "fix: PAY-198 a payment that was refused is not tried again\n\nCo-authored-by: Ada Lovelace <ada@x>",
        ),
        commit(
            0x4d,
            "Grace Hopper",
            "perf(db): one query instead of one for each line of an order, which is most of them on a Monday morning",
        ),
        commit(0x5e, "Bo", "chore: newer libraries"),
        commit(0x6f, "Bo", "tidy up"),
    ])
}

fn all() -> Changes {
    let (last, next) = (Version::new(1, 4, 2), Version::new(1, 5, 0));
    let commits = commits();
    let point = |version: &str, commit: &str, told_by: &str| Point {
        version: version.to_owned(),
        commit: commit.repeat(20),
        told_by: told_by.to_owned(),
        at: None,
    };
    Changes {
        service: "payments-api".to_owned(),
        from: point("1.4.2", "9f", "tag v1.4.2"),
        to: point("1.5.0", "1a", "org.opencontainers.image.revision"),
        version: Part::Known(Versioning {
            version: Some(next.clone()),
            tag: Tag::There("v1.5.0".to_owned()),
            bumping: Some(Bumping::judge(&last, &next, &commits)),
            because: vec!["1a1a1a1a feat(api)!: pages by cursor (#31)".to_owned()],
        }),
        commits,
        lost: Commit::read_all(&[commit(0x7a, "Bo", "fix: PAY-190 hot fix on the release branch")]),
        cut: true,
        migrations: Part::Known(vec![
            Migration::read(
                "migrations/0012_totals.up.sql",
                "ALTER TABLE orders ADD COLUMN total bigint;",
                MigrationState::New,
                &["migrations/0012_totals.down.sql".to_owned()],
            ),
            Migration::read(
                "migrations/0013_pages.up.sql",
                "ALTER TABLE orders DROP COLUMN page;",
                MigrationState::New,
                &[],
            ),
        ]),
        drift: Part::Known(vec![Difference {
            workload: "rollout/payments-api".to_owned(),
            aspect: Aspect::Env,
            container: Some("api".to_owned()),
            name: "POOL_SIZE".to_owned(),
            words: "env POOL_SIZE of container api is set in staging, and not in prod-eu".to_owned(),
        }]),
        code: Part::NotAsked,
    }
}

/// The main release, with what is in the release that comes into prod-eu.
fn told(changes: Result<Changes, String>) -> Model {
    let mut model = on(releases::main(), Screen::Changes);
    let env = EnvName::new("prod-eu");
    let subject = model.core.world.candidate(model.core.world.environment(&env).unwrap()).unwrap().key;
    let env = model.core.world.environments.iter_mut().find(|known| *known.name() == env).unwrap();
    env.changes = Some((subject, changes.map(Arc::new)));
    model
}

pub fn shots() -> Vec<(&'static str, Model)> {
    let blind = Changes {
        commits: commits(),
        version: Part::Blind("no tag of a version lies before it".to_owned()),
        migrations: Part::Blind("no file fits `migrations/*.sql`".to_owned()),
        drift: Part::Blind("staging: configmaps is forbidden".to_owned()),
        ..Changes::default()
    };
    let mut scrolled = told(Ok(all()));
    scrolled.ui.scroll = 6;
    vec![
        ("changes", told(Ok(all()))),
        ("changes-scrolled", scrolled),
        ("changes-blind", told(Ok(blind))),
        ("changes-unknown", told(Err("image tag 1.5.0: no such commit or tag in /srv/payments".to_owned()))),
        ("changes-none", on(releases::main(), Screen::Changes)),
    ]
}
