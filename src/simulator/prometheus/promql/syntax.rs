//! The syntax tree of a query.

use super::super::labels::Matcher;
use super::functions::Function;

/// A parsed and type-checked query.
#[derive(Debug)]
pub struct Query {
    pub expr: Expr,
    /// The selectors, by the number that [`Expr::Select`] carries.
    pub selectors: Vec<Selector>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scalar,
    Vector,
    Range,
    Text,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Range => "range vector",
            Self::Text => "string",
        }
    }
}

#[derive(Debug)]
pub struct Selector {
    pub matchers: Vec<Matcher>,
    /// The length of the range in milliseconds; none for an instant selector.
    pub range: Option<i64>,
    /// How far back the selector looks from the evaluation time, in milliseconds.
    pub offset: i64,
}

#[derive(Debug)]
pub enum Expr {
    Number(f64),
    Text(String),
    /// A selector, by its number, and what it gives.
    Select(usize, Kind),
    Negate(Box<Expr>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Function, Vec<Expr>),
}

/// `left operator right`.
#[derive(Debug)]
pub struct Binary {
    pub operator: Operator,
    /// With `bool`, a comparison gives 0 or 1 where it would filter.
    pub as_bool: bool,
    pub matching: Matching,
    pub left: Expr,
    pub right: Expr,
}

/// How the elements of two vectors are paired.
#[derive(Debug, Default)]
pub struct Matching {
    /// `on (…)` if true, `ignoring (…)` otherwise.
    pub on: bool,
    pub labels: Vec<String>,
    pub group: Option<Group>,
}

/// The side that may have many elements to one of the other.
#[derive(Debug)]
pub struct Group {
    pub many: Side,
    /// The labels to copy from the side of one.
    pub include: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
}

impl Operator {
    pub fn is_comparison(self) -> bool {
        use Operator::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual)
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// How tightly it binds; a higher one binds first.
    pub fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Remainder => 5,
            Self::Power => 6,
            _ => 3,
        }
    }
}

/// `sum by (…) (…)` and its like.
#[derive(Debug)]
pub struct Aggregate {
    pub how: Aggregation,
    /// `without (…)` if true, `by (…)` otherwise.
    pub without: bool,
    pub labels: Vec<String>,
    /// The number that `topk` and `bottomk` take.
    pub parameter: Option<Expr>,
    pub of: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    Sum,
    Average,
    Smallest,
    Largest,
    Count,
    Top,
    Bottom,
}
