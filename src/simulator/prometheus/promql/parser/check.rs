//! The kinds that operators take.

use super::super::syntax::{Binary, Kind};
use super::kind;

/// Refuses operands that the operator does not take.
pub fn binary(binary: &Binary) -> Result<(), String> {
    let (left, right) = (kind(&binary.left), kind(&binary.right));
    let both_scalar = left == Kind::Scalar && right == Kind::Scalar;
    let operator = binary.operator;
    if binary.as_bool && !operator.is_comparison() {
        return Err("bool modifier can only be used on comparison operators".to_owned());
    }
    if operator.is_comparison() && both_scalar && !binary.as_bool {
        return Err("comparisons between scalars must use BOOL modifier".to_owned());
    }
    for side in [left, right] {
        if !matches!(side, Kind::Scalar | Kind::Vector) {
            return Err("binary expression must contain only scalar and instant vector types".to_owned());
        }
    }
    if operator.is_set() {
        if left == Kind::Scalar || right == Kind::Scalar {
            return Err("set operator not allowed in binary scalar expression".to_owned());
        }
        if binary.matching.group.is_some() {
            return Err("no grouping allowed for set operation".to_owned());
        }
    }
    let matching = &binary.matching;
    if (left == Kind::Scalar || right == Kind::Scalar) && (matching.on || !matching.labels.is_empty()) {
        return Err("vector matching only allowed between instant vectors".to_owned());
    }
    if let Some(group) = &matching.group
        && let Some(label) = group.include.iter().find(|l| matching.on && matching.labels.contains(l))
    {
        return Err(format!("label {label:?} must not occur in ON and GROUP clause at once"));
    }
    Ok(())
}
