//! Reads the patch that git prints: what each file has now, where lines of it came.

/// A longer line was written by a program.
const MAX_LINE_BYTES: usize = 2_000;

/// A part of a file as it is now: lines that came, and some around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// All lines, each with its line break.
    pub(super) text: String,
    /// Of each line: where it begins in the text, and whether it came.
    lines: Vec<(usize, bool)>,
    /// The number of the first line.
    first: u32,
}

impl Part {
    fn new(first: u32) -> Self {
        Self { first, ..Self::default() }
    }

    fn push(&mut self, line: &str, came: bool) {
        self.lines.push((self.text.len(), came));
        if line.len() <= MAX_LINE_BYTES {
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    /// Returns the number of the line at a byte of the text, where that line came.
    pub(super) fn came(&self, at: usize) -> Option<u32> {
        let index = self.index(at);
        let (_, came) = self.lines.get(index)?;
        came.then(|| self.first.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// Returns the line at a byte of the text.
    pub(super) fn line(&self, at: usize) -> &str {
        let index = self.index(at);
        let begin = self.lines.get(index).map_or(0, |(begin, _)| *begin);
        let end = self.lines.get(index + 1).map_or(self.text.len(), |(begin, _)| *begin);
        self.text.get(begin..end).unwrap_or_default()
    }

    fn index(&self, at: usize) -> usize {
        self.lines.partition_point(|(begin, _)| *begin <= at).saturating_sub(1)
    }
}

/// How many lines of a part are still to come.
#[derive(Clone, Copy, Default)]
struct Left {
    old: u32,
    new: u32,
}

/// Hands each part of each file that is still there to a function.
///
/// # Errors
/// Why it is no patch: then what was handed over is not all.
pub(super) fn read(patch: &str, mut take: impl FnMut(&str, &Part) -> Result<(), String>) -> Result<(), String> {
    let (mut file, mut part, mut left) = (None, Part::default(), Left::default());
    // What follows the last line break is nothing.
    for line in patch.strip_suffix('\n').unwrap_or(patch).split('\n') {
        if left.old == 0 && left.new == 0 {
            if let Some(path) = line.strip_prefix("+++ ") {
                file = path_of(path);
            } else if let Some(counts) = line.strip_prefix("@@ ") {
                let (first, of_part) = counted(counts).ok_or_else(|| format!("git printed the part `{line}`"))?;
                (part, left) = (Part::new(first), of_part);
            }
            continue;
        }
        let gone = || format!("git printed `{}` in a part that goes on", line.chars().take(40).collect::<String>());
        match line.as_bytes().first() {
            Some(b'+') if left.new > 0 => {
                left.new -= 1;
                part.push(line.get(1..).unwrap_or_default(), true);
            }
            Some(b'-') if left.old > 0 => left.old -= 1,
            // A setting of git's leaves the space of empty lines out.
            Some(b' ') | None if left.old > 0 && left.new > 0 => {
                left = Left { old: left.old - 1, new: left.new - 1 };
                part.push(line.get(1..).unwrap_or_default(), false);
            }
            // No line break at the end of the file.
            Some(b'\\') => {}
            _ => return Err(gone()),
        }
        if left.old == 0 && left.new == 0 && !part.lines.is_empty() {
            if let Some(file) = &file {
                take(file, &part)?;
            }
        }
    }
    if left.old > 0 || left.new > 0 { Err("git's answer ends in the middle".to_owned()) } else { Ok(()) }
}

/// Reads `-12,3 +14,5 @@ …`: the first line that is there now, and how many there were and are. A count of one is left out.
fn counted(text: &str) -> Option<(u32, Left)> {
    let mut words = text.split(' ');
    let range = |word: &str| {
        let (first, count) = word.split_once(',').unwrap_or((word, "1"));
        Some((first.parse::<u32>().ok()?, count.parse::<u32>().ok()?))
    };
    let (_, old) = range(words.next()?.strip_prefix('-')?)?;
    let (first, new) = range(words.next()?.strip_prefix('+')?)?;
    Some((first, Left { old, new }))
}

/// Reads the path that a file has now: `b/src/pay.ts`; `None` for one that is gone.
fn path_of(text: &str) -> Option<String> {
    // A path with spaces in it is followed by a tab.
    let text = text.strip_suffix('\t').unwrap_or(text);
    let path = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => unquoted(quoted),
        None => text.to_owned(),
    };
    path.strip_prefix("b/").map(ToOwned::to_owned)
}

/// Takes back how git writes special characters: `\t`, `\"`, `\303`.
fn unquoted(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escape = (*first == b'\\').then(|| after.split_first()).flatten();
        rest = match escape {
            None => {
                out.push(*first);
                after
            }
            Some((b'0'..=b'3', _)) if after.len() >= 3 => {
                let (digits, after) = after.split_at(3);
                let number = digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit.wrapping_sub(b'0')));
                out.push(u8::try_from(number).unwrap_or(b'?'));
                after
            }
            Some((letter, after)) => {
                out.push(match letter {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    other => *other,
                });
                after
            }
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(patch: &str) -> Result<Vec<(String, String, Vec<u32>)>, String> {
        let mut all = Vec::new();
        read(patch, |file, part| {
            let came = part.lines.iter().filter_map(|(begin, _)| part.came(*begin)).collect();
            all.push((file.to_owned(), part.text.clone(), came));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn a_part_is_what_is_there_now() {
        let patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@ fn main\n one\n-two\n+zwei\n++++ b/y\n\
                     \\ No newline at end of file\n@@ -9 +11 @@\n-old\n+new\n\
                     diff --git a/z b/z\n--- a/z\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n";
        assert_eq!(
            parts(patch).unwrap(),
            [
                ("x".to_owned(), "one\nzwei\n+++ b/y\n".to_owned(), vec![2, 3]),
                ("x".to_owned(), "new\n".to_owned(), vec![11]),
            ]
        );
    }

    #[test]
    fn a_patch_that_ends_too_early_is_none() {
        assert!(parts("+++ b/x\n@@ -1 +1,2 @@\n-a\n+b\n").is_err());
        assert!(parts("+++ b/x\n@@ -1,0 +1,2 @@\n+b\nwhat\n").is_err());
        assert!(parts("+++ b/x\n@@ of another form @@\n").is_err());
        assert_eq!(parts("").unwrap(), []);
    }

    #[test]
    fn paths_are_read_as_git_writes_them() {
        assert_eq!(path_of("b/src/a b.ts\t").as_deref(), Some("src/a b.ts"));
        assert_eq!(path_of(r#""b/\303\244\t\"x\\.ts""#).as_deref(), Some("ä\t\"x\\.ts"));
        assert_eq!(path_of("/dev/null"), None);
        assert_eq!(path_of(r#""b/\""#).as_deref(), Some("\\"));
    }
}
