//! GO and NO-GO by role: who has to sign, and which signatures hold.

use std::collections::HashMap;

use super::candidate::Candidate;
use crate::domain::facts::cluster::is_here;
use crate::domain::record::action::lane_of_subject;
use crate::domain::record::checklist::{Check, CheckId, Decision, How, RedRef, SignOff};
use crate::domain::record::ledger::{Ledger, Red, is_of};
use crate::domain::record::proof::Flaw;
use crate::domain::world::Environment;

/// A signature and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub sign_off: SignOff,
    /// Why it no longer counts, if so.
    pub void: Option<String>,
}

/// One role of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleStatus {
    pub role: String,
    /// How many people have to sign GO.
    pub needed: usize,
    /// Who signed, the latest word of each, earliest first.
    pub signatures: Vec<Signature>,
}

impl RoleStatus {
    /// Returns the signatures that hold and say so.
    pub fn holding(&self, decision: Decision) -> impl Iterator<Item = &SignOff> {
        self.signatures
            .iter()
            .filter(move |signature| signature.void.is_none() && signature.sign_off.decision == decision)
            .map(|signature| &signature.sign_off)
    }

    /// Returns whether the role says GO: enough people do, and no one says NO-GO.
    #[must_use]
    pub fn is_go(&self) -> bool {
        self.holding(Decision::NoGo).next().is_none() && self.holding(Decision::Go).count() >= self.needed
    }
}

/// Who has to sign a candidate: how many people in which role.
fn asked(env: &Environment, candidate: &Candidate) -> Vec<(String, usize)> {
    match &candidate.lane {
        Some(opened) => opened.rule.sign_offs.iter().map(|(role, people)| (role.clone(), *people)).collect(),
        None => env.settings.sign_offs.roles.clone(),
    }
}

/// Returns the board of an environment: every role that is asked for, and every other that someone signed in.
#[must_use]
pub fn role_statuses(env: &Environment, ledger: &Ledger, candidate: &Candidate) -> Vec<RoleStatus> {
    let rules = &env.settings.sign_offs;
    let here = env.cluster.as_ref();
    let said: Vec<&SignOff> = ledger.signed_in(env.name(), here).collect();
    let mut about: HashMap<Author<'_>, Vec<&SignOff>> = HashMap::new();
    for sign_off in said.iter().filter(|sign_off| candidate.is_held_by(&sign_off.subject)) {
        about.entry((sign_off.speaks_for(), &sign_off.role)).or_default().push(sign_off);
    }
    let mut taken_back: Vec<&SignOff> = Vec::new();
    let mut latest = latest(&said, |sign_off| counts(ledger, sign_off));
    for sign_off in &mut latest {
        // It stands until the same person takes it back, whatever the clocks say.
        let own = about.get(&author(sign_off)).into_iter().flatten().copied();
        if let Some(no_go) = ledger.standing(own) {
            *sign_off = no_go;
        } else if sign_off.decision == Decision::NoGo {
            taken_back.push(sign_off);
        }
    }
    let mut seats: Vec<RoleStatus> = asked(env, candidate)
        .into_iter()
        .map(|(role, needed)| RoleStatus { role, needed, signatures: Vec::new() })
        .collect();
    // Who signed here first keeps that role when a second one is not allowed.
    let mut seated: Vec<(&str, &str)> = Vec::new();
    for sign_off in latest {
        let by =
            || said.iter().find(|other| other.speaks_for() == sign_off.who && other.takes_back == Some(sign_off.at));
        let by = taken_back.contains(&sign_off).then(by).flatten();
        let taken_back = by.map(|other| format!("taken back by {}", other.who));
        let mut void = taken_back.or_else(|| void(env, ledger, candidate, sign_off));
        // A NO-GO is never lost, and takes nobody's role.
        if void.is_none() && rules.four_eyes && sign_off.decision == Decision::Go {
            match seated.iter().find(|(who, _)| *who == sign_off.who) {
                Some((_, role)) if *role != sign_off.role => {
                    void = Some(format!("{} signed as {role} already: four eyes", sign_off.who));
                }
                _ => seated.push((&sign_off.who, &sign_off.role)),
            }
        }
        let signature = Signature { sign_off: sign_off.clone(), void };
        match seats.iter_mut().find(|seat| seat.role == sign_off.role) {
            Some(seat) => seat.signatures.push(signature),
            None => seats.push(RoleStatus { role: sign_off.role.clone(), needed: 0, signatures: vec![signature] }),
        }
    }
    seats
}

