//! What queries and other statements about rows do beside what they say: functions that they call, writes in their parts.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Functions that change nothing that the version before would miss. Sequences may go on.
const HARMLESS: &[&str] = &[
    "abs",
    "array_agg",
    "array_length",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "cast",
    "ceil",
    "ceiling",
    "char_length",
    "clock_timestamp",
    "coalesce",
    "concat",
    "concat_ws",
    "convert",
    "count",
    "crc32",
    "curdate",
    "current_setting",
    "current_timestamp",
    "currval",
    "date",
    "date_add",
    "date_format",
    "date_part",
    "date_sub",
    "date_trunc",
    "datetime",
    "decode",
    "dense_rank",
    "digest",
    "encode",
    "extract",
    "first_value",
    "floor",
    "format",
    "from_unixtime",
    "gen_random_uuid",
    "generate_series",
    "greatest",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "initcap",
    "instr",
    "json_agg",
    "json_array",
    "json_build_object",
    "json_extract",
    "json_object",
    "json_set",
    "json_unquote",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_set",
    "jsonb_strip_nulls",
    "lag",
    "last_insert_id",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "max",
    "md5",
    "min",
    "mod",
    "month",
    "nextval",
    "now",
    "nullif",
    "overlay",
    "pg_get_serial_sequence",
    "position",
    "power",
    "printf",
    "random",
    "rank",
    "regexp_replace",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "set_config",
    "sha256",
    "sign",
    "split_part",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "trim",
    "unhex",
    "unix_timestamp",
    "unnest",
    "upper",
    "utc_timestamp",
    "uuid",
    "uuid_generate_v4",
    "version",
    "year",
];

/// Words after which a bracket is no call: parts of statements and types with a length.
const NO_FUNCTIONS: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "between",
    "bit",
    "by",
    "case",
    "char",
    "character",
    "check",
    "conflict",
    "decimal",
    "default",
    "distinct",
    "else",
    "except",
    "exists",
    "filter",
    "float",
    "from",
    "having",
    "in",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "key",
    "lateral",
    "like",
    "limit",
    "materialized",
    "not",
    "numeric",
    "nvarchar",
    "offset",
    "on",
    "or",
    "over",
    "precision",
    "returning",
    "row",
    "select",
    "set",
    "sets",
    "some",
    "then",
    "time",
    "timestamp",
    "timestamptz",
    "top",
    "union",
    "using",
    "values",
    "varbinary",
    "varchar",
    "varying",
    "when",
    "where",
    "with",
    "within",
];

/// Whether a statement also writes in one of its parts: `WITH gone AS (DELETE FROM …) …`.
pub(super) fn hides_writes(tokens: &[TokenWithSpan]) -> bool {
    writes(tokens) > 0
}

/// How often a statement writes.
pub(super) fn writes(tokens: &[TokenWithSpan]) -> usize {
    let writes = [Keyword::DELETE, Keyword::TRUNCATE, Keyword::MERGE, Keyword::DROP];
    // `FOR UPDATE` and `DO UPDATE` are no updates of their own.
    let mut before = Keyword::NoKeyword;
    let keywords = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    });
    let is_write = |keyword: &Keyword| {
        let keyword = *keyword;
        let update =
            keyword == Keyword::UPDATE && !matches!(before, Keyword::FOR | Keyword::DO | Keyword::KEY | Keyword::ON);
        // `ON DELETE` says what a foreign key does.
        let writes = writes.contains(&keyword) && !(keyword == Keyword::DELETE && before == Keyword::ON);
        // `GRANT INSERT ON` and `BEFORE INSERT ON` insert nothing.
        let inserts = keyword == Keyword::INTO && matches!(before, Keyword::INSERT | Keyword::REPLACE);
        before = keyword;
        update || writes || inserts
    };
    keywords.filter(is_write).count()
}

/// Whether a function of this name takes the place of one that the database has.
pub(super) fn is_of_database(name: &str) -> bool {
    HARMLESS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether a statement calls a function that may do anything. `INSERT INTO name (…)` and `AS name (…)` are no calls.
pub(super) fn calls(tokens: &[TokenWithSpan]) -> bool {
    let solid: Vec<&Token> =
        tokens.iter().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    (1..solid.len()).any(|i| {
        let (Token::Word(word), Token::LParen) = (solid[i - 1], solid[i]) else { return false };
        // Past its schema, whose name `a.b` begins further left.
        let mut begin = i - 1;
        while begin >= 2 && *solid[begin - 1] == Token::Period {
            begin -= 2;
        }
        let before = begin.checked_sub(1).and_then(|before| match solid[before] {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_lowercase()),
            _ => None,
        });
        if matches!(
            before.as_deref(),
            Some("insert" | "ignore" | "into" | "as" | "with" | "recursive" | "table" | "index" | "view")
        ) {
            return false;
        }
        let name = word.value.to_ascii_lowercase();
        let is_system = begin == i - 1
            || matches!(solid[begin], Token::Word(schema) if schema.value.eq_ignore_ascii_case("pg_catalog"));
        let is_plain = word.quote_style.is_none() && is_system;
        // A sequence that is set to its last row goes on; set to a number, it may meet rows that are there.
        if is_plain && name == "setval" {
            return !solid
                .iter()
                .any(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("max")));
        }
        !(is_plain && (HARMLESS.contains(&name.as_str()) || NO_FUNCTIONS.contains(&name.as_str())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sqlparser::dialect::GenericDialect;
    use sqlparser::tokenizer::Tokenizer;

    fn is_call(sql: &str) -> bool {
        calls(&Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap())
    }

    #[test]
    fn calls_are_told_from_brackets() {
        for sql in [
            "INSERT INTO app.users (a, b) VALUES (1, (2))",
            "INSERT INTO a (b) SELECT lower(c) FROM d AS e (c) WHERE c IN (1) ON CONFLICT (b) DO NOTHING",
            "WITH a (b) AS (SELECT now()) SELECT pg_catalog.setval('s', max(1)), b::varchar(10) FROM a",
        ] {
            assert!(!is_call(sql), "{sql}");
        }
        for sql in [
            "SELECT purge()",
            "SELECT setval('s', 1)",
            "SELECT public.count(1)",
            "SELECT \"lower\"(a)",
            "SELECT a + b (1)",
        ] {
            assert!(is_call(sql), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn unknown_functions_are_calls(name in "[a-z_]{1,12}") {
            if !HARMLESS.contains(&name.as_str()) && !NO_FUNCTIONS.contains(&name.as_str()) {
                let sql = format!("INSERT INTO a SELECT b, {name}(c)");
                prop_assert!(is_call(&sql));
            }
        }
    }
}
