//! The imperative shell: the loop, the terminal, input, and the tasks that do what the state machine wants done.

mod asking;
mod executor;
#[cfg(unix)]
mod guard;
mod input;
mod lending;
mod log;
mod pixels;
mod terminal;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::config::Settings;
use crate::state::views::Views;
use crate::store::{Store, now_ms};
use crate::tui::core::app::{App, Screen, Setup};
use crate::tui::core::effect::Shell;
use crate::tui::core::keymap::Keymap;
use crate::tui::core::msg::Msg;
use crate::tui::core::update::{is_settled, update};
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::features::files::programs::Program;
use crate::tui::features::models::kept::KeptEdits;
use crate::tui::features::models::place::RegistryPlace;
use crate::tui::features::runs::views::NamedViews;
use crate::tui::features::session::Elsewhere;
use crate::tui::features::session::keeping::Keeper;
use crate::tui::features::sweeps::Sweeps;
use crate::tui::features::{best, experiments, sweeps};
use crate::tui::widgets::theme::{Abilities, Theme};
use asking::{Heard, again, questions};
use executor::EffectExecutor;
#[cfg(unix)]
pub use guard::watch as guard_terminal;
#[cfg(unix)]
pub use input::Decoder;
pub use input::Input;
use input::{Inputs, TerminalAnswer};
use pixels::TmuxQuestions;
pub use terminal::TerminalScreen;

/// Threads of the runtime, and those that read and write beside it.
const WORKERS: usize = 2;
const BLOCKING: usize = 6;
/// At most one frame in this time.
const FRAME: Duration = Duration::from_millis(16);
/// A first frame may wait as long for its content; an empty one would only flicker.
const FIRST_FRAME: Duration = Duration::from_millis(40);
/// Messages that one frame takes in, at most.
const BURST: usize = 64;
/// How often ages on the screen are brought up to date.
const TICK: Duration = Duration::from_secs(1);

/// A store, and the settings that it was opened by.
#[derive(Debug)]
pub struct OpenStore {
    pub settings: Settings,
    pub store: Store,
    pub keymap: Keymap,
    /// The named view to begin with.
    pub view: Option<String>,
    /// What of the registry to begin with.
    pub place: Option<RegistryPlace>,
}

/// Opens another store or workspace; what is wrong with it, in words.
pub type Connect = dyn Fn(&Elsewhere) -> Result<OpenStore, String>;

/// Runs the explorer until the user leaves it.
pub fn run(opened: OpenStore, connect: &Connect) -> io::Result<()> {
    let log = log::start(&opened.settings.state_folder);
    let trouble = log.as_ref().err().map(|error| format!("cannot write the log: {error}"));
    let runtime = tokio_runtime()?;
    let mut screen = TerminalScreen::open(opened.settings.mouse)?;
    let result = runtime.block_on(event_loop(opened, trouble, connect, &mut screen));
    drop(screen);
    // Readers that are still at work have nothing to save; nobody waits for them.
    runtime.shutdown_background();
    if let Some(lost) = result? {
        // Nothing is left to tell it to if standard error is closed.
        let _ = writeln!(io::stderr(), "mltui: {}", crate::text::clean(&lost));
    }
    Ok(())
}

/// Few threads: each that ever allocates keeps memory of its own.
pub fn tokio_runtime() -> io::Result<tokio::runtime::Runtime> {
    has_threads(WORKERS + BLOCKING + 2)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
}

/// Whether so many threads are to be had at once; where they are not, tokio panics.
fn has_threads(count: usize) -> io::Result<()> {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let start = |_| {
        let held = Arc::clone(&held);
        // They end when nobody holds them any more.
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || drop(held.lock().map(|held| held.recv())))
    };
    let threads: Result<Vec<_>, _> = (0..count).map(start).collect();
    drop(hold);
    let few = |error: io::Error| {
        let words = format!("cannot start a thread: {error}; raise the process limit (ulimit -u)");
        io::Error::new(error.kind(), words)
    };
    for thread in threads.map_err(few)? {
        // It does nothing that could fail.
        let _ = thread.join();
    }
    Ok(())
}

/// What belongs to the store that is open.
struct Session {
    app: App,
    executor: EffectExecutor,
    messages: UnboundedReceiver<Msg>,
    settings: Settings,
    theme: Theme,
    pictures: Pictures,
}

