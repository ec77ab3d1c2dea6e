//! Small series, and what queries of them give.

pub const SHOP: &str = r#"
    req{pod="a",code="200"} 0 100 200 300 400 500 600
    req{pod="a",code="500"} 0 1 2 3 4 5 6
    req{pod="b",code="200"} 0 50 100 150 200 250 300
    mem{pod="a",zone="x"} 7 7 7 7 7 7 7
    mem{pod="b",zone="y"} 5 4 3 2 1 0 -1
    gone{pod="a"} 1 2 3 s
    holes{pod="a"} 1 _ _ 4 _ _ 7
    b_bucket{le="0.1"} 0 50
    b_bucket{le="1"} 0 90
    b_bucket{le="+Inf"} 0 100
"#;

/// Queries of [`SHOP`] at 60 s and their answers.
pub const CASES: &[(&str, &str)] = &[
    // Selectors
    ("mem", r#"mem{pod="a", zone="x"} 7; mem{pod="b", zone="y"} -1"#),
    (r#"{__name__="mem",pod!="a"}"#, r#"mem{pod="b", zone="y"} -1"#),
    (r#"mem{zone=~"x|z"}"#, r#"mem{pod="a", zone="x"} 7"#),
    (r#"mem{zone!~"x.*",none=""}"#, r#"mem{pod="b", zone="y"} -1"#),
    ("mem offset 20s", r#"mem{pod="a", zone="x"} 7; mem{pod="b", zone="y"} 1"#),
    ("gone", ""),
    ("gone offset 40s", r#"gone{pod="a"} 3"#),
    ("gone[1m]", r#"gone{pod="a"} 2@10 3@20"#),
    ("holes[30s]", r#"holes{pod="a"} 7@60"#),
    ("holes[30s] offset 30s", r#"holes{pod="a"} 4@30"#),
    ("holes[31s]", r#"holes{pod="a"} 4@30 7@60"#),
    ("none", ""),
    // Arithmetic and precedence
    ("1 + 2 * 3", "scalar 7"),
    ("2 ^ 3 ^ 2", "scalar 512"),
    ("-2 ^ 2", "scalar -4"),
    ("-1 * 3", "scalar -3"),
    ("(1 + 2) * 3 % 4", "scalar 1"),
    ("1 / 0", "scalar inf"),
    ("0 / 0", "scalar NaN"),
    ("1 < bool 2 == bool 1", "scalar 1"),
    ("5m + 1h", "scalar 3900"),
    ("time()", "scalar 60"),
    ("-mem", r#"{pod="a", zone="x"} -7; {pod="b", zone="y"} 1"#),
    ("mem * 2", r#"{pod="a", zone="x"} 14; {pod="b", zone="y"} -2"#),
    ("mem > 0", r#"mem{pod="a", zone="x"} 7"#),
    ("0 < mem", r#"mem{pod="a", zone="x"} 7"#),
    ("mem > bool 0", r#"{pod="a", zone="x"} 1; {pod="b", zone="y"} 0"#),
    // Pairs
    (r#"req{code="500"} / ignoring(code) req{code="200"}"#, r#"{pod="a"} 0.01"#),
    (
        "req / on(pod) group_left(zone) mem",
        r#"{code="200", pod="a", zone="x"} 85.71428571428571; {code="200", pod="b", zone="y"} -300; {code="500", pod="a", zone="x"} 0.8571428571428571"#,
    ),
    (
        "mem * on(pod) group_right req",
        r#"{code="200", pod="a"} 4200; {code="200", pod="b"} -300; {code="500", pod="a"} 42"#,
    ),
    ("mem == on(pod) (mem - 0)", r#"{pod="a"} 7; {pod="b"} -1"#),
    (r#"req and on(pod) mem{zone="y"}"#, r#"req{code="200", pod="b"} 300"#),
    (r#"req unless on(pod) mem{zone="y"}"#, r#"req{code="200", pod="a"} 600; req{code="500", pod="a"} 6"#),
    (r#"mem{zone="x"} or mem"#, r#"mem{pod="a", zone="x"} 7; mem{pod="b", zone="y"} -1"#),
    (r#"(sum(req{code="503"}) or 0 * sum(req)) / sum(req)"#, "{} 0"),
    // Aggregation
    ("sum(req)", "{} 906"),
    ("sum by (pod) (req)", r#"{pod="a"} 606; {pod="b"} 300"#),
    ("sum(req) without (pod)", r#"{code="200"} 900; {code="500"} 6"#),
    ("avg(mem)", "{} 3"),
    ("min(mem) + max(mem)", "{} 6"),
    ("count by (code) (req)", r#"{code="200"} 2; {code="500"} 1"#),
    ("topk(1, mem)", r#"mem{pod="a", zone="x"} 7"#),
    ("bottomk by (code) (1, req)", r#"req{code="200", pod="b"} 300; req{code="500", pod="a"} 6"#),
    ("sum(none)", ""),
    // Functions
    (r#"rate(req{pod="b"}[40s])"#, r#"{code="200", pod="b"} 5"#),
    (r#"increase(req{pod="b"}[40s])"#, r#"{code="200", pod="b"} 200"#),
    (r#"irate(req{pod="b"}[1m])"#, r#"{code="200", pod="b"} 5"#),
    (r#"delta(mem{pod="b"}[40s])"#, r#"{pod="b", zone="y"} -4"#),
    ("rate(holes[30s])", ""),
    ("max_over_time(mem[1m])", r#"{pod="a", zone="x"} 7; {pod="b", zone="y"} 4"#),
    ("min_over_time(mem[1m])", r#"{pod="a", zone="x"} 7; {pod="b", zone="y"} -1"#),
    ("avg_over_time(mem[30s])", r#"{pod="a", zone="x"} 7; {pod="b", zone="y"} 0"#),
    ("count_over_time(holes[61s])", r#"{pod="a"} 3"#),
    ("histogram_quantile(0.7, b_bucket)", "{} 0.55"),
    ("clamp_min(mem, 0)", r#"{pod="a", zone="x"} 7; {pod="b", zone="y"} 0"#),
    ("clamp_max(mem, 0)", r#"{pod="a", zone="x"} 0; {pod="b", zone="y"} -1"#),
    ("abs(mem)", r#"{pod="a", zone="x"} 7; {pod="b", zone="y"} 1"#),
    ("scalar(sum(mem))", "scalar 6"),
    ("scalar(mem)", "scalar NaN"),
    ("vector(3)", "{} 3"),
    ("timestamp(holes)", r#"{pod="a"} 60"#),
    ("timestamp(holes offset 10s)", r#"{pod="a"} 30"#),
    (r#"absent(none{pod="a",zone=~"x"})"#, r#"{pod="a"} 1"#),
    ("absent(mem)", ""),
    (r#"label_replace(mem{pod="a"}, "track", "$1-$2", "zone", "(x)(.*)")"#, r#"mem{pod="a", track="x-", zone="x"} 7"#),
    (r#"label_replace(mem{pod="a"}, "zone", "", "pod", "a")"#, r#"mem{pod="a"} 7"#),
    (r#"label_replace(mem{pod="a"}, "zone", "q", "pod", "b")"#, r#"mem{pod="a", zone="x"} 7"#),
    ("'text'", "text"),
    // Comparison with NaN drops the sample
    ("(mem - mem) / (mem - mem) > 0", ""),
];
