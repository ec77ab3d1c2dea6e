//! What the terminal says, as messages.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind};

use crate::app::Msg;
use crate::keys::{Chord, Key};

/// What an event of the terminal means for the loop.
pub(super) enum Input {
    /// A message for the model.
    Msg(Msg),
    /// The left button was pressed at a column and row.
    Click(u16, u16),
    /// The terminal has another size.
    Resized,
    Nothing,
}

/// Translates an event of the terminal.
pub(super) fn translate(event: Event) -> Input {
    match event {
        Event::Key(key) => chord(key)
            .map_or(Input::Nothing, |chord| Input::Msg(Msg::Key { chord, repeat: key.kind == KeyEventKind::Repeat })),
        Event::Paste(text) => Input::Msg(Msg::Paste(text)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollDown => Input::Msg(Msg::Wheel(1)),
            MouseEventKind::ScrollUp => Input::Msg(Msg::Wheel(-1)),
            MouseEventKind::Down(MouseButton::Left) => Input::Click(mouse.column, mouse.row),
            _ => Input::Nothing,
        },
        Event::Resize(..) => Input::Resized,
        Event::FocusGained | Event::FocusLost => Input::Nothing,
    }
}

fn chord(key: KeyEvent) -> Option<Chord> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let plain = match key.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(n) => Key::F(n),
        _ => return None,
    };
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(Chord { key: plain, ctrl, alt })
}
