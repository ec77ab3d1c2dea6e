//! The question before an action: exactly what would change, what is sent, what stays, how old the state is.
//!
//! Cancel is the default and Enter never confirms. Whatever the size of the terminal, object, context, from, to and the
//! answers are on the screen; the rest is shortened before it is left out.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::dialog;
use crate::app::model::Confirm;
use crate::domain::record::action::{DescriptionPart, PlanRecord, Verb, describe};

use crate::domain::facts::text::duration;
use crate::domain::rules::action::Plan;
use crate::view::draw_context::DrawContext;
use crate::view::layout;
use crate::view::parts::panel::Edge;
use crate::view::parts::row::{Row, put, put_all, put_both};
use crate::view::text::{line_width, width};
use crate::view::theme::Role;

const WIDTH_COLUMNS: u16 = 76;
const LABEL_COLUMNS: usize = 13;

/// Draws the question; returns where the cursor stands where a name is typed.
pub(crate) fn draw(scene: &DrawContext<'_>, buf: &mut Buffer, area: Rect, confirm: &Confirm) -> Option<Position> {
    let record = confirm.plan.record();
    let columns = usize::from(WIDTH_COLUMNS.min(area.width.saturating_sub(6)));
    let parts = describe(record, scene.model.core.now);
    let over = no_longer(scene, confirm, columns);
    let answers = 1 + u16::from(confirm.plan.typed().is_some()) + over.len() as u16;
    let room = usize::from(area.height.saturating_sub(2 + answers));
    // From generous to tight, the first that fits.
    let forms = [(true, 3), (true, 2), (false, 2), (false, 1)];
    let made = |(blanks, per_text): (bool, usize)| lines(scene, &parts, columns, blanks, per_text, false);
    let mut content = forms.into_iter().map(made).find(|lines| lines.len() < room);
    let tight = content.is_none();
    let mut content = content.take().unwrap_or_else(|| lines(scene, &parts, columns, false, 1, true));
    content.truncate(room);
    let blank = u16::from(!tight);
    let rows = content.len() as u16 + answers + blank;
    let is_grave = matches!(record.verb, Verb::Rollback | Verb::Abort | Verb::PromoteFull) || record.lane.is_some();
    let edge = if is_grave { Edge::Danger } else { Edge::Heavy };
    let env = scene.model.core.world.environment(record.target.env());
    let is_for_protection = !is_grave && env.is_some_and(|env| env.settings.protected);
    let word = match confirm.plan.typed() {
        Some(_) if is_for_protection => "protected: type its name",
        Some(_) => "type the environment's name",
        None => "Esc: cancel",
    };
    let title = scene.row().say(Role::Title, title(record));
    let mut inside =
        dialog::open(scene, buf, area, (WIDTH_COLUMNS, rows), edge, title, scene.row().say(Role::Label, word));
    let mut bottom = layout::bottom(&mut inside, answers);
    put_all(buf, inside, scene.theme, content);
    let cursor = confirm.plan.typed().map(|name| {
        let line = layout::top(&mut bottom, 1);
        let label = format!("type {name}  ");
        let label = scene.theme.clip_middle(&label, columns / 2);
        let mut line = Rect { x: line.x + 1, width: line.width.saturating_sub(1), ..line };
        put(buf, layout::left(&mut line, width(&label) as u16), scene.theme, scene.row().say(Role::Label, label));
        dialog::field(scene, buf, layout::left(&mut line, 32), &confirm.typed, "")
    });
    put_all(buf, layout::top(&mut bottom, over.len() as u16), scene.theme, over);
    let left = Plan::VALID_FOR - scene.model.core.now.duration_since(confirm.plan.made_at());
    let valid = scene.row().when(confirm.stale.is_none() && !left.is_negative(), |row| {
        row.say(Role::Label, format!("valid for {}", duration(left.max(jiff::SignedDuration::ZERO))))
    });
    let answer = answer(confirm, dialog::answers(scene, bottom, "Cancel"));
    if line_width(&answer) + valid.width() + 3 <= columns {
        put_both(buf, bottom, scene.theme, answer, valid);
    } else {
        put(buf, bottom, scene.theme, answer);
    }
    cursor.filter(|_| confirm.stale.is_none())
}

/// `Roll back prod-eu to 1.4.2`, `Release 1.5.0 into prod-eu`.
fn title(record: &PlanRecord) -> String {
    let spoken = record.verb.label();
    let rest = match record.headline.strip_prefix(spoken) {
        Some(rest) => rest.to_owned(),
        None => format!(": {}", record.headline),
    };
    let mut letters = spoken.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase()).into_iter().collect::<String>();
    let env = record.target.env();
    if record.verb == Verb::Release {
        return format!("{first}{}{rest} into {env}", letters.as_str());
    }
    format!("{first}{} {env}{rest}", letters.as_str())
}

fn role(part: DescriptionPart) -> Role {
    match part {
        DescriptionPart::To => Role::Strong,
        DescriptionPart::Lane | DescriptionPart::LeavesOut | DescriptionPart::Skips | DescriptionPart::NotReverted => {
            Role::Warn
        }
        DescriptionPart::Sends => Role::Label,
        DescriptionPart::Object | DescriptionPart::From | DescriptionPart::Effect => Role::Text,
    }
}

/// Whether a blank line stands above it where there is room.
fn is_apart(part: DescriptionPart) -> bool {
    matches!(part, DescriptionPart::From | DescriptionPart::Effect | DescriptionPart::Sends)
}

/// The parts as lines, each text wrapped to at most `per_text`; `joined` puts the texts of a part into one.
fn lines(
    scene: &DrawContext<'_>,
    parts: &[(DescriptionPart, Vec<String>)],
    columns: usize,
    blanks: bool,
    per_text: usize,
    joined: bool,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (part, texts) in parts {
        if is_apart(*part) && blanks {
            lines.push(Line::default());
        }
        let mut label = part.label();
        let (indent, most) = if label.is_empty() { (0, per_text.max(2)) } else { (LABEL_COLUMNS, per_text) };
        let texts = if joined { vec![texts.join("; ")] } else { texts.clone() };
        for text in texts {
            for wrapped in scene.theme.wrap(&text, columns.saturating_sub(indent), most) {
                let row = scene.row().left(Role::Label, label, indent);
                lines.push(row.say(role(*part), wrapped).line());
                label = "";
            }
        }
    }
    lines
}

/// Why it can no longer be confirmed, in full: who did what meanwhile is what one has to know now.
fn no_longer(scene: &DrawContext<'_>, confirm: &Confirm, columns: usize) -> Vec<Line<'static>> {
    let Some(why) = &confirm.stale else { return Vec::new() };
    let text = format!("{} no longer possible: {why}", scene.theme.glyphs().bad);
    let parts = scene.theme.wrap(&text, columns.saturating_sub(2), 3);
    parts.into_iter().map(|part| scene.row().gap(1).say(Role::Bad, part).line()).collect()
}

/// What can be answered, behind the way back.
fn answer(confirm: &Confirm, row: Row) -> Line<'static> {
    if confirm.stale.is_some() {
        return row.line();
    }
    let act = format!("{} now", confirm.plan.record().verb.label());
    if confirm.name_fits() {
        row.say(Role::Key, "y").say(Role::Strong, format!("  {act}")).line()
    } else {
        row.say(Role::KeyOff, format!("y  {act}, once the name is typed")).line()
    }
}
