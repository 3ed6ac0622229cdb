//! What people write, and what is understood of it.

use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400_000;
/// A day ago it was 1970 already.
const ASKER: Asker<'static> = Asker { now: 10 * DAY, user: "ana" };

fn read(text: &str) -> Filter {
    Expression::parse(text).unwrap_or_else(|error| panic!("{}", error.report(text))).at(ASKER)
}

#[test]
fn what_mlflow_takes_means_what_it_means_there() {
    for text in [
        "",
        "metrics.rmse<0.5 and params.\"hidden dim\" = \"64\"",
        "run_id not in ('a', \"b\",)",
        "start_time > 5 start_time < 9",
        "status = 'finished'",
        "user_id = 'me'",
    ] {
        assert_eq!(read(text), parse(text).unwrap(), "{text}");
    }
    assert!(Expression::parse("  ").is_err());
}

#[test]
fn more_is_understood() {
    for (text, meant) in [
        ("params.family = tree", "params.family = 'tree'"),
        ("params.lr=1e-3", "params.lr = '1e-3'"),
        ("params.lr != 5", "params.lr != '5'"),
        ("params.lr < 1e-3", "params.lr < 0.001"),
        ("tags.stage == prod-2", "tags.stage = 'prod-2'"),
        ("metrics.val/loss < 0.5", "metrics.`val/loss` < 0.5"),
        ("params.f1-score = x", "params.`f1-score` = 'x'"),
        ("metrics.`val loss` > 1e+5", "metrics.`val loss` > 100000"),
        ("metrics.a > '0.5'", "metrics.a > 0.5"),
        ("start_time > now-24h", "attributes.start_time > 777600000"),
        ("start_time>now - 1d12h", "attributes.start_time > 734400000"),
        ("end_time < now -30m", "attributes.end_time < 862200000"),
        ("start_time <= now", "attributes.start_time <= 864000000"),
        ("age < 1d", "attributes.start_time > 777600000"),
        ("age >= 1.5d", "attributes.start_time <= 734400000"),
        ("user = me", "attributes.user_id = 'ana'"),
        ("user_id != me", "attributes.user_id != 'ana'"),
        ("user = 'me'", "attributes.user_id = 'me'"),
        ("name ~ '^fold[0-9]+$'", "attributes.run_name ~ '^fold[0-9]+$'"),
        ("params.optimizer !~ adam", "params.optimizer !~ 'adam'"),
        ("status = failed", "attributes.status = 'FAILED'"),
        ("status IN (failed, KILLED)", "attributes.status IN ('FAILED', 'KILLED')"),
        ("params.a not in ('x y', z,)", "params.a NOT IN ('x y', 'z')"),
        ("metrics.a IS NULL", "metrics.a IS NULL"),
        ("end_time is not null", "attributes.end_time IS NOT NULL"),
        ("params.path = /data/x.csv", "params.path = '/data/x.csv'"),
        ("params.a LIKE tree%", "params.a LIKE 'tree%'"),
        ("metrics.a > 1 or metrics.b > 2", "(metrics.a > 1 OR metrics.b > 2)"),
        (
            "metrics.a > 1 AND (params.b = x OR params.b = y) AND status = finished",
            "metrics.a > 1 AND attributes.status = 'FINISHED' AND (params.b = 'x' OR params.b = 'y')",
        ),
        (
            "metrics.a > 1 OR metrics.b > 2 && metrics.c > 3",
            "(metrics.a > 1 OR metrics.b > 2 AND metrics.c > 3)",
        ),
        ("((metrics.a > 1))", "metrics.a > 1"),
    ] {
        assert_eq!(read(text).to_string(), meant, "{text}");
    }
    assert!(Expression::parse("metrics.a > 1 OR age < 1d").unwrap().is_of_now());
    assert!(!Expression::parse("user = me").unwrap().is_of_now());
}

