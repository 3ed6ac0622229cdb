//! Streams of keys, mouse, pastes, sizes and terminal bytes into an explorer of hostile names: no panic on any screen of
//! any size, and nothing drawn that harms a terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use mltui::catalog::sync::Snapshot;
use mltui::mlflow::ExperimentId;
use mltui::sweep::engine::rules::Mode;
use mltui::sweep::progress::{BestTrial, Progress, SweepStatus};
use mltui::tui::core::msg::Msg;
use mltui::tui::features::{runs, sweeps};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::drawing::fuzz;
use crate::visit::{NAMES, NOW, Visit, error, experiments, run};

/// What happens to the explorer.
#[derive(Debug, Clone)]
enum Happens {
    Keys(&'static str),
    Key(KeyEvent),
    Typed(String),
    Mouse(MouseEvent),
    Paste(String),
    Bytes(Vec<u8>),
    Resize(u16, u16),
    Tick(i64),
    Answer(Answer),
}

/// What comes without being asked for.
#[derive(Debug, Clone)]
enum Answer {
    /// The runs are others now: so many, from there on.
    Runs(u8, u8),
    Failed,
    Experiments(u8),
    Sweeps(Vec<Sweep>),
    Said(String),
    TaskFailed,
    Focused(bool),
}

#[derive(Debug, Clone)]
struct Sweep {
    state: u8,
    count: usize,
    of: Option<usize>,
    seconds: f64,
    left: Option<f64>,
}

/// So that all screens are come to.
const SCRIPTS: [&str; 53] = [
    "j",
    "k",
    "G",
    "g g",
    "tab",
    "l",
    "h",
    "enter",
    "esc",
    "space",
    "c",
    "C",
    "v",
    "m",
    "x",
    "s",
    "S",
    "f",
    "/",
    "?",
    "T",
    "B",
    "g s",
    "g d",
    "g c",
    "1",
    "2",
    "3",
    "z",
    "i",
    "E",
    "y",
    "P",
    "M",
    "M enter",
    "M j enter a",
    "M l n",
    "M l d y",
    "g v",
    "b",
    "t",
    "u",
    "ctrl-d",
    "o",
    "r",
    "g s enter",
    "g s enter ]",
    "A",
    "ctrl-t down enter",
    "]",
    "X",
    "+",
    "w",
];

const SPECIAL: [KeyCode; 20] = [
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Enter,
    KeyCode::Enter,
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Backspace,
    KeyCode::Delete,
    KeyCode::Insert,
    KeyCode::F(5),
    KeyCode::Null,
    KeyCode::Char(' '),
];

/// What a terminal sends, in pieces.
const SENT: [&str; 18] = [
    "\u{1b}",
    "[",
    "\u{1b}[200~",
    "\u{1b}[201~",
    "\u{1b}[<0;",
    "5;5",
    "M",
    "m",
    "O",
    "u",
    ";",
    "1",
    "A",
    "\u{1b}]11;rgb:",
    "\u{7}",
    "x",
    "\u{9b}",
    "é",
];

const HOURS: [i64; 5] = [NOW, NOW + 1_000, NOW + 90_000_000, 253_402_300_799_000, 0];

fn keys() -> BoxedStrategy<Happens> {
    let code = prop_oneof![
        6 => (b'!'..=b'~').prop_map(|letter| KeyCode::Char(letter.into())),
        5 => select(&SPECIAL[..]),
        1 => any::<char>().prop_map(KeyCode::Char),
    ];
    let modifiers = prop_oneof![6 => Just(0_u8), 1 => any::<u8>()];
    let key = |(code, bits)| Happens::Key(KeyEvent::new(code, KeyModifiers::from_bits_truncate(bits)));
    (code, modifiers).prop_map(key).boxed()
}

fn mice() -> BoxedStrategy<Happens> {
    let button = select(&[MouseButton::Left, MouseButton::Right, MouseButton::Middle][..]);
    let kind = (button, 0_u8..8).prop_map(|(button, kind)| match kind {
        0 => MouseEventKind::Up(button),
        1 | 2 => MouseEventKind::Drag(button),
        3 => MouseEventKind::Moved,
        4 => MouseEventKind::ScrollUp,
        5 => MouseEventKind::ScrollDown,
        _ => MouseEventKind::Down(button),
    });
    let at = |most: u16| prop_oneof![20 => 0..most, 1 => any::<u16>()];
    let mouse =
        |(kind, column, row)| Happens::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    (kind, at(300), at(80)).prop_map(mouse).boxed()
}

fn words() -> BoxedStrategy<String> {
    prop_oneof![select(&NAMES[..]).prop_map(str::to_owned), any::<String>(), "[ -~]{0,40}"].boxed()
}

fn answers() -> BoxedStrategy<Happens> {
    let share = prop_oneof![Just(None), any::<usize>().prop_map(Some), (0_usize..30).prop_map(Some)];
    let count = prop_oneof![0_usize..30, 0_usize..1_000_000];
    let sweep = (0_u8..6, count, share, any::<f64>(), proptest::option::of(any::<f64>()));
    let sweep = sweep.prop_map(|(state, count, of, seconds, left)| Sweep { state, count, of, seconds, left });
    let answer = prop_oneof![
        4 => (any::<u8>(), 0_u8..60).prop_map(|(from, count)| Answer::Runs(from, count)),
        1 => Just(Answer::Failed),
        1 => (0_u8..4).prop_map(Answer::Experiments),
        1 => vec(sweep, 0..3).prop_map(Answer::Sweeps),
        1 => words().prop_map(Answer::Said),
        1 => Just(Answer::TaskFailed),
        1 => any::<bool>().prop_map(Answer::Focused),
    ];
    answer.prop_map(Happens::Answer).boxed()
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let pieces = vec(select(&SENT[..]), 0..20).prop_map(|pieces| pieces.concat().into_bytes());
    let bytes = prop_oneof![vec(any::<u8>(), 0..64), pieces];
    let size = prop_oneof![4 => (0_u16..300, 0_u16..80), 2 => (1_u16..40, 1_u16..12), 1 => (60_u16..160, 20_u16..50)];
    vec(
        prop_oneof![
            12 => select(&SCRIPTS[..]).prop_map(Happens::Keys),
            12 => keys(),
            2 => words().prop_map(Happens::Typed),
            6 => mice(),
            2 => words().prop_map(Happens::Paste),
            2 => bytes.prop_map(Happens::Bytes),
            3 => size.prop_map(|(columns, rows)| Happens::Resize(columns, rows)),
            1 => select(&HOURS[..]).prop_map(Happens::Tick),
            4 => answers(),
        ],
        1..60,
    )
}

impl Visit {
    fn happen(&mut self, what: &Happens) {
        match what {
            Happens::Keys(script) => {
                for event in mltui::tui::core::keymap::parse_keys(script).unwrap() {
                    self.feed(Msg::Key(event));
                }
            }
            Happens::Key(event) => self.feed(Msg::Key(*event)),
            Happens::Typed(text) => {
                for letter in text.chars().take(60) {
                    self.feed(Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
                }
            }
            Happens::Mouse(event) => self.feed(Msg::Mouse(*event)),
            Happens::Paste(text) => self.feed(Msg::Paste(text.clone())),
            Happens::Bytes(bytes) => self.decode(bytes),
            Happens::Resize(columns, rows) => self.feed(Msg::Resize { columns: *columns, rows: *rows }),
            Happens::Tick(now) => {
                self.now = *now;
                self.feed(Msg::Tick);
            }
            Happens::Answer(answer) => self.hear(answer),
        }
    }

    #[cfg(unix)]
    fn decode(&mut self, bytes: &[u8]) {
        let mut decoder = mltui::tui::Decoder::default();
        let (start, end) = bytes.split_at(bytes.len() / 2);
        let mut inputs = decoder.feed(start);
        inputs.extend(decoder.feed(end));
        while decoder.patience().is_some() {
            inputs.extend(decoder.pause());
        }
        for input in inputs {
            if let mltui::tui::Input::Msg(msg) = input {
                self.feed(msg);
            }
        }
    }

    #[cfg(not(unix))]
    fn decode(&mut self, _: &[u8]) {}

    fn hear(&mut self, answer: &Answer) {
        let ticket = self.ticket;
        match answer {
            Answer::Runs(from, count) => {
                self.runs = (usize::from(*from)..).take((*count).into()).map(run).collect();
                let snapshot = Snapshot { catalog: self.all(), complete: from % 2 == 0 };
                self.feed(Msg::Runs(runs::Msg::Snapshot { ticket, snapshot }));
                self.feed(Msg::Runs(runs::Msg::Polled { ticket, touched: true, took: 1 }));
            }
            Answer::Failed => {
                self.feed(Msg::Runs(runs::Msg::PollFailed { ticket, error: error(), retry_ms: 120_000 }));
            }
            Answer::Experiments(count) => self.feed(experiments(*count)),
            Answer::Sweeps(sweeps) => {
                let states = [
                    SweepStatus::Waiting,
                    SweepStatus::Running,
                    SweepStatus::Paused,
                    SweepStatus::Finished,
                    SweepStatus::Cancelled,
                    SweepStatus::Interrupted,
                ];
                let sweeps = sweeps.iter().map(|Sweep { state, count, of, seconds, left }| Progress {
                    id: NAMES[usize::from(*state)].into(),
                    name: NAMES[3].into(),
                    experiment: ExperimentId::from("1"),
                    experiment_name: NAMES[4].into(),
                    data: NAMES[5].into(),
                    is_command: count % 2 == 1,
                    is_on_cluster: count % 2 == 0,
                    state: states[usize::from(*state)],
                    finished: *count,
                    pruned: 1,
                    failed: 1,
                    running: 1,
                    of: *of,
                    ensembles: 0,
                    jobs: 2,
                    metric: "val_rmse".into(),
                    mode: Mode::Min,
                    best: left.map(|left| BestTrial {
                        number: *count,
                        family: NAMES[4].into(),
                        metric: NAMES[4].into(),
                        value: left,
                        tested: None,
                    }),
                    seconds: *seconds,
                    left: *left,
                    unsent: *count,
                    error: Some(NAMES[4].into()),
                    no_ensemble: left.map(|_| NAMES[4].into()),
                    unkept: if *count % 2 == 0 { Ok(Vec::new()) } else { Err(NAMES[4].into()) },
                    host: left.map(|_| NAMES[4].into()),
                    damage: left.map(|_| NAMES[5].into()),
                    created: i64::MIN,
                });
                self.feed(Msg::Sweeps(sweeps::Msg::Progress {
                    list: sweeps.collect(),
                    unread: vec![NAMES[4].into(); 2],
                }));
            }
            Answer::Said(words) => self.feed(Msg::Announcement(words.clone())),
            Answer::TaskFailed => self.feed(Msg::TaskFailed(NAMES[4].into())),
            Answer::Focused(focused) => self.feed(Msg::Focused(*focused)),
        }
    }
}

#[test]
fn whatever_is_typed_is_drawn() {
    let inputs = (0_u16..300, 1_u16..80, any::<bool>(), happenings());
    fuzz("keys", &inputs, |(columns, rows, ascii, happenings)| {
        let mut visit = Visit::new((*columns, *rows), *ascii);
        for (at, what) in happenings.iter().enumerate() {
            visit.happen(what);
            if at % 5 == 0 || matches!(what, Happens::Resize(..)) {
                visit.draw();
            }
        }
        visit.draw();
    });
}
