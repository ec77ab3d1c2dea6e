//! What every part of the screen is drawn from.

use std::cell::RefCell;

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::layout::SizeClass;
use super::parts::row::Row;
use super::targets::Targets;
use super::theme::{Role, Theme};
use crate::app::{Hit, Model};
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::{Reading, Signal};
use crate::domain::facts::text::duration;
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, WorkloadState};
use crate::keys::Command;

/// Model, theme and size together.
pub(crate) struct DrawContext<'a> {
    pub(crate) model: &'a Model,
    pub(crate) theme: &'a Theme,
    pub(crate) class: SizeClass,
    /// Noted while drawing, by whatever part draws it.
    targets: RefCell<Targets>,
}

impl<'a> DrawContext<'a> {
    pub(crate) fn new(model: &'a Model, theme: &'a Theme, area: Rect) -> Self {
        let class = SizeClass::of(area.width, area.height);
        Self { model, theme, class, targets: RefCell::default() }
    }

    /// Notes what a click on an area hits.
    pub(crate) fn clickable(&self, area: Rect, hit: Hit) {
        self.targets.borrow_mut().note(area, hit);
    }

    /// Takes note that a dialog lies over everything drawn so far.
    pub(crate) fn cover(&self) {
        self.targets.borrow_mut().cover();
    }

    /// Returns what can be clicked.
    pub(crate) fn targets(self) -> Targets {
        self.targets.into_inner()
    }

    pub(crate) fn row(&self) -> Row {
        Row::new(self.theme)
    }

    /// Returns the time of day, or the day where it is another one; always eight columns wide.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.model.ui.zone.clone());
        let now = self.model.core.now.to_zoned(self.model.ui.zone.clone());
        let format = if zoned.date() == now.date() { "%H:%M:%S" } else { "%d %b   " };
        zoned.strftime(format).to_string()
    }

    /// Returns the time of day to the minute, with the day where it is another one.
    pub(crate) fn day_and_time(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.model.ui.zone.clone());
        let now = self.model.core.now.to_zoned(self.model.ui.zone.clone());
        zoned.strftime(if zoned.date() == now.date() { "%H:%M" } else { "%d %b %H:%M" }).to_string()
    }

    /// Returns the age of something.
    pub(crate) fn age(&self, at: Timestamp) -> String {
        duration(self.model.core.now.duration_since(at))
    }

    /// Returns the key of a command, as the screen names it.
    pub(crate) fn key(&self, command: Command) -> String {
        self.model.ui.keymap.key(command).unwrap_or_else(|| format!(":{}", command.spec().id))
    }

    /// Returns whether an environment is the one that keys act on.
    pub(crate) fn is_selected(&self, env: &Environment) -> bool {
        *env.name() == self.model.ui.env
    }

    /// Returns the verdict of an environment.
    pub(crate) fn verdict(&self, env: &Environment) -> Verdict {
        crate::domain::rules::checklist::verdict(&self.model.core.world, env, self.model.core.now).verdict
    }

    /// Returns a reading as of now.
    pub(crate) fn reading(&self, workload: &WorkloadState, track: Track, signal: Signal) -> Reading {
        workload.signals.reading(track, signal, self.model.core.now)
    }

    /// Returns how a figure is drawn: in red where it is beyond a limit.
    pub(crate) fn figure_role(
        &self,
        env: &Environment,
        workload: &WorkloadState,
        track: Track,
        signal: Signal,
    ) -> Role {
        if env.settings.limits.exceeded(&workload.signals, track, signal, self.model.core.now) {
            Role::Bad
        } else if track == Track::Canary {
            Role::Canary
        } else {
            Role::Text
        }
    }

    /// Returns the age of the phase a workload is in.
    pub(crate) fn phase_since(workload: &WorkloadState) -> Option<Timestamp> {
        let pause = workload.status.as_ref().and_then(|status| status.pause.as_ref());
        pause.and_then(|pause| pause.since).or(workload.phase_since)
    }
}
