//! Searches to try: of all that the grammar knows, and of what people write by mistake.

/// A generator of clauses out of all that the grammar knows, with values that exist in the store.
pub(super) struct Generator(pub(super) fastrand::Rng);

impl Generator {
    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.0.usize(..list.len())]
    }

    fn text(&mut self) -> String {
        let text = self.pick(&[
            "a", "A", "b", "", "ab%c", "a_c", "abc", "ÄÖ", "äö", "10", "%", "A%", "%c", "_", "x y", "it's",
            "zzz", "a%", "a\\", "\\",
        ]);
        if text.contains('\'') || self.0.u8(..8) == 0 { format!("\"{text}\"") } else { format!("'{text}'") }
    }

    fn number(&mut self) -> &'static str {
        self.pick(&["0", "1", "1.5", "-2", "1e-300", "0.1", ".5", "3", "2.", "-1E3", "1e300"])
    }

    fn clause(&mut self) -> String {
        let text_test = |g: &mut Self, field: &str| {
            let operator = g.pick(&["=", "!=", "LIKE", "ILIKE", "like"]);
            format!("{field} {operator} {}", g.text())
        };
        match self.0.u8(..9) {
            0 | 1 => {
                let field =
                    self.pick(&["metrics.m", "metric.`val loss`", "metrics.\"val loss\"", "metrics.absent"]);
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">="]);
                let space = self.pick(&[" ", ""]);
                format!("{field}{space}{operator} {}", self.number())
            }
            2 | 3 => {
                let field =
                    self.pick(&["params.p", "param.`dir/p 1`", "parameters.\"dir/p 1\"", "params.absent"]);
                text_test(self, field)
            }
            4 => {
                let field = self.pick(&["tags.k", "tag.mlflow.user", "tags.`mlflow.runName`", "tags.absent"]);
                text_test(self, field)
            }
            5 => {
                let field = self.pick(&[
                    "run_name",
                    "attributes.`Run Name`",
                    "user_id",
                    "run.user_id",
                    "attr.artifact_uri",
                ]);
                text_test(self, field)
            }
            6 => {
                let status = self.pick(&["'FINISHED'", "'RUNNING'", "'finished'", "\"FAILED\""]);
                format!("attributes.status {} {status}", self.pick(&["=", "!=", "LIKE", "ilike"]))
            }
            7 => {
                let field = self.pick(&["start_time", "attributes.end_time", "created", "run.created"]);
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">="]);
                format!("{field} {operator} {}", self.pick(&["1003", "1003.5", "2010", "0"]))
            }
            _ => match self.0.u8(..4) {
                0 => format!(
                    "{} IS {}",
                    self.pick(&["params.p", "tags.k", "params.`dir/p 1`"]),
                    self.pick(&["NULL", "NOT NULL", "not null"])
                ),
                1 => format!(
                    "dataset.name {} {}",
                    self.pick(&["=", "!=", "LIKE", "ILIKE"]),
                    self.pick(&["'wine'", "'iris'", "'w%'"])
                ),
                2 => format!("datasets.context {} ('train', 'x')", self.pick(&["IN", "NOT IN"])),
                _ => format!("dataset.digest = '{}'", self.pick(&["0", "1", "2"])),
            },
        }
    }

    pub(super) fn filter(&mut self) -> String {
        let count = self.0.usize(1..4);
        let clauses: Vec<String> = (0..count).map(|_| self.clause()).collect();
        clauses.join(self.pick(&[" AND ", " and ", "  AND  "]))
    }

    pub(super) fn order_by(&mut self) -> Vec<String> {
        let fields = [
            "metrics.m",
            "metrics.`val loss`",
            "params.p",
            "tags.k",
            "status",
            "run_name",
            "attributes.end_time",
            "start_time",
            "params.absent",
            "run_id",
        ];
        let count = self.0.usize(0..3);
        (0..count)
            .map(|_| format!("{}{}", self.pick(&fields), self.pick(&["", " ASC", " DESC", " desc"])))
            .collect()
    }
}

