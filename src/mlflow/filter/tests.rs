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
    assert_eq!(error.report("metrics.a >"), "metrics.a >\n           ^\nexpected a value at the end");
}

#[test]
fn a_server_is_asked_with_every_key_in_quotes() {
    let asked = |text: &str| Query::new(&parse(text).unwrap_or_else(|e| panic!("{}", e.report(text))));
    for (text, sent, is_exact) in [
        ("params.lr = 'a'", "params.`lr` = 'a'", true),
        (
            "params.`from`='a' AND tags.`a.in` LIKE \"it's\"",
            "params.`from` = 'a' AND tags.`a.in` LIKE \"it's\"",
            true,
        ),
        ("params.\"a`b\" = 'x'", "params.\"a`b\" = 'x'", true),
        ("params.a = 'x\\'", "params.`a` LIKE 'x_'", false),
        ("params.a ILIKE 'x\\'", "params.`a` ILIKE 'x_'", false),
        ("params.a != 'x\\'", "params.`a` LIKE '%'", false),
        ("tags.created = 'x' AND status = 'FAILED'", "attributes.status = 'FAILED'", false),
        ("start_time < 1e400", "attributes.start_time < 1e400", true),
        ("start_time > -1e999", "attributes.start_time > -1e400", true),
        ("run_id IN ('\\'a', \"b\")", r"attributes.run_id IN ('\x27a', 'b')", true),
        ("params.a IS NULL", "params.`a` IS NULL", true),
        ("metrics.a < 1", "metrics.`a` < 1", false),
        // What MLflow 2 would leave out of a list.
        ("dataset.name IN ('California-Housing')", "dataset.name = 'California-Housing'", true),
        ("dataset.name IN ('iris', '42')", "dataset.name LIKE '%'", false),
        ("dataset.name IN ('iris', 'Wine')", "dataset.name LIKE '%'", false),
        ("dataset.name IN ('iris', 'wine-2')", "dataset.name IN ('iris', 'wine-2')", true),
        ("dataset.name NOT IN ('Iris')", "dataset.name NOT IN ('Iris')", false),
        // NaN, which it takes for 0, is not 0.
        ("metrics.a != 0", "metrics.`a` != 1e400", false),
        ("metrics.a != -0.0", "metrics.`a` != 1e400", false),
        ("metrics.a != 1", "metrics.`a` != 1", false),
        ("start_time != 0", "attributes.start_time != 0", true),
    ] {
        let query = asked(text);
        assert_eq!((query.text.as_str(), query.is_exact()), (sent, is_exact), "{text}");
    }
    let nulls = parse("params.a IS NULL AND params.b IS NOT NULL").unwrap();
    assert_eq!(Query::without_null(&nulls).unwrap().text, "params.`b` LIKE '%'");
    assert_eq!(Query::without_null(&parse("params.a = 'x'").unwrap()), None);
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
    for (pattern, text) in [("\0", ""), ("a\0b", "a"), ("a", "a\0b"), ("", "\0")] {
        assert!(like(pattern, text, false), "{pattern:?} {text:?}: SQLite reads no further");
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
    let key = "[a-z0-9_./ '\"\\\\-]{1,10}|from|case|a\\.in";
    let text = "[a-zA-Z0-9%_ .äß'\"\\\\]{0,10}";
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
    fn what_is_asked_of_a_server_means_the_filter_or_more(clauses in prop::collection::vec(any_clause(), 0..5)) {
        let filter = Filter::of(clauses);
        let query = Query::new(&filter);
        let asked = parse(&query.text).map_err(|e| TestCaseError::fail(e.report(&query.text)))?.clauses;
        // A list of one text is that text.
        let is_asked = |clause: &&Clause| {
            let only = match &clause.test {
                Test::In(list) if list.len() == 1 => Test::Text(Comparator::Equal, list[0].clone()),
                other => other.clone(),
            };
            asked.contains(clause) || asked.contains(&Clause { field: clause.field.clone(), test: only })
        };
        let exact = filter.clauses.iter().filter(is_asked).count();
        prop_assert!(exact == filter.clauses.len() || !query.is_exact(), "{:?}", query);
        prop_assert!(asked.len() <= filter.clauses.len());
    }

    #[test]
    fn a_field_prints_and_parses_back(clause in any_clause()) {
        let text = OrderBy { field: clause.field.clone(), direction: Direction::Ascending }.to_string();
        prop_assert_eq!(OrderBy::parse(&text).map(|order| order.field), Ok(clause.field), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}") {
        let _ = parse(&text);
        let _ = OrderBy::parse(&text);
    }
}
