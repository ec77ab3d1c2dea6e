//! The program of a pattern, and how it is run.

/// One step.
#[derive(Debug)]
pub enum Step {
    /// Takes one character that the class accepts.
    Take(Class),
    /// Goes on at the first, and at the second if that fails.
    Fork(usize, usize),
    Jump(usize),
    /// Notes the position in a slot: 2n where group n begins, 2n+1 where it ends.
    Note(usize),
    /// Holds at the text's beginning only.
    Begin,
    /// Holds at the text's end only.
    End,
    Done,
}

/// A set of characters.
#[derive(Clone, Debug, Default)]
pub struct Class {
    pub ranges: Vec<(char, char)>,
    pub negated: bool,
    pub any_case: bool,
}

impl Class {
    pub fn one(c: char) -> Self {
        Self { ranges: vec![(c, c)], ..Self::default() }
    }

    /// Any character but a line feed.
    pub fn dot() -> Self {
        Self { negated: true, ..Self::one('\n') }
    }

    fn accepts(&self, c: char) -> bool {
        let within = |c: char| self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        let found = within(c) || self.any_case && (within(c.to_ascii_lowercase()) || within(c.to_ascii_uppercase()));
        found != self.negated
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Program {
    pub steps: Vec<Step>,
    /// The names of the groups, by number; group 0 is the whole.
    pub names: Vec<Option<String>>,
}

impl Program {
    /// Matches the whole text and returns where each group begins and ends, in bytes.
    pub fn run(&self, text: &str) -> Option<Vec<Option<usize>>> {
        let width = text.len() + 1;
        let mut seen = vec![false; self.steps.len() * width];
        let mut slots = vec![None; self.names.len() * 2];
        let mut todo = vec![Todo::Try(0, 0)];
        while let Some(next) = todo.pop() {
            let (mut step, mut at) = match next {
                Todo::Try(step, at) => (step, at),
                Todo::Restore(slot, old) => {
                    slots[slot] = old;
                    continue;
                }
            };
            loop {
                if std::mem::replace(&mut seen[step * width + at], true) {
                    break;
                }
                match &self.steps[step] {
                    Step::Take(class) => match text[at..].chars().next() {
                        Some(c) if class.accepts(c) => at += c.len_utf8(),
                        _ => break,
                    },
                    Step::Fork(first, second) => {
                        todo.push(Todo::Try(*second, at));
                        step = *first;
                        continue;
                    }
                    Step::Jump(to) => {
                        step = *to;
                        continue;
                    }
                    Step::Note(slot) => {
                        todo.push(Todo::Restore(*slot, slots[*slot]));
                        slots[*slot] = Some(at);
                    }
                    Step::Begin if at != 0 => break,
                    Step::End if at != text.len() => break,
                    Step::Begin | Step::End => {}
                    Step::Done if at == text.len() => return Some(slots),
                    Step::Done => break,
                }
                step += 1;
            }
        }
        None
    }
}

enum Todo {
    Try(usize, usize),
    Restore(usize, Option<usize>),
}
