//! Reads a pattern and writes its program.

use super::program::{Class, Program, Step};

/// The longest program; a pattern that needs more is refused.
const LONGEST: usize = 10_000;
/// The largest count of `{m,n}`, as in RE2.
const MOST_REPEATS: usize = 1000;

enum Node {
    Empty,
    Take(Class),
    Begin,
    End,
    Group(Option<usize>, Box<Node>),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat { of: Box<Node>, least: usize, most: Option<usize>, greedy: bool },
}

/// Compiles a pattern.
pub fn read(source: &str) -> Result<Program, String> {
    let mut reader = Reader { rest: source, names: vec![None], any_case: false };
    if let Some(rest) = source.strip_prefix("(?i)") {
        reader.rest = rest;
        reader.any_case = true;
    }
    let node = reader.either(0)?;
    if !reader.rest.is_empty() {
        return Err("unexpected ): `".to_owned() + source + "`");
    }
    let mut steps = Vec::new();
    emit(&Node::Group(Some(0), Box::new(node)), &mut steps)?;
    steps.push(Step::Done);
    Ok(Program { steps, names: reader.names })
}

struct Reader<'a> {
    rest: &'a str,
    names: Vec<Option<String>>,
    any_case: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn takes(&mut self, text: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(text) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn class(&self, class: Class) -> Node {
        Node::Take(Class { any_case: self.any_case, ..class })
    }

    fn either(&mut self, depth: usize) -> Result<Node, String> {
        if depth > 100 {
            return Err("expression nests too deeply".to_owned());
        }
        let mut arms = vec![self.sequence(depth)?];
        while self.takes("|") {
            arms.push(self.sequence(depth)?);
        }
        Ok(Node::Either(arms))
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, String> {
        let mut parts = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let part = self.atom(depth)?;
            parts.push(self.repeated(part)?);
        }
        Ok(Node::Sequence(parts))
    }

    fn atom(&mut self, depth: usize) -> Result<Node, String> {
        Ok(match self.next() {
            None => Node::Empty,
            Some('.') => self.class(Class::dot()),
            Some('^') => Node::Begin,
            Some('$') => Node::End,
            Some('[') => {
                let class = self.bracket()?;
                self.class(class)
            }
            Some('\\') => {
                let class = self.escape()?;
                self.class(class)
            }
            Some('(') => self.group(depth)?,
            Some(c @ ('*' | '+' | '?')) => {
                return Err(format!("missing argument to repetition operator: `{c}`"));
            }
            Some(c) => self.class(Class::one(c)),
        })
    }

    fn group(&mut self, depth: usize) -> Result<Node, String> {
        let number = if self.takes("?:") {
            None
        } else {
            let name = if self.takes("?P<") || self.takes("?<") {
                let (name, rest) = self.rest.split_once('>').ok_or("invalid named capture")?;
                if name.is_empty() || name.contains(|c: char| !c.is_alphanumeric() && c != '_') {
                    return Err(format!("invalid named capture: `{name}`"));
                }
                self.rest = rest;
                Some(name.to_owned())
            } else if self.rest.starts_with('?') {
                return Err("invalid or unsupported Perl syntax: `(?`".to_owned());
            } else {
                None
            };
            self.names.push(name);
            Some(self.names.len() - 1)
        };
        let inner = self.either(depth + 1)?;
        if !self.takes(")") {
            return Err("missing closing )".to_owned());
        }
        Ok(Node::Group(number, Box::new(inner)))
    }

    fn escape(&mut self) -> Result<Class, String> {
        let c = self.next().ok_or("trailing backslash at end of expression")?;
        let ranges = match c.to_ascii_lowercase() {
            'd' => vec![('0', '9')],
            'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            's' => vec![('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')],
            _ => {
                let literal = match c {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    c if !c.is_alphanumeric() => c,
                    c => return Err(format!("invalid escape sequence: `\\{c}`")),
                };
                return Ok(Class::one(literal));
            }
        };
        Ok(Class { ranges, negated: c.is_ascii_uppercase(), any_case: false })
    }

    fn bracket(&mut self) -> Result<Class, String> {
        const UNCLOSED: &str = "missing closing ]";
        let negated = self.takes("^");
        let mut ranges = Vec::new();
        loop {
            if self.rest.starts_with("[:") {
                return Err("named character classes are not supported".to_owned());
            }
            let from = match self.next().ok_or(UNCLOSED)? {
                ']' if !ranges.is_empty() => break,
                '\\' => {
                    let class = self.escape()?;
                    if class.negated {
                        return Err("a negated class inside [] is not supported".to_owned());
                    }
                    if class.ranges.len() > 1 || class.ranges[0].0 != class.ranges[0].1 {
                        ranges.extend(class.ranges);
                        continue;
                    }
                    class.ranges[0].0
                }
                c => c,
            };
            let mut to = from;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                to = match self.next().ok_or(UNCLOSED)? {
                    '\\' => self.escape()?.ranges[0].0,
                    c => c,
                };
            }
            if to < from {
                return Err(format!("invalid character class range: `{from}-{to}`"));
            }
            ranges.push((from, to));
        }
        Ok(Class { ranges, negated, any_case: false })
    }

    fn repeated(&mut self, of: Node) -> Result<Node, String> {
        let (least, most) = match self.rest.chars().next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.counts()? {
                Some(counts) => counts,
                None => return Ok(of),
            },
            _ => return Ok(of),
        };
        self.next();
        let greedy = !self.takes("?");
        if self.rest.starts_with(['*', '+', '?']) {
            return Err("invalid nested repetition operator".to_owned());
        }
        Ok(Node::Repeat { of: Box::new(of), least, most, greedy })
    }

    /// Reads `{m}`, `{m,}` or `{m,n}` up to (not including) its closing brace; anything else is literal text.
    fn counts(&mut self) -> Result<Option<(usize, Option<usize>)>, String> {
        let Some((inside, _)) = self.rest[1..].split_once('}') else {
            return Ok(None);
        };
        let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
        let Ok(least) = low.parse::<usize>() else {
            return Ok(None);
        };
        let most = match high {
            "" => None,
            text => match text.parse::<usize>() {
                Ok(most) => Some(most),
                Err(_) => return Ok(None),
            },
        };
        if least > MOST_REPEATS || most.is_some_and(|most| most > MOST_REPEATS || most < least) {
            return Err(format!("invalid repeat count: `{{{inside}}}`"));
        }
        self.rest = &self.rest[1 + inside.len()..];
        Ok(Some((least, most)))
    }
}

