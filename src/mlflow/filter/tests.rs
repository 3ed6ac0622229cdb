use proptest::prelude::*;

use super::*;

fn clause(text: &str) -> Clause {
    parse(text).unwrap_or_else(|e| panic!("{}", e.report(text))).clauses.remove(0)
}

#[test]
fn every_kind_of_comparison_parses() {
    assert_eq!(clause("metrics.rmse<0.5").field, Field::Metric("rmse".into()));
    assert_eq!(
        clause("metrics.`a b/c` >= -1e-3").test,
        Test::Number(Comparator::GreaterOrEqual, Number::Float(-1e-3))
    );
    assert_eq!(clause("params.\"hidden dim\" = \"64\"").field, Field::Param("hidden dim".into()));
    assert_eq!(clause("tags.mlflow.user ilike '%ANA%'").field, Field::Tag("mlflow.user".into()));
    assert_eq!(clause("attributes.`Run name` != 'x'").field, Field::Attribute(Attribute::RunName));
    assert_eq!(
        clause("created > 9007199254740993").test,
        Test::Number(Comparator::Greater, Number::Int(9_007_199_254_740_993))
    );
    assert_eq!(clause("run_id not in ('a', \"b\",)").test, Test::NotIn(vec!["a".into(), "b".into()]));
    assert_eq!(clause("dataset.context = 'train'").field, Field::Dataset(DatasetField::Context));
    assert_eq!(clause("params.lr IS NOT NULL").test, Test::IsNotNull);
    assert_eq!(parse("").unwrap(), Filter::default());
    assert!(parse("  ").is_err());
    assert_eq!(parse("metrics.a > 1 and params.b = 'x' AND tags.c IS NULL").unwrap().clauses.len(), 3);
}

#[test]
fn an_error_points_at_its_place() {
    for (text, wrong) in [
        ("metrics.a > 'x'", "'x'"),
        ("params.a = 5", "5"),
        ("params.a > '5'", ">"),
        ("metrics.a LIKE 3", "LIKE"),
        ("metrics.a = 1 OR metrics.b = 2", "OR"),
        ("metrics.a == 1", "=="),
        ("bogus = 'x'", "bogus"),
        ("foo.bar = 'x'", "foo.bar"),
        ("metrics.a IS NULL", "IS"),
        ("status IN ('RUNNING')", "IN"),
        ("run_id IN ()", ")"),
        ("metrics.a > 1, metrics.b > 2", ","),
        ("params.a = 'x", "'x"),
        ("(metrics.a > 1)", "("),
        ("metrics.a/b > 1", "/"),
        ("metrics.a > 1e+5", "1e+5"),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(&text[error.span.clone()], wrong, "{text}: {error}");
    }
    let error = parse("metrics.a >").unwrap_err();
    assert_eq!(error.report("metrics.a >"), "metrics.a >\n           ^\na value is missing at the end");
}

#[test]
fn like_is_sqls_like() {
    for (pattern, text, expected) in [
        ("%", "", true),
        ("a%", "abc", true),
        ("a_c", "abc", true),
        ("a_c", "ac", false),
        ("%b%c", "abbcxc", true),
        ("A%", "abc", false),
        ("", "a", false),
        ("_", "é", true),
    ] {
        assert_eq!(like(pattern, text, false), expected, "{pattern} {text}");
    }
    assert!(like("ABC%", "abcd", true));
    assert!(!like("É", "é", true), "only ASCII letters fold, as in SQLite");
}

#[test]
fn order_by_takes_a_field_and_a_direction() {
    let order = OrderBy::parse("metrics.`val loss` desc").unwrap();
    assert_eq!(order, OrderBy { field: Field::Metric("val loss".into()), direction: Direction::Descending });
    assert_eq!(order.to_string(), "metrics.`val loss` DESC");
    assert!(OrderBy::parse("metrics.val loss").is_err());
    assert!(OrderBy::parse("dataset.name").is_err());
    assert!(OrderBy::parse_all(["params.a", "params.a DESC"]).is_err());
}

fn any_clause() -> impl Strategy<Value = Clause> {
    let key = "[a-z_][a-z0-9_./ -]{0,8}[a-z0-9]";
    let text = "[a-zA-Z0-9%_ .äß]{0,10}";
    let text_test = prop_oneof![
        (
            prop_oneof![
                Just(Comparator::Equal),
                Just(Comparator::NotEqual),
                Just(Comparator::Like),
                Just(Comparator::ILike)
            ],
            text
        )
            .prop_map(|(comparator, text)| Test::Text(comparator, text)),
        Just(Test::IsNull),
        Just(Test::IsNotNull),
    ];
    let number = prop_oneof![any::<i64>().prop_map(Number::Int), (-1e6..1e6f64).prop_map(Number::Float)];
    prop_oneof![
        (key, Just(Comparator::Less), number)
            .prop_map(|(key, c, n)| Clause { field: Field::Metric(key), test: Test::Number(c, n) }),
        (key, text_test).prop_map(|(key, test)| Clause { field: Field::Param(key), test }),
        prop::collection::vec(text, 1..4)
            .prop_map(|list| Clause { field: Field::Attribute(Attribute::RunId), test: Test::In(list) }),
    ]
}

proptest! {
    #[test]
    fn a_filter_prints_and_parses_back(clauses in prop::collection::vec(any_clause(), 0..5)) {
        let filter = Filter { clauses };
        let text = filter.to_string();
        prop_assert_eq!(parse(&text).map_err(|e| e.report(&text)), Ok(filter));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}") {
        let _ = parse(&text);
        let _ = OrderBy::parse(&text);
    }
}
