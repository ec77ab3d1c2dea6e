//! What expressions say of every row: which have a value whatever the version before writes, which hold always.

use sqlparser::ast::{BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

/// Functions that take every text.
const NEVER_FAIL: [&str; 7] = ["lower", "upper", "trim", "btrim", "ltrim", "rtrim", "coalesce"];

/// Whether an expression has a value whatever its columns hold. Sums overflow, casts and parsers refuse texts.
pub(super) fn never_fails(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) => true,
        Expr::Nested(inner) | Expr::IsNull(inner) | Expr::IsNotNull(inner) | Expr::Collate { expr: inner, .. } => {
            never_fails(inner)
        }
        Expr::Trim { expr, trim_what: None, .. } => never_fails(expr),
        Expr::BinaryOp { left, op, right } => compares(op) && never_fails(left) && never_fails(right),
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            let FunctionArguments::List(given) = &function.args else { return false };
            NEVER_FAIL.contains(&name.as_str())
                && given.args.iter().all(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => never_fails(inner),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether a part of an index has a value whatever its columns hold. `name(10)` is the beginning of a text, in MySQL.
pub(super) fn never_fails_in_index(expression: &Expr, is_mysql: bool) -> bool {
    is_beginning(expression) || never_fails(expression) && !(is_mysql && may_convert(expression))
}

fn is_beginning(expression: &Expr) -> bool {
    let Expr::Function(function) = expression else { return false };
    let FunctionArguments::List(given) = &function.args else { return false };
    let is_number = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => matches!(value.value, Value::Number(..)),
        _ => false,
    };
    given.args.len() == 1 && given.args.iter().all(is_number)
}

/// Whether every value that an expression can have fits a type. Which types its columns have is unknown.
pub(super) fn always_fits(expression: &Expr, data_type: &DataType, is_mysql: bool) -> bool {
    match expression {
        Expr::Nested(inner) => always_fits(inner, data_type, is_mysql),
        Expr::IsNull(_) | Expr::IsNotNull(_) => true,
        _ if is_mysql => matches!(data_type, DataType::LongText) && !may_convert(expression),
        Expr::BinaryOp { op, .. } if *op != BinaryOperator::StringConcat => true,
        _ => matches!(data_type, DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None)),
    }
}

/// MySQL turns texts into numbers where they are compared or joined by `||`, and refuses to write what is none.
fn may_convert(expression: &Expr) -> bool {
    expression.to_string().contains(['=', '<', '>', '|'])
}

fn compares(operator: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(operator, Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq | Op::And | Op::Or | Op::StringConcat)
}

/// Whether a condition holds for every row, whatever is in it: `true`, `1 = 1`.
pub(super) fn is_always_true(condition: &Expr) -> bool {
    match condition {
        Expr::Nested(inner) => is_always_true(inner),
        Expr::Value(value) => match &value.value {
            Value::Boolean(holds) => *holds,
            Value::Number(number, _) => !number.trim_matches(['0', '.']).is_empty(),
            _ => false,
        },
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            left == right || left.to_string() == right.to_string()
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => is_always_true(left) || is_always_true(right),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => is_always_true(left) && is_always_true(right),
        _ => false,
    }
}

/// Whether a condition holds only where a column is null.
pub(super) fn requires_null(condition: &Expr, column: &str) -> bool {
    match condition {
        Expr::Nested(inner) => requires_null(inner, column),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            requires_null(left, column) || requires_null(right, column)
        }
        Expr::IsNull(inner) => match inner.as_ref() {
            Expr::Identifier(name) => name.value.eq_ignore_ascii_case(column),
            Expr::CompoundIdentifier(names) => names.last().is_some_and(|name| name.value.eq_ignore_ascii_case(column)),
            _ => false,
        },
        _ => false,
    }
}