impl Session {
    fn start(opened: OpenStore, size: (u16, u16), heard: Heard) -> Self {
        let OpenStore { settings, store, keymap, view, place } = opened;
        let (sender, messages) = mpsc::unbounded_channel();
        let store_name = settings.store_name();
        let keeper = Keeper::new(&settings.state_folder, &store_name);
        let sweeps = sweeps::effects::Services {
            state_folder: settings.state_folder.clone(),
            store: store_name.clone(),
            opened_by: settings.opened_by(),
            config_file: settings.named_config(),
            user: settings.user.clone(),
            same: settings.same_store(),
            plans: crate::state::by_experiment::ByExperiment::new(
                &settings.state_folder,
                "plans",
                &store_name,
            ),
            states: Arc::default(),
        };
        let best = best::effects::Services::new(
            &settings.selecting,
            &settings.user,
            &settings.state_folder,
            &store_name,
        );
        let views = Views::new(&settings.state_folder);
        // Each workspace has models of its own.
        let kept =
            settings.rest.workspace.as_ref().map_or(store_name.clone(), |it| format!("{store_name} {it}"));
        let edits = KeptEdits::new(&settings.state_folder, &kept);
        let mut trouble = Vec::new();
        let mut app = App::new(Setup {
            page: settings
                .location
                .as_ref()
                .ok()
                .and_then(|location| location.page(settings.rest.workspace.as_deref())),
            store: settings.location.as_ref().map_or_else(ToString::to_string, ToString::to_string),
            capabilities: store.capabilities(),
            absent: settings.absent_file(),
            read_only: settings.read_only,
            poll_seconds: settings.poll_interval.as_secs_f64(),
            glyphs: settings.glyphs,
            experiment: settings.experiment.clone(),
            keymap,
            profiles: settings.profiles(),
            profile: settings.profile.clone(),
            workspace: settings.rest.workspace.clone(),
            memory: known(keeper.load(), &mut trouble),
            selecting: settings.selecting.clone(),
            policies: known(best.policies.all(), &mut trouble),
            sweeps: Sweeps::new(
                settings.sweeping.defaults.clone(),
                settings.sweeping.jobs,
                settings.sweeping.slurm.clone(),
                known(sweeps.plans.all(), &mut trouble),
            ),
            views: NamedViews { list: known(views.all(), &mut trouble), store: store_name, wanted: view },
            user: settings.user.clone(),
            columns: settings.columns.clone(),
            size,
            now: now_ms(),
        });
        app.models.earlier = known(edits.load(), &mut trouble);
        app.screens.extend(place.map(|place| Screen::Models(Box::new(place.screen()))));
        let mut executor =
            EffectExecutor::new(store, sender, settings.poll_interval, keeper, best, sweeps, views)
                .keeping(edits);
        executor.recover(!settings.read_only);
        executor.perform(experiments::effects::Effect::Load.into());
        let theme = theme(&settings, heard.light);
        let mut session = Self { app, executor, messages, settings, theme, pictures: Pictures::default() };
        for words in trouble {
            session.tell(words);
        }
        session
    }

    /// Says something in the status line.
    fn tell(&mut self, words: String) {
        self.feed(Msg::Announcement(words));
    }

    /// Takes a message in, and does what follows from it; what belongs to the terminal comes back.
    fn feed(&mut self, msg: Msg) -> Vec<Shell> {
        tracing::trace!(?msg);
        let effects = update(&mut self.app, msg.at(now_ms()));
        let carried_out = effects.into_iter().filter_map(|effect| {
            tracing::trace!(?effect);
            self.executor.perform(effect)
        });
        carried_out.collect()
    }

    /// Puts a frame on the screen.
    fn draw(&mut self, screen: &mut TerminalScreen) -> io::Result<()> {
        self.feed(Msg::Frame);
        self.pictures.prepare(&self.app);
        screen.show(&self.app, &self.pictures, &self.theme)
    }

    /// Draws as the terminal, by what is known of it now, is to be drawn on.
    fn suit(&mut self, heard: Heard, screen: &mut TerminalScreen) -> io::Result<()> {
        self.theme = theme(&self.settings, heard.light);
        let has_pixels = screen.set_graphics(heard, &self.settings)?;
        self.feed(Msg::Pixels(has_pixels));
        Ok(())
    }
}

/// What was kept; nothing where it cannot be read, which is told.
fn known<T: Default>(kept: io::Result<T>, trouble: &mut Vec<String>) -> T {
    kept.unwrap_or_else(|error| {
        trouble.push(format!("cannot read the saved state: {}", crate::state::in_words(&error)));
        T::default()
    })
}

fn theme(settings: &Settings, light: Option<bool>) -> Theme {
    let terminal = Abilities { truecolor: settings.truecolor, indexed: settings.indexed, light };
    Theme::new(settings.color, settings.palette, terminal, settings.glyphs)
}

/// What becomes of the loop after a message.
enum Next {
    Draw,
    Switch(Elsewhere),
    Suspend,
    Run(Program),
    Quit,
}

