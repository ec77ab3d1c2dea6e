//! What the step in progress can detect: asked for while it is shown, and again only when its traffic or its step changes.

use super::model::{Model, Screen};
use super::msg::Effect;
use crate::domain::rules::forecast::Question;

/// What was last asked, and its answer.
#[derive(Clone, Debug, Default)]
pub struct StepForecast {
    /// Counts what was asked; an answer names its number.
    number: u64,
    question: Option<Box<Question>>,
    /// In full and in short.
    answer: Option<(String, String)>,
}

impl StepForecast {
    /// Takes in an answer; one to an earlier question is none.
    pub(super) fn take(&mut self, number: u64, answer: (String, String)) {
        if number == self.number {
            self.answer = Some(answer);
        }
    }
}

impl Model {
    /// Returns what the step in progress of the selected workload can detect, in full and in short, where that is known.
    #[must_use]
    pub fn step_forecast(&self) -> Option<&(String, String)> {
        let shown = &self.ui.forecast;
        let question = shown.question.as_ref().filter(|question| Some(&question.target) == self.target().as_ref())?;
        let (_, workload) = self.selected()?;
        let step = workload.status.as_ref()?.step?;
        shown.answer.as_ref().filter(|_| question.covers(step.index))
    }
}

/// Returns the question, where the screen shows the answer and what it has does not answer it.
pub(super) fn ask(model: &mut Model) -> Option<Effect> {
    if model.ui.screen != Screen::Rollout {
        return None;
    }
    let asked = model.selected().and_then(|(env, workload)| Question::of(env, workload, model.core.now)).map(Box::new);
    let shown = &mut model.ui.forecast;
    match (&asked, &shown.question) {
        (Some(asked), Some(before)) if asked.is_like(before) => return None,
        (None, None) => return None,
        _ => {}
    }
    let is_about_same = asked.as_ref().zip(shown.question.as_ref()).is_some_and(|(now, before)| now.is_about(before));
    shown.number += 1;
    shown.question.clone_from(&asked);
    if !is_about_same {
        shown.answer = None;
    }
    let number = shown.number;
    asked.map(|question| Effect::Forecast { number, question })
}