/// What people write by mistake, and what looks like one and is none.
pub(super) const ODD: [&str; 110] = [
    "",
    "   ",
    "metrics.m",
    "metrics.m >",
    "> 1",
    "metrics.m > 'x'",
    "metrics.m = 1 OR metrics.m = 2",
    "(metrics.m = 1)",
    "params.p = a",
    "params.p = 1",
    "params.p > 'a'",
    "metrics.m LIKE 1",
    "metrics.m == 1",
    "metrics.m <> 1",
    "foo.bar = 'x'",
    "bogus = 'x'",
    "run_id IN ()",
    "run_id IN ('a', 1)",
    "run_id IN ('a')",
    "run_id NOT IN ('a', \"b\")",
    "status IN ('RUNNING')",
    "params.p IN ('a')",
    "metrics.m IS NULL",
    "start_time IS NULL",
    "params.p IS",
    "metrics.m BETWEEN 1 AND 2",
    "metrics.val loss > 1",
    "metrics.a/b > 1",
    "metrics.m = inf",
    "metrics.m < 1e309",
    "metrics.m > -1e309",
    "metrics.m = 1e309",
    "metrics.m >= 1.7976931348623157e308",
    "metrics.m > 1.7976931348623157e308",
    "metrics.m != 1.7976931348623157e308",
    "metrics.m = nan",
    "metrics.m > 1e+5",
    "start_time > '5'",
    "attributes.lifecycle_stage = 'active'",
    "dataset.foo = 'x'",
    "metrics.m > 1 AND",
    "AND metrics.m > 1",
    "params.p = 'a",
    "metrics.m > 1 metrics.m < 2",
    "metrics.m > 1, metrics.m < 2",
    "run_id = 'a' AND run_id LIKE '%'",
    "tags.k='a'",
    "metrics.m>-1",
    "metrics.m < 1e400",
    "metrics.m = 1e400",
    "metrics.m > -1e400",
    "start_time < 1e400",
    "metrics.m = 9007199254740993",
    "metrics.m > 1.",
    "metrics.m > +1",
    "metrics.m > 0x10",
    "metrics.m=-.5",
    // Quotes around names, and words that need them.
    "params.`from` = 'a'",
    "params.\"case\" = 'a'",
    "metrics.`in` > 0",
    "params.from = 'a'",
    "params.a.in = 'a'",
    "params.Values = 'a'",
    "params.a.`in` = 'a'",
    "params.like = 'a'",
    "params.from_x = 'a'",
    "params.null != 'a'",
    "params.a.1 = 'a'",
    "params.1 = 'a'",
    "params.1a = 'a'",
    "params._x = 'a'",
    "attributes.'status' = 'FINISHED'",
    "params.'p' = 'a'",
    "params.\"'p'\" = 'a'",
    "params.`'p'` = 'a'",
    "params.\"`p`\" = 'a'",
    "params.\"a`b\" = 'a'",
    "`params`.`p` = 'a'",
    "\"params\".\"p\" = 'a'",
    "`params.p` = 'a'",
    "`status` = 'FINISHED'",
    "\"status\" = 'FINISHED'",
    "'status' = 'FINISHED'",
    "params . p = 'a'",
    "params.`p` = `a`",
    // Texts that end where one would not think.
    "params.p = 'a\\'",
    "params.p = \"a\\\"",
    "params.p = 'a\\' AND metrics.m > 0",
    "params.p = 'a\\' AND params.p = 'x'",
    "params.p = \"a\\\" AND tags.k = 'x'",
    "params.p = 'a\\' AND tags.k = \"a\"",
    "params.p = 'it''s'",
    "params.p != 'a''",
    // Lists, which are Python's.
    "run_id IN ('\\x41', '\\n', 'it\\'s')",
    "run_id NOT IN ('\\x41')",
    "run_id IN ('a' 'b')",
    "run_id IN (r'\\x')",
    "run_id IN (b'a')",
    "run_id IN (('a'))",
    "run_id IN (('a','b'),)",
    "run_id NOT IN ('it''s')",
    "run_id IN ('''a''')",
    "run_id IN ('a\\')",
    "run_id IN ('a\\\\', 'b')",
    "run_id IN ('a\nb')",
    "run_id IN ('a' + 'b')",
    "run_id IN ('\\xzz')",
    "run_id NOT IN ('a)', '(')",
    "datasets.name IN ('\\x77ine', 'x')",
    "dataset.name NOT IN ('win\\145')",
];

pub(super) const ODD_ORDERS: [&str; 8] = [
    "metrics.m foo",
    "metrics.val loss",
    "bogus",
    "dataset.name",
    "metrics.m ASC DESC",
    "duration",
    "metrics.m, params.p",
    "created DESC",
];