fn emit(node: &Node, steps: &mut Vec<Step>) -> Result<(), String> {
    if steps.len() > LONGEST {
        return Err("expression too large".to_owned());
    }
    match node {
        Node::Empty => {}
        Node::Take(class) => steps.push(Step::Take(class.clone())),
        Node::Begin => steps.push(Step::Begin),
        Node::End => steps.push(Step::End),
        Node::Group(number, inner) => {
            steps.extend(number.map(|n| Step::Note(n * 2)));
            emit(inner, steps)?;
            steps.extend(number.map(|n| Step::Note(n * 2 + 1)));
        }
        Node::Sequence(parts) => {
            for part in parts {
                emit(part, steps)?;
            }
        }
        Node::Either(arms) => {
            let mut exits = Vec::new();
            for (index, arm) in arms.iter().enumerate() {
                if index + 1 == arms.len() {
                    emit(arm, steps)?;
                    break;
                }
                let fork = steps.len();
                steps.push(Step::Jump(0));
                emit(arm, steps)?;
                exits.push(steps.len());
                steps.push(Step::Jump(0));
                steps[fork] = Step::Fork(fork + 1, steps.len());
            }
            for exit in exits {
                steps[exit] = Step::Jump(steps.len());
            }
        }
        Node::Repeat { of, least, most, greedy } => {
            let fork = |inside: usize, outside: usize| {
                if *greedy { Step::Fork(inside, outside) } else { Step::Fork(outside, inside) }
            };
            for _ in 0..*least {
                emit(of, steps)?;
            }
            let Some(most) = most else {
                let start = steps.len();
                steps.push(Step::Jump(0));
                emit(of, steps)?;
                steps.push(Step::Jump(start));
                steps[start] = fork(start + 1, steps.len());
                return Ok(());
            };
            let mut forks = Vec::new();
            for _ in *least..*most {
                forks.push(steps.len());
                steps.push(Step::Jump(0));
                emit(of, steps)?;
            }
            for at in forks {
                steps[at] = fork(at + 1, steps.len());
            }
        }
    }
    Ok(())
}
