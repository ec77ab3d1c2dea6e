//! What changes of columns mean: added ones, other types, other attributes.

use sqlparser::ast::{
    AlterColumnOperation, ColumnDef, ColumnOption, ColumnOptionDef, DataType, Expr, GeneratedAs,
    GeneratedExpressionMode, Ident, NullsDistinctOption, TableConstraint, Value,
};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::super::Class;
use super::expressions::{always_fits, never_fails};
use super::names::key;
use super::statements::{EXPAND, Meaning, TIGHTER_CONSTRAINT, UNCLEAR};

/// Functions that give each row a value of its own.
const UNIQUE_VALUES: [&str; 6] = ["gen_random_uuid(", "uuid_generate_v4(", "uuidv7(", "uuid(", "(uuid(", "nextval("];

pub(super) const REWRITES: Meaning = (Class::Expand, "rewrites the table, which is locked meanwhile");
const NARROWER_TYPE: Meaning = (Class::Contract, "values of the old type may not fit the new one");

pub(super) const MAY_FAIL: Meaning =
    (Class::Unclear, "what it computes may fail for values that the version before writes");

/// Types of extensions that take null.
const NO_DOMAINS: [&str; 8] = ["citext", "hstore", "ltree", "geometry", "geography", "vector", "halfvec", "cube"];

const TYPES_OF_MYSQL: [&str; 13] = [
    "year",
    "point",
    "geometry",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "uuid",
    "inet4",
    "inet6",
    "vector",
];

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

/// A column that the version before does not know: its inserts leave it out. `own_types` are those that the file creates.
pub(super) fn added(column: &ColumnDef, is_mysql: bool, own_types: &[String]) -> Meaning {
    let mut filled = if is_serial(&column.data_type) { Filled::Unique } else { Filled::Not };
    let (mut is_required, mut is_unique, mut has_equal_nulls, mut is_stored) = (false, false, false, false);
    let (mut is_computed, mut refers) = (false, false);
    let mut checks = Vec::new();
    for option in column.options.iter().map(|option| &option.option) {
        match option {
            ColumnOption::Default(value) => filled = default(value),
            ColumnOption::Generated { generation_expr: Some(computed), generation_expr_mode: mode, .. } => {
                if !never_fails(computed) || !always_fits(computed, &column.data_type, is_mysql) {
                    return MAY_FAIL;
                }
                is_computed = true;
                is_stored = !is_mysql || matches!(mode, Some(GeneratedExpressionMode::Stored));
            }
            // A generated column without an expression is an identity.
            ColumnOption::Generated { generation_expr: None, .. } | ColumnOption::Identity(_) => {
                filled = Filled::Unique;
            }
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
            ColumnOption::ForeignKey(_) => refers = true,
            ColumnOption::Null
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
    if is_computed && (is_required || is_unique) {
        return (Class::Unclear, "whether what it computes is null or equal for two rows is unknown");
    }
    if refers && filled != Filled::Not {
        return (Class::Unclear, "the version before cannot delete the rows that its default refers to");
    }
    // MySQL takes the first of the values that are listed.
    let has_first = is_mysql && matches!(column.data_type, DataType::Enum(..));
    if is_required && filled == Filled::Not && !has_first {
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
    let may_be_domain = !(is_mysql && is_of_mysql(&column.data_type)) && may_be_domain(&column.data_type, own_types);
    if may_be_domain && filled == Filled::Not {
        return (Class::Unclear, "its type may be a domain that takes no null; with a check, it rewrites the table");
    }
    // MySQL copies a table for a new check or key.
    is_stored |= is_mysql && (refers || !checks.is_empty());
    if is_stored || may_be_domain || matches!(filled, Filled::Unique | Filled::Computed) { REWRITES } else { EXPAND }
}

/// A column as a `MODIFY` or `CHANGE` defines it anew.
pub(super) fn defined(name: &Ident, data_type: &DataType, options: &[ColumnOption]) -> ColumnDef {
    let options = options.iter().map(|option| ColumnOptionDef { name: None, option: option.clone() }).collect();
    ColumnDef { name: name.clone(), data_type: data_type.clone(), options }
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

pub(super) fn is_null(value: &Expr) -> bool {
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

/// Whether a type may be a domain, whose checks hold for null as well.
fn may_be_domain(data_type: &DataType, own_types: &[String]) -> bool {
    // A domain takes no length, and `ADD INDEX i (a)` reads like a type that has one.
    let DataType::Custom(name, lengths) = data_type else { return false };
    if !lengths.is_empty() {
        return false;
    }
    let plain = name.to_string().to_ascii_lowercase();
    let plain = plain.strip_prefix("public.").unwrap_or(&plain);
    !is_serial(data_type) && !NO_DOMAINS.contains(&plain) && !own_types.contains(&key(name))
}

/// Whether a type is one that the parser does not know, and MySQL or MariaDB has. They have no domains, but
/// `ADD PERIOD FOR …` reads like a column.
fn is_of_mysql(data_type: &DataType) -> bool {
    let DataType::Custom(name, _) = data_type else { return false };
    TYPES_OF_MYSQL.contains(&name.to_string().to_ascii_lowercase().as_str())
}

pub(super) fn is_serial(data_type: &DataType) -> bool {
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
        AlterColumnOperation::SetDefault { .. } => {
            (Class::Unclear, "inserts of the version before that leave it out get another value")
        }
        AlterColumnOperation::AddGenerated { generated_as: Some(GeneratedAs::ByDefault), .. }
        | AlterColumnOperation::DropNotNull => EXPAND,
        AlterColumnOperation::AddGenerated { .. } => {
            (Class::Contract, "inserts of the version before that give a value fail")
        }
    }
}

/// Another type. Which it was before is unknown here, so only what holds for every type that can become the new one is
/// told: PostgreSQL turns any type to text without a word, and rounds fractions to `bigint`.
fn retyped(data_type: &DataType, has_using: bool) -> Meaning {
    if has_using {
        return NARROWER_TYPE;
    }
    match data_type {
        DataType::BigInt(_) | DataType::Int8(_) => (
            Class::Unclear,
            "fractions are lost, if the old type had them; it rewrites the table, which is locked meanwhile",
        ),
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
    match constraint {
        TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => false,
        TableConstraint::Check(check) => check.enforced != Some(false),
        _ => true,
    }
}