/// What could not be kept comes back in words.
async fn event_loop(
    opened: OpenStore,
    trouble: Option<String>,
    connect: &Connect,
    screen: &mut TerminalScreen,
) -> io::Result<Option<String>> {
    let heard = Heard::beforehand(opened.settings.light);
    let mut session = Session::start(opened, screen.size()?, heard);
    if let Some(words) = trouble {
        session.tell(words);
    }
    let result = take_turns(&mut session, heard, connect, screen).await;
    // What is to be kept is kept, also where the terminal went away.
    let lost = session.executor.finish().await;
    result.map(|()| lost)
}

async fn take_turns(
    session: &mut Session,
    mut heard: Heard,
    connect: &Connect,
    screen: &mut TerminalScreen,
) -> io::Result<()> {
    session.suit(heard, screen)?;
    let mut inputs = Inputs::start()?;
    screen.ask(&questions(&session.settings, &heard))?;
    let mut tmux = TmuxQuestions::new();
    if heard.needs_pane(&session.settings) {
        tmux.ask();
    }
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
        let next = tokio::select! {
            biased;
            input = inputs.next() => match input {
                Some(input) => Some(input),
                None => return Ok(()),
            },
            msg = session.messages.recv() => msg.map(Input::Msg),
            pane = tmux.answer() => Some(Input::Answer(TerminalAnswer::Pane(pane))),
            () = tokio::time::sleep(wait), if dirty => {
                session.draw(screen)?;
                last_frame = Some(Instant::now());
                dirty = false;
                continue;
            }
            _ = ticks.tick() => Some(Input::Msg(Msg::Tick)),
        };
        let mut next = next;
        let mut is_urgent = false;
        // A burst costs one frame, and no frame waits for a burst that does not end.
        for _ in 0..BURST {
            let Some(input) = next.take() else { break };
            let msg = match input {
                Input::Msg(msg) => msg,
                Input::Answer(answer) => {
                    let before = heard;
                    heard.take(answer);
                    if heard != before {
                        session.suit(heard, screen)?;
                    }
                    continue;
                }
                Input::Interrupt => Msg::Terminate,
                Input::Suspend => {
                    screen.suspend()?;
                    continue;
                }
            };
            if matches!(msg, Msg::Resize { .. }) {
                screen.resized();
            }
            if matches!(msg, Msg::Focused(true)) {
                screen.focused();
            }
            // tmux may have moved its pane.
            if matches!(msg, Msg::Resize { .. } | Msg::Focused(true)) && heard.needs_pane(&session.settings) {
                tmux.ask();
            }
            let is_tick = matches!(msg, Msg::Tick);
            if matches!(msg, Msg::Focused(true)) || (is_tick && session.app.poll_interval.focused) {
                screen.ask(&again(&session.settings, &mut heard, is_tick))?;
            }
            is_urgent |= matches!(msg, Msg::Key(_) | Msg::Mouse(_) | Msg::Paste(_)) || msg.is_awaited();
            match take(session, screen, msg)? {
                Next::Draw => {}
                Next::Suspend => screen.suspend()?,
                Next::Switch(there) => match connect(&there) {
                    Ok(opened) => {
                        let lost = session.executor.finish().await;
                        *session = Session::start(opened, screen.size()?, heard);
                        if let Some(words) = lost {
                            session.tell(words);
                        }
                        session.suit(heard, screen)?;
                    }
                    Err(error) => session.tell(format!("cannot open {there}: {error}")),
                },
                Next::Run(program) => {
                    if !lending::run(session, &mut inputs, screen, program).await? {
                        return Ok(());
                    }
                }
                Next::Quit => return Ok(()),
            }
            next = inputs.waiting().or_else(|| session.messages.try_recv().ok().map(Input::Msg));
        }
        dirty = true;
        // Whoever pressed a key does not wait for the turn of the next frame, nor for that of what came of the key.
        // The first frame waits until it is complete.
        if last_frame.map_or(is_settled(&session.app), |last| is_urgent || last.elapsed() >= FRAME) {
            session.draw(screen)?;
            last_frame = Some(Instant::now());
            dirty = false;
        }
    }
}

/// Takes a message in, and does what follows from it.
fn take(session: &mut Session, screen: &TerminalScreen, msg: Msg) -> io::Result<Next> {
    let mut next = Next::Draw;
    for effect in session.feed(msg) {
        match effect {
            Shell::Quit => return Ok(Next::Quit),
            Shell::Suspend => next = Next::Suspend,
            Shell::Run(program) => next = Next::Run(program),
            Shell::Switch(there) => next = Next::Switch(there),
            Shell::Copy(text) => {
                if !screen.copy(&text)? {
                    session.tell("too large for the terminal's clipboard".into());
                }
            }
            Shell::Notify(words) => screen.notify(session.settings.notify, &words)?,
        }
    }
    Ok(next)
}
