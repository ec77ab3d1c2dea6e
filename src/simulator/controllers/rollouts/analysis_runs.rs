//! The analysis runs of a Rollout: started at their step, looked at, cancelled.

use std::sync::Arc;

use serde_json::{Value, json};

use super::context::Context;
use super::replicas::current_step;
use super::scaling::deadline;
use super::status::RunStatus;
use super::{HASH_LABEL, REVISION, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::analysis::{is_final, reason};
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, items, text};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

const STEP_INDEX: &str = "step-index";

/// The runs of a Rollout by role.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    pub all: Vec<Arc<Value>>,
    pub step: Option<Arc<Value>>,
    pub background: Option<Arc<Value>>,
    pub pre_promotion: Option<Arc<Value>>,
    pub post_promotion: Option<Arc<Value>>,
}

impl Runs {
    /// Finds the runs, and those that the status names.
    pub fn load(context: &Context<'_>) -> Self {
        let all = context.tools.store.owned_of_kind(object::uid(&context.object), Kind::AnalysisRun);
        let named = |status: &Option<RunStatus>| {
            let name = &status.as_ref()?.name;
            all.iter().find(|run| object::name(run) == name).cloned()
        };
        let status = &context.status;
        Self {
            step: named(&status.canary.current_step_analysis_run_status),
            background: named(&status.canary.current_background_analysis_run_status),
            pre_promotion: named(&status.blue_green.pre_promotion_analysis_run_status),
            post_promotion: named(&status.blue_green.post_promotion_analysis_run_status),
            all,
        }
    }
}

/// Returns whether there is a run and it has succeeded.
pub fn is_successful(run: Option<&Arc<Value>>) -> bool {
    run.is_some_and(|run| phase(run) == "Successful")
}

fn phase(run: &Value) -> &str {
    text(run, "/status/phase")
}

