//! Reads what git prints. Fields end with NUL, which no name and no message can hold.

use jiff::Timestamp;

use super::{File, FileChange, Oid, TagRef};
use crate::domain::facts::changes::RawCommit;

/// What `git log -z` prints of each commit.
pub(super) const COMMIT_FORMAT: &str = "--format=tformat:%H%x00%P%x00%aN%x00%at%x00%B";

/// Splits at NUL; what follows the last one is nothing.
fn fields(out: &[u8]) -> Vec<String> {
    let mut fields: Vec<String> =
        out.split(|b| *b == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect();
    fields.pop();
    fields
}

pub(super) fn commits(out: &[u8]) -> Vec<RawCommit> {
    fields(out)
        .chunks_exact(5)
        .map(|fields| RawCommit {
            hash: fields[0].clone(),
            merge: fields[1].contains(' '),
            author: fields[2].clone(),
            at: fields[3].parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()),
            message: fields[4].clone(),
        })
        .collect()
}

/// One tag a line; names hold neither NUL nor line breaks.
pub(super) fn tags(out: &[u8]) -> Vec<TagRef> {
    let text = String::from_utf8_lossy(out);
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split('\0');
            let (name, kind, hash) = (fields.next()?, fields.next()?, fields.next()?);
            let (inner_kind, inner_hash) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            let commit = match (kind, inner_kind) {
                ("commit", _) => Oid::new(hash),
                ("tag", "commit") => Oid::new(inner_hash),
                _ => None,
            };
            Some(TagRef { name: name.to_owned(), commit })
        })
        .collect()
}

/// `:100644 100644 HASH HASH M`, NUL, path, NUL. Links and submodules are no files.
pub(super) fn changed_files(out: &[u8]) -> Vec<(FileChange, File)> {
    fields(out)
        .chunks_exact(2)
        .filter_map(|fields| {
            let mut words = fields[0].strip_prefix(':')?.split(' ');
            let (old_mode, new_mode) = (words.next()?, words.next()?);
            let (_, new, status) = (words.next()?, words.next()?, words.next()?);
            let (was, is) = (is_file(old_mode), is_file(new_mode));
            let change = match (was, is) {
                (true, true) if status.starts_with('M') || status.starts_with('T') => FileChange::Changed,
                (false, true) => FileChange::Added,
                (true, false) => FileChange::Gone,
                _ => return None,
            };
            Some((change, File { path: fields[1].clone(), content: new.to_owned() }))
        })
        .collect()
}

/// `100644 blob HASH`, tab, path, NUL.
pub(super) fn files(out: &[u8]) -> Vec<File> {
    fields(out)
        .iter()
        .filter_map(|field| {
            let (head, path) = field.split_once('\t')?;
            let mut words = head.split(' ');
            let (mode, _, hash) = (words.next()?, words.next()?, words.next()?);
            is_file(mode).then(|| File { path: path.to_owned(), content: hash.to_owned() })
        })
        .collect()
}

fn is_file(mode: &str) -> bool {
    mode.starts_with("100")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_git_output_is_read_without_panic(out in proptest::collection::vec(
            prop_oneof![Just(0_u8), Just(b':'), Just(b' '), Just(b'\t'), Just(b'\n'), any::<u8>()], 0..200,
        )) {
            let _ = (commits(&out), tags(&out), changed_files(&out), files(&out));
        }
    }
}
