//! A trace of messages comes to the same screens again: nothing but messages changes the state, and pictures that are kept
//! from frame to frame are those that would be drawn anew.

use super::*;
use crate::tui::core::msg::Stamped;

/// Messages, with the screen behind those that a frame follows.
type Trace = Vec<(Stamped, Option<String>)>;

/// Feeds a message and all that comes of it, a while later each, and notes them.
fn record(app: &mut App, pictures: &mut Pictures, now: &mut i64, msg: Msg, runs: &[Run], trace: &mut Trace) {
    let mut queue = vec![msg];
    while let Some(msg) = queue.pop() {
        *now += 7;
        for msg in [msg, Msg::Frame] {
            let is_frame = matches!(msg, Msg::Frame);
            let stamped = msg.at(*now);
            for effect in update(app, stamped.clone()) {
                queue.extend(answer(effect, runs).into_iter().rev());
            }
            let screen = is_frame.then(|| screen_with(pictures, app, &theme()).backend().to_string());
            trace.push((stamped, screen));
        }
    }
}

#[test]
fn a_recorded_trace_replays_to_the_same_screens() {
    let runs: Vec<Run> = (0..30).map(run).collect();
    let size = (140, 40);
    let (mut first, mut now, mut trace) = (app(size), NOW, Vec::new());
    let mut kept = Pictures::default();
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
        record(&mut first, &mut kept, &mut now, msg, &runs, &mut trace);
    }
    let scripts = [
        "j j space j space v j v g t x g b enter s S l l c down space esc e down enter",
        "/ c a l m enter esc f esc m down enter w esc L down enter ctrl-b down enter esc",
        "3 x s ] ] ] ] enter down enter esc [ [ [ [ enter l l + - m 0 esc esc",
        "2 C v d b % s S ] m down enter ] x down enter ] ] esc",
        "B U g s ? esc esc ctrl-t enter i r i s down esc D n : q u esc g m esc ? j j esc p p r g i esc",
    ];
    for (at, script) in scripts.iter().enumerate() {
        for event in parse_keys(script).expect(script) {
            record(&mut first, &mut kept, &mut now, Msg::Key(event), &runs, &mut trace);
        }
        now += 90_000;
        let (columns, rows) = [(60, 20), (80, 24), (120, 36), (200, 50), size][at];
        for msg in [Msg::Tick, Msg::Focused(at % 2 == 0), Msg::Resize { columns, rows }] {
            record(&mut first, &mut kept, &mut now, msg, &runs, &mut trace);
        }
    }
    assert!(trace.len() > 300, "{}", trace.len());
    let screens: std::collections::HashSet<&str> =
        trace.iter().filter_map(|(_, screen)| screen.as_deref()).collect();
    assert!(screens.len() > 100, "{} screens", screens.len());
    let mut again = app(size);
    for (at, (stamped, screen)) in trace.iter().enumerate() {
        update(&mut again, stamped.clone());
        let is_same = screen.as_ref().is_none_or(|screen| drawn(&again) == *screen);
        assert!(is_same, "message {at}, {:?}, is shown otherwise", stamped.msg);
    }
}