#[test]
fn an_error_points_at_its_place_and_says_what_to_write() {
    for (text, wrong, says) in [
        ("metrics.val loss > 1", "metrics.val loss", "metrics.`val loss`"),
        ("params.a = my run", "my run", "'my run'"),
        ("lr < 0.1", "lr", "write metrics.lr, params.lr or tags.lr"),
        ("val/loss < 0.1", "val/loss", "metrics.`val/loss`"),
        ("metrics.a > abc", "abc", "compared with a number"),
        ("params.a < abc", "abc", "use =, !=, ~ or LIKE for texts"),
        ("metrics.a ~ x", "~", "use =, !=, <"),
        ("start_time > yesterday", "yesterday", "now-24h"),
        ("start_time > now-1y", "now-1y", "now-24h"),
        ("age < 5", "5", "30m, 24h or 7d"),
        ("age = 5d", "=", "<, <=, > or >="),
        ("status = finishd", "finishd", "no status \"finishd\" (did you mean FINISHED?); there are RUNNING"),
        ("status = over", "over", "no status \"over\"; there are RUNNING"),
        ("params.a ~ '('", "'('", "no regular expression"),
        ("(metrics.a > 1", "(", "write a )"),
        ("metrics.a > 1 OR", "", "expected a name"),
        ("metrics.a > 1 OR )", ")", "expected a comparison"),
        ("metrics.a > 1)", ")", "take the ) away"),
        ("metrics.a > 1 OR metrics.b > 2, metrics.c > 3", ",", "in place of the comma"),
        ("NOT metrics.a > 1", "NOT", "write != or !~"),
        ("params.a = or", "or", "'or'"),
        ("params.a = 'x", "'x", "unclosed '"),
        ("metrics.a IN (1, 2)", "IN", "metrics.a = 1 OR"),
        ("status IS NULL", "IS", "metrics, params"),
        ("metrics.a > nan", "nan", "NaN"),
        ("metrics.a =< 1", "=<", "unknown comparator"),
        ("status > 'a'", ">", "is a text"),
        ("metrics.a", "", "comparator behind metrics.a"),
        ("dataset.foo = x", "dataset.foo", "name, digest and context"),
    ] {
        let error = Expression::parse(text).expect_err(text);
        assert_eq!(&text[error.span.clone()], wrong, "{text}: {error}");
        assert!(error.message.contains(says), "{text}: {error}");
    }
    let deep = format!("{}metrics.a > 1 OR metrics.a < 0{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(Expression::parse(&deep).is_err());
}

#[test]
fn a_date_is_its_beginning_and_equal_to_all_of_it() {
    let here = jiff::tz::TimeZone::system();
    let at = |text: &str| {
        let time: jiff::civil::DateTime = text.parse().unwrap();
        time.to_zoned(here.clone()).unwrap().timestamp().as_millisecond()
    };
    let (day, next) = (at("2026-11-20T00:00"), at("2026-11-21T00:00"));
    for (text, says) in [
        ("start_time > 2026-11-20", format!("attributes.start_time > {day}")),
        ("start_time <= '2026-11-20'", format!("attributes.start_time <= {day}")),
        ("end_time < 2026-11-20T12:30", format!("attributes.end_time < {}", at("2026-11-20T12:30"))),
        ("end_time < '2026-11-20 12:30:15'", format!("attributes.end_time < {}", at("2026-11-20T12:30:15"))),
        ("start_time >= 2026-11-20T12:30:00Z", "attributes.start_time >= 1795177800000".into()),
        (
            "start_time = 2026-11-20",
            format!("(attributes.start_time >= {day} AND attributes.start_time < {next})"),
        ),
        (
            "start_time != 2026-11-20",
            format!("(attributes.start_time < {day} OR attributes.start_time >= {next})"),
        ),
    ] {
        let filter = Expression::parse(text).expect(text).at(Asker::default());
        assert_eq!(filter.to_string().replace("attributes.attributes.", "attributes."), says, "{text}");
    }
    for text in ["start_time > 2026-13-40", "start_time > 2026-11", "start_time > 20-11-2026"] {
        assert!(Expression::parse(text).unwrap_err().message.contains("2026-11-20"), "{text}");
    }
}

#[test]
fn a_server_is_asked_for_what_it_knows_of_more() {
    for (text, sent, is_exact) in [
        ("metrics.a > 1 OR metrics.b > 2", "", false),
        ("params.p = x AND (metrics.a > 1 OR metrics.b > 2)", "params.`p` = 'x'", false),
        ("params.p = x", "params.`p` = 'x'", true),
        ("params.p ~ x", "params.`p` LIKE '%'", false),
        ("params.p < 1", "params.`p` LIKE '%'", false),
        ("params.p IN (x, y)", "params.`p` LIKE '%'", false),
        ("params.p IN (x)", "params.`p` = 'x'", true),
        ("params.p NOT IN (x)", "params.`p` LIKE '%'", false),
        ("name ~ x", "", false),
        ("status IN (failed, killed)", "", false),
        ("metrics.m IS NULL", "", false),
        ("metrics.m IS NOT NULL", "metrics.`m` != 1e400", false),
        ("end_time IS NULL AND user = me", "attributes.user_id = 'ana'", false),
        ("age < 1d", "attributes.start_time > 777600000", true),
    ] {
        let query = Query::new(&read(text));
        assert_eq!((query.text.as_str(), query.is_exact()), (sent, is_exact), "{text}");
        parse(&query.text).unwrap_or_else(|error| panic!("{}", error.report(&query.text)));
    }
    assert_eq!(Query::without_null(&read("metrics.m IS NULL")), None);
    let both = Query::without_null(&read("metrics.m IS NULL AND params.p IS NOT NULL")).unwrap();
    assert_eq!(both.text, "params.`p` LIKE '%'");
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "[a-z.()'\"`=<>!~, \\-0-9\u{e4}]{0,40}|.{0,40}") {
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} of {:?}", error, text);
            error.report(&text);
        }
    }
}

#[test]
fn numbers_among_texts_are_compared_exactly_and_up_to_infinity() {
    for (text, value, passes) in [
        ("params.p <= inf", "inf", true),
        ("params.p > inf", "inf", false),
        ("params.p >= -inf", "-inf", true),
        ("params.p > 9007199254740992", "9007199254740993", true),
        ("params.p < 9007199254740993", "9007199254740992", true),
        ("params.p < 5", "4.5", true),
        ("params.p < 5", "five", false),
    ] {
        assert_eq!(read(text).clauses[0].test.matches_text(Some(value)), passes, "{text} of {value}");
    }
}