/// Whether a sign-off counts, by what proves its author: a NO-GO always does.
fn counts(ledger: &Ledger, sign_off: &SignOff) -> bool {
    sign_off.decision == Decision::NoGo || ledger.is_proven(&sign_off.proof)
}

/// A person, and the role that they signed in.
type Author<'a> = (&'a str, &'a str);

fn author(sign_off: &SignOff) -> Author<'_> {
    (&sign_off.who, &sign_off.role)
}

/// The latest word of each person in each role, earliest first. What does not count hides nothing that does.
fn latest<'a>(said: &[&'a SignOff], counts: impl Fn(&SignOff) -> bool) -> Vec<&'a SignOff> {
    let mut latest: HashMap<Author<'a>, (usize, &SignOff)> = HashMap::new();
    for (place, sign_off) in said.iter().copied().enumerate() {
        let rank = |sign_off: &SignOff| (counts(sign_off), sign_off.at);
        let known = latest.entry(author(sign_off)).or_insert((place, sign_off));
        if rank(known.1) <= rank(sign_off) {
            *known = (known.0, sign_off);
        }
    }
    let mut latest: Vec<(usize, &SignOff)> = latest.into_values().collect();
    latest.sort_by_key(|(place, sign_off)| (sign_off.at, *place));
    latest.into_iter().map(|(_, sign_off)| sign_off).collect()
}

/// Returns why a signature no longer counts: it was given for something else, or a gate went red since. A NO-GO is not
/// taken back by a gate.
fn void(env: &Environment, ledger: &Ledger, candidate: &Candidate, sign_off: &SignOff) -> Option<String> {
    // A NO-GO holds for whatever bears the name.
    if sign_off.decision == Decision::NoGo && candidate.is_held_by(&sign_off.subject) {
        return None;
    }
    if sign_off.subject != candidate.signed_subject() {
        return Some(given_for(candidate, &sign_off.subject));
    }
    if !ledger.is_proven(&sign_off.proof) {
        return Some(sign_off.proof.flaw().unwrap_or(&Flaw::Unsigned).to_string());
    }
    if !is_here(env.cluster.as_ref(), sign_off.cluster.as_ref()) {
        return Some("it does not say for which cluster".to_owned());
    }
    if is_opener(candidate, &sign_off.who) {
        return Some(opener(&sign_off.who));
    }
    match (&sign_off.digest, &candidate.digest) {
        (was, is) if was == is => {}
        (Some(_), Some(_)) => return Some("the digest is another one now".to_owned()),
        (None, _) => return Some("given before the digest was known".to_owned()),
        (Some(_), None) => return Some("which digest runs now is not known".to_owned()),
    }
    let is_gate = |id: &CheckId| env.checks.iter().any(|check| check.spec.id == *id && voids(check, candidate));
    let reds = reds_of(env, ledger, candidate).filter(|red| is_gate(&red.check));
    let since = reds.filter(|red| went_red_since(red, sign_off)).max_by_key(|red| red.at)?;
    let gate = &since.check;
    Some(if since.at > sign_off.at {
        format!("gate {gate} went red since")
    } else {
        format!("gate {gate} went red, and {} did not know it", sign_off.who)
    })
}