impl Context<'_> {
    /// Starts, looks at and cancels analysis runs.
    pub fn reconcile_analysis(&mut self) -> Result<(), Stop> {
        let fast = self.new.as_ref().is_some_and(|new| deadline(new).is_some());
        let skip = self.is_aborted()
            || self.status.promote_full
            || fast
            || self.status.stable_rs.is_empty()
            || self.is_rollback_within_window();
        if skip {
            let all = self.runs.all.clone();
            self.cancel(&all);
            self.enter_runs();
            return Ok(());
        }
        let before = self.runs.clone();
        if self.spec.strategy.canary.is_some() {
            self.runs.step = self.step_run()?;
            self.runs.background = self.background_run()?;
        } else {
            self.runs.pre_promotion = self.promotion_run(false)?;
            self.runs.post_promotion = self.promotion_run(true)?;
        }
        self.enter_runs();
        let current: Vec<String> =
            [&self.runs.step, &self.runs.background, &self.runs.pre_promotion, &self.runs.post_promotion]
                .into_iter()
                .flatten()
                .map(|run| object::name(run).to_owned())
                .collect();
        let others: Vec<_> =
            before.all.iter().filter(|run| !current.iter().any(|name| name == object::name(run))).cloned().collect();
        self.cancel(&others);
        self.tell_run_changes();
        Ok(())
    }

    fn enter_runs(&mut self) {
        let entry = |run: &Option<Arc<Value>>| {
            run.as_ref().map(|run| RunStatus {
                message: text(run, "/status/message").to_owned(),
                name: object::name(run).to_owned(),
                status: phase(run).to_owned(),
            })
        };
        let canary = &mut self.next.canary;
        canary.current_step_analysis_run_status = entry(&self.runs.step);
        canary.current_background_analysis_run_status = entry(&self.runs.background);
        let blue_green = &mut self.next.blue_green;
        blue_green.pre_promotion_analysis_run_status = entry(&self.runs.pre_promotion);
        blue_green.post_promotion_analysis_run_status = entry(&self.runs.post_promotion);
    }

    fn cancel(&mut self, runs: &[Arc<Value>]) {
        let author = Author::update(ROLLOUTS_CONTROLLER);
        for run in runs {
            if is_final(phase(run)) || object::flag(run, "/spec/terminate") {
                continue;
            }
            // A run deleted meanwhile is cancelled as well.
            let _ = self.tools.store.update(&Key::of(Kind::AnalysisRun, run), Part::Main, &author, |old| {
                let mut new = old.clone();
                object::set(&mut new, &["spec", "terminate"], json!(true));
                Ok(new)
            });
        }
    }

    /// Returns whether a run is needed that does not exist: none yet, the last one without a result after a person
    /// has resumed, or all of them from before a retry.
    fn needs_new_run(&self, run: Option<&Arc<Value>>) -> bool {
        let Some(run) = run else { return true };
        let status = &self.status;
        if status.controller_pause
            && status.pause("CanaryPauseStep").is_none()
            && status.pause("BlueGreenPause").is_none()
        {
            return phase(run) == "Inconclusive";
        }
        status.aborted_at.is_some()
    }

    fn react(&mut self, run: Option<&Arc<Value>>, what: &str) {
        let Some(run) = run else { return };
        match phase(run) {
            "Inconclusive" => self.pauses.add.push("InconclusiveAnalysisRun"),
            "Error" | "Failed" => {
                let why = match text(run, "/status/message") {
                    "" => format!("{what} phase error/failed"),
                    message => format!("{what} phase error/failed: {message}"),
                };
                self.pauses.add_abort = Some(why);
            }
            _ => {}
        }
    }

    fn step_run(&mut self) -> Result<Option<Arc<Value>>, Stop> {
        let current = self.runs.step.clone();
        if !self.status.pause_conditions.is_empty() || self.status.abort {
            return Ok(current);
        }
        let step =
            current_step(&self.spec, &self.status).and_then(|(step, index)| Some((step?.analysis.clone()?, index)));
        let Some((analysis, index)) = step else {
            self.cancel(&current.into_iter().collect::<Vec<_>>());
            return Ok(None);
        };
        let index_text = index.to_string();
        if let Some(run) = &current
            && object::label(run, STEP_INDEX) != Some(&index_text)
        {
            self.cancel(std::slice::from_ref(run));
            return Ok(None);
        }
        if self.needs_new_run(current.as_ref()) {
            let labels = json!({"rollout-type": "Step", STEP_INDEX: index_text});
            return self.create_run(&analysis, &index_text, labels).map(Some);
        }
        self.react(current.as_ref(), "Step-based analysis");
        Ok(current)
    }

    fn background_run(&mut self) -> Result<Option<Arc<Value>>, Stop> {
        let current = self.runs.background.clone();
        let analysis = self.spec.strategy.canary.as_ref().and_then(|canary| canary.analysis.clone());
        let Some(analysis) = analysis.filter(|a| !items(a, "/templates").is_empty()) else {
            self.cancel(&current.into_iter().collect::<Vec<_>>());
            return Ok(None);
        };
        let starts_at = object::number(&analysis, "/startingStep", 0);
        let too_early = current_step(&self.spec, &self.status).is_some_and(|(_, index)| index < starts_at);
        if self.status.is_fully_promoted() || too_early {
            return Ok(None);
        }
        if self.status.pause("InconclusiveAnalysisRun").is_some() {
            return Ok(current);
        }
        if self.needs_new_run(current.as_ref()) {
            let labels = json!({"rollout-type": "Background"});
            return self.create_run(&analysis, "", labels).map(Some);
        }
        self.react(current.as_ref(), "Background analysis");
        Ok(current)
    }

    fn promotion_run(&mut self, post: bool) -> Result<Option<Arc<Value>>, Stop> {
        let (current, analysis) = {
            let blue_green = self.spec.strategy.blue_green.as_ref();
            if post {
                (self.runs.post_promotion.clone(), blue_green.and_then(|b| b.post_promotion_analysis.clone()))
            } else {
                (self.runs.pre_promotion.clone(), blue_green.and_then(|b| b.pre_promotion_analysis.clone()))
            }
        };
        let Some(analysis) = analysis.filter(|a| !items(a, "/templates").is_empty()) else {
            self.cancel(&current.into_iter().collect::<Vec<_>>());
            return Ok(None);
        };
        let hash = self.new_hash();
        let active = &self.status.blue_green.active_selector;
        let saturated = self.new.as_ref().is_some_and(|new| self.is_saturated(new));
        let wrong_side = if post { active != hash } else { active.is_empty() || active == hash };
        let skip = self.status.stable_rs == hash || wrong_side || (current.is_none() && !saturated);
        if skip {
            self.cancel(&current.clone().into_iter().collect::<Vec<_>>());
            return Ok(current);
        }
        if self.status.pause("InconclusiveAnalysisRun").is_some() {
            return Ok(current);
        }
        if self.needs_new_run(current.as_ref()) {
            let (infix, kind) = if post { ("post", "PostPromotion") } else { ("pre", "PrePromotion") };
            let labels = json!({"rollout-type": kind});
            return self.create_run(&analysis, infix, labels).map(Some);
        }
        self.react(
            current.as_ref(),
            if post { "Blue/green post-promotion analysis" } else { "Blue/green pre-promotion analysis" },
        );
        Ok(current)
    }

    fn create_run(&mut self, analysis: &Value, infix: &str, mut labels: Value) -> Result<Arc<Value>, Stop> {
        let hash = self.new_hash().to_owned();
        let revision = self.revision().to_string();
        let mut metrics = Vec::new();
        let mut args: Vec<Value> = Vec::new();
        for reference in items(analysis, "/templates") {
            let name = text(reference, "/templateName");
            let key = if object::flag(reference, "/clusterScope") {
                Key::new(Kind::ClusterAnalysisTemplate, "", name)
            } else {
                Key::new(Kind::AnalysisTemplate, &self.key.namespace, name)
            };
            let Some(template) = self.tools.store.get(&key) else {
                let why = format!("AnalysisTemplate '{name}' not found");
                self.write_invalid(&why)?;
                return Err(Stop::Done);
            };
            metrics.extend(items(&template, "/spec/metrics").iter().cloned());
            args.extend(items(&template, "/spec/args").iter().cloned());
        }
        for arg in items(analysis, "/args") {
            args.retain(|other| other.get("name") != arg.get("name"));
            args.push(self.resolve_arg(arg, &hash));
        }
        labels[HASH_LABEL] = json!(hash);
        if let Some(selected) = self.spec.selector.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in selected {
                labels[key] = value.clone();
            }
        }
        let mut base = format!("{}-{hash}-{revision}", self.key.name);
        if !infix.is_empty() {
            base = format!("{base}-{infix}");
        }
        let author = Author::update(ROLLOUTS_CONTROLLER);
        for collision in 0.. {
            let name = if collision == 0 { base.clone() } else { format!("{base}.{collision}") };
            let run = json!({
                "metadata": {
                    "name": name,
                    "labels": labels,
                    "annotations": {REVISION: revision},
                    "ownerReferences": [object::controller_reference(&self.object)],
                },
                "spec": {"args": args, "metrics": metrics},
            });
            match self.tools.store.create(Kind::AnalysisRun, &self.key.namespace, run, &author) {
                Ok(run) => return Ok(run),
                Err(error) if error.reason == "AlreadyExists" => {}
                Err(_) => break,
            }
        }
        Err(Stop::Failed)
    }

    pub fn resolve_arg(&self, arg: &Value, latest: &str) -> Value {
        let value = match text(arg, "/valueFrom/podTemplateHashValue") {
            "Latest" => latest.to_owned(),
            "Stable" => self.stable.as_ref().map_or_else(String::new, |stable| stable.label(HASH_LABEL).to_owned()),
            _ => {
                let field = text(arg, "/valueFrom/fieldRef/fieldPath");
                if field.is_empty() {
                    return arg.clone();
                }
                text(&self.object, &format!("/{}", field.replace('.', "/"))).to_owned()
            }
        };
        json!({"name": arg.get("name"), "value": value})
    }

    fn tell_run_changes(&mut self) {
        let pairs = [
            ("Step", self.runs.step.clone(), self.status.canary.current_step_analysis_run_status.clone()),
            (
                "Background",
                self.runs.background.clone(),
                self.status.canary.current_background_analysis_run_status.clone(),
            ),
            (
                "PrePromotion",
                self.runs.pre_promotion.clone(),
                self.status.blue_green.pre_promotion_analysis_run_status.clone(),
            ),
            (
                "PostPromotion",
                self.runs.post_promotion.clone(),
                self.status.blue_green.post_promotion_analysis_run_status.clone(),
            ),
        ];
        for (kind, run, before) in pairs {
            let Some(run) = run.filter(|run| !phase(run).is_empty()) else {
                continue;
            };
            let (name, now) = (object::name(&run), phase(&run));
            let was = match &before {
                Some(before) if before.name != name || before.status == now => continue,
                Some(before) => before.status.clone(),
                None => "NoPreviousStatus".to_owned(),
            };
            let message = format!("{kind} Analysis Run '{name}' Status New: '{now}' Previous: '{was}'");
            let reason = reason("AnalysisRun", now);
            if matches!(now, "Failed" | "Error") {
                self.warn(reason, &message);
            } else {
                self.say(reason, &message);
            }
        }
    }
}
