//! What changes of columns mean: added ones, other types, other attributes.

use sqlparser::ast::{
    AlterColumnOperation, ColumnDef, ColumnOption, DataType, Expr, NullsDistinctOption, TableConstraint, Value,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::super::Class;
use super::statements::{EXPAND, Meaning, TIGHTER_CONSTRAINT, UNCLEAR};

/// Functions that give each row a value of its own.
const UNIQUE_VALUES: [&str; 6] = ["gen_random_uuid(", "uuid_generate_v4(", "uuidv7(", "uuid(", "(uuid(", "nextval("];

const REWRITES: Meaning = (Class::Expand, "rewrites the table, which is locked meanwhile");
const NARROWER_TYPE: Meaning = (Class::Contract, "values of the old type may not fit the new one");

/// What a default gives to rows that do not name the column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filled {
    /// Nothing, or null.
    Not,
    /// The same for all.
    Constant,
    /// Each its own.
    Unique,
    /// What a function returns.
    Computed,
}

/// A column that the version before does not know: its inserts leave it out.
pub(super) fn added(column: &ColumnDef) -> Meaning {
    let mut filled = if is_serial(&column.data_type) { Filled::Unique } else { Filled::Not };
    let (mut is_required, mut is_unique, mut has_equal_nulls, mut is_stored) = (false, false, false, false);
    let mut checks = Vec::new();
    for option in column.options.iter().map(|option| &option.option) {
        match option {
            ColumnOption::Default(value) => filled = default(value),
            ColumnOption::Generated { .. } => {
                filled = Filled::Computed;
                is_stored = true;
            }
            ColumnOption::Identity(_) => filled = Filled::Unique,
            ColumnOption::DialectSpecific(words) if words.iter().any(is_auto_increment) => filled = Filled::Unique,
            ColumnOption::NotNull => is_required = true,
            ColumnOption::PrimaryKey(_) => {
                is_required = true;
                is_unique = true;
            }
            ColumnOption::Unique(unique) => {
                is_unique = true;
                has_equal_nulls |= unique.nulls_distinct == NullsDistinctOption::NotDistinct;
            }
            ColumnOption::Check(check) => checks.push(check.expr.to_string()),
            ColumnOption::Null
            | ColumnOption::ForeignKey(_)
            | ColumnOption::DialectSpecific(_)
            | ColumnOption::CharacterSet(_)
            | ColumnOption::Collation(_)
            | ColumnOption::Comment(_)
            | ColumnOption::OnUpdate(_)
            | ColumnOption::Invisible
            | ColumnOption::Srid(_) => {}
            _ => return UNCLEAR,
        }
    }
    if is_required && filled == Filled::Not {
        return (Class::Contract, "not null and without a default: inserts of the version before fail");
    }
    if is_unique && (filled == Filled::Constant || filled == Filled::Not && has_equal_nulls) {
        return (Class::Contract, "unique, with one value for all: the second insert of the version before fails");
    }
    if is_unique && filled == Filled::Computed {
        return (Class::Unclear, "unique: whether the default gives each row its own value is unknown");
    }
    // A check holds for the default, and for null unless it asks for it.
    let name = column.name.value.as_str();
    if checks.iter().any(|check| !is_about_only(check, name)) {
        return (Class::Contract, "its check may forbid what the version before writes");
    }
    if is_stored || matches!(filled, Filled::Unique | Filled::Computed) { REWRITES } else { EXPAND }
}

fn default(value: &Expr) -> Filled {
    if is_null(value) {
        return Filled::Not;
    }
    let text = value.to_string().to_ascii_lowercase();
    if UNIQUE_VALUES.iter().any(|function| text.starts_with(function)) {
        Filled::Unique
    } else if text.contains('(') && !matches!(text.as_str(), "now()" | "current_timestamp()" | "(now())") {
        Filled::Computed
    } else {
        Filled::Constant
    }
}

fn is_null(value: &Expr) -> bool {
    match value {
        Expr::Value(value) => matches!(value.value, Value::Null),
        Expr::Nested(inner) => is_null(inner),
        Expr::Cast { expr, .. } => is_null(expr),
        _ => false,
    }
}

/// Whether a check names no column but its own, and does not speak of null.
fn is_about_only(check: &str, column: &str) -> bool {
    let mut text = check.to_ascii_lowercase();
    // Texts in it are values.
    while let Some((before, rest)) = text.split_once('\'') {
        let Some((_, after)) = rest.split_once('\'') else { return false };
        text = format!("{before} {after}");
    }
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let known = ["and", "or", "not", "in", "between", "like", "any", "array", "text", "length", "char_length"];
    let column = column.to_ascii_lowercase();
    words.into_iter().all(|word| word == column || known.contains(&word) || word.chars().all(|c| c.is_ascii_digit()))
}

fn is_serial(data_type: &DataType) -> bool {
    let name = data_type.to_string().to_ascii_lowercase();
    matches!(name.as_str(), "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8")
}

fn is_auto_increment(token: &Token) -> bool {
    matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::AUTO_INCREMENT | Keyword::AUTOINCREMENT))
}

/// `ALTER COLUMN …`.
pub(super) fn altered(operation: &AlterColumnOperation) -> Meaning {
    match operation {
        AlterColumnOperation::SetNotNull => TIGHTER_CONSTRAINT,
        AlterColumnOperation::SetDefault { value } if is_null(value) => {
            (Class::Contract, "inserts of the version before may rely on the default")
        }
        AlterColumnOperation::DropDefault => (Class::Contract, "inserts of the version before may rely on it"),
        AlterColumnOperation::SetDataType { data_type, using, .. } => retyped(data_type, using.is_some()),
        AlterColumnOperation::DropNotNull
        | AlterColumnOperation::SetDefault { .. }
        | AlterColumnOperation::AddGenerated { .. } => EXPAND,
    }
}

/// Another type. Which it was before is unknown here, so only what holds for every type that can become the new one is
/// told: PostgreSQL turns any type to text without a word, and whole numbers to `bigint`.
fn retyped(data_type: &DataType, has_using: bool) -> Meaning {
    if has_using {
        return NARROWER_TYPE;
    }
    match data_type {
        DataType::BigInt(_) | DataType::Int8(_) => REWRITES,
        DataType::Text
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None)
        | DataType::Numeric(_)
        | DataType::Decimal(_)
        | DataType::DoublePrecision
        | DataType::Float8
        | DataType::JSONB
        | DataType::Timestamp(..) => {
            (Class::Unclear, "whether the version before can read and write the new type depends on the old one")
        }
        _ => NARROWER_TYPE,
    }
}

/// MySQL's `MODIFY` and `CHANGE`: what is not repeated is lost.
pub(super) fn modified(data_type: &DataType, options: &[ColumnOption]) -> Meaning {
    if options.iter().any(|option| matches!(option, ColumnOption::NotNull)) {
        return TIGHTER_CONSTRAINT;
    }
    match data_type {
        DataType::Text
        | DataType::LongText
        | DataType::BigInt(_)
        | DataType::BigIntUnsigned(_)
        | DataType::Double(_) => (
            Class::Unclear,
            "what it does not repeat is lost (DEFAULT, NOT NULL, AUTO_INCREMENT, UNSIGNED), and the old type is unknown",
        ),
        _ => NARROWER_TYPE,
    }
}

/// Whether a constraint forbids anything.
pub(super) fn tightens(constraint: &TableConstraint) -> bool {
    !matches!(constraint, TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_))
}