/// Says what a signature was given for, where that is something else.
fn given_for(candidate: &Candidate, subject: &str) -> String {
    match (&candidate.lane, lane_of_subject(subject, &candidate.key)) {
        (Some(opened), None) if subject == candidate.key => format!("given outside the lane {}", opened.rule.lane),
        (Some(opened), Some(lane)) if lane == opened.rule.lane => {
            format!("given before the lane {lane} was opened again")
        }
        (_, Some(lane)) => format!("given in the lane {lane}"),
        _ => format!("given for {subject}"),
    }
}

/// Whether somebody opened or extended the lane that a candidate comes by.
fn is_opener(candidate: &Candidate, who: &str) -> bool {
    candidate.lane.as_ref().is_some_and(|opened| opened.by.contains(who))
}

fn opener(who: &str) -> String {
    format!("{who} opened the lane: another person signs")
}

/// Whether a check that goes red voids a GO. In a lane only what it asks for does, and nothing that every cockpit answers by
/// itself: one that does not know lanes compares with an environment that is left out, and this one asks it anew.
fn voids(check: &Check, candidate: &Candidate) -> bool {
    let is_asked = candidate.lane.as_ref().is_none_or(|opened| {
        opened.rule.gates.contains(&check.spec.id) && !matches!(check.spec.how, How::BuiltinCheck(_))
    });
    check.spec.gate && is_asked
}

/// Returns the checks that went red for a candidate.
pub fn reds_of<'a>(env: &Environment, ledger: &'a Ledger, candidate: &Candidate) -> impl Iterator<Item = &'a Red> {
    let about = |red: &&Red| is_of(env.name(), env.cluster.as_ref(), (&red.env, red.cluster.as_ref()));
    ledger.reds.iter().filter(about).filter(|red| red.subject == candidate.key)
}

/// Whether a check went red after a GO. The clock of whoever signed does not say so alone: what stands in the shared record and
/// they did not know came after it, or was nothing that they weighed.
fn went_red_since(red: &Red, sign_off: &SignOff) -> bool {
    let is_later = red.at > sign_off.at;
    match &sign_off.reds {
        Some(known) => {
            let is_known = known.contains(&RedRef { check: red.check.clone(), at: red.at });
            !is_known && (is_later || red.is_shared)
        }
        None => is_later,
    }
}

/// Returns why someone must not sign in a role, if so.
#[must_use]
pub fn refusal(
    env: &Environment,
    ledger: &Ledger,
    candidate: &Candidate,
    (who, role): (&str, &str),
    decision: Decision,
) -> Option<String> {
    let rules = &env.settings.sign_offs;
    let mut roles = asked(env, candidate);
    // Nobody is kept from saying NO-GO by a lane.
    if decision == Decision::NoGo {
        let is_left_out = |(role, _): &&(String, usize)| !roles.iter().any(|(own, _)| own == role);
        let left_out: Vec<(String, usize)> = rules.roles.iter().filter(is_left_out).cloned().collect();
        roles.extend(left_out);
    }
    if !roles.iter().any(|(known, _)| known == role) {
        let known: Vec<&str> = roles.iter().map(|(role, _)| role.as_str()).collect();
        let by =
            candidate.lane.as_ref().map_or_else(String::new, |opened| format!(" by the lane {}", opened.rule.lane));
        return Some(if known.is_empty() {
            format!("no role signs in {}: name roles under [sign_offs]", env.name())
        } else {
            format!("`{role}` is no role that signs in {}{by}: there are {}", env.name(), known.join(", "))
        });
    }
    if decision == Decision::NoGo {
        return None;
    }
    if is_opener(candidate, who) {
        return Some(opener(who));
    }
    let elsewhere = role_statuses(env, ledger, candidate)
        .into_iter()
        .filter(|seat| seat.role != role)
        .find(|seat| seat.holding(Decision::Go).any(|sign_off| sign_off.who == who))?;
    rules.four_eyes.then(|| format!("{who} signed as {} already: four eyes means another person", elsewhere.role))
}
