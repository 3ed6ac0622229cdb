//! The imperative shell: the loop, the terminal, input, and the tasks that do what the state machine wants done.

mod executor;
mod input;
mod log;
mod terminal;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::app::{App, Setup};
use super::draw::draw;
use super::effect::Effect;
use super::msg::Msg;
use super::theme::Theme;
use super::update::update;
use crate::config::Settings;
use crate::store::uri::Location;
use crate::store::{TrackingStore, now_ms};
use executor::Executor;
pub use terminal::Screen;

/// At most one frame in this time.
const FRAME: Duration = Duration::from_millis(16);
/// A first frame may wait as long for its content; an empty one would only flicker.
const FIRST_FRAME: Duration = Duration::from_millis(40);
/// Messages that one frame takes in, at most.
const BURST: usize = 64;
/// How often ages on the screen are brought up to date.
const TICK: Duration = Duration::from_secs(1);

/// Runs the explorer until the user leaves it.
pub fn run(settings: &Settings, store: Arc<dyn TrackingStore>) -> io::Result<()> {
    let _log = log::start(&settings.state_folder);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut screen = Screen::open(settings.mouse)?;
    let result = runtime.block_on(event_loop(settings, store, &mut screen));
    drop(screen);
    // Readers that are still at work have nothing to save; nobody waits for them.
    runtime.shutdown_background();
    result
}

async fn event_loop(
    settings: &Settings,
    store: Arc<dyn TrackingStore>,
    screen: &mut Screen,
) -> io::Result<()> {
    let (sender, mut messages) = mpsc::unbounded_channel();
    let is_local = matches!(settings.location, Ok(Location::Sqlite(_)));
    let store_name = settings.location.as_ref().map_or_else(ToString::to_string, ToString::to_string);
    let mut app = App::new(Setup {
        store: store_name,
        is_local,
        read_only: settings.read_only,
        poll_seconds: settings.poll_interval.as_secs_f64(),
        glyphs: settings.glyphs,
        experiment: settings.experiment.clone(),
        size: screen.size()?,
        now: now_ms(),
    });
    let theme = Theme::new(settings.color, settings.glyphs);
    let mut executor = Executor::new(store, sender.clone(), settings.poll_interval, is_local);
    executor.perform(Effect::LoadExperiments);
    input::forward(sender.clone());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let started = Instant::now();
    let mut last_frame: Option<Instant> = None;
    let mut dirty = true;
    loop {
        let wait = match last_frame {
            Some(last) => FRAME.saturating_sub(last.elapsed()),
            None => FIRST_FRAME.saturating_sub(started.elapsed()),
        };
        let msg = tokio::select! {
            biased;
            msg = messages.recv() => msg,
            () = tokio::time::sleep(wait), if dirty => {
                screen.draw(|frame| draw(&app, &theme, frame))?;
                last_frame = Some(Instant::now());
                dirty = false;
                continue;
            }
            _ = ticks.tick() => Some(Msg::Tick { now: now_ms() }),
        };
        let Some(mut msg) = msg else { return Ok(()) };
        app.now = now_ms();
        // A burst costs one frame, and no frame waits for a burst that does not end.
        for left in (0..BURST).rev() {
            tracing::trace!(?msg);
            for effect in update(&mut app, msg) {
                tracing::trace!(?effect);
                if matches!(effect, Effect::Quit) {
                    return Ok(());
                }
                executor.perform(effect);
            }
            if left == 0 {
                break;
            }
            match messages.try_recv() {
                Ok(next) => msg = next,
                Err(_) => break,
            }
        }
        dirty = true;
        if last_frame.map_or(app.is_settled(), |last| last.elapsed() >= FRAME) {
            screen.draw(|frame| draw(&app, &theme, frame))?;
            last_frame = Some(Instant::now());
            dirty = false;
        }
    }
}
