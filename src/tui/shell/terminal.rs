//! The terminal, taken over and always given back: on leaving, on errors, on panics and on signals.

use std::io::{self, Stdout, Write, stdout};
use std::mem::{self, ManuallyDrop};
use std::sync::Once;
use std::thread::{self, ThreadId};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use super::asking::Heard;
#[cfg(unix)]
use super::guard::Guard;
use super::pixels::Pixels;
use crate::config::{Notify, Settings};
use crate::tui::core::app::App;
use crate::tui::core::draw::draw;
use crate::tui::features::charts::pictures::Pictures;
use crate::tui::widgets::theme::Theme;

/// What terminals take into the clipboard at once, in bytes.
const CLIPBOARD: usize = 74_000;

/// The alternate screen in raw mode, for as long as this lives.
pub struct TerminalScreen {
    /// Never dropped: it would panic where it can tell nobody that it cannot show the cursor.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    mouse: bool,
    pixels: Option<Pixels>,
    #[cfg(unix)]
    guard: Option<Guard>,
}

impl TerminalScreen {
    pub fn open(mouse: bool) -> io::Result<Self> {
        restore_on_panic();
        #[cfg(unix)]
        let mut guard = Guard::start().inspect_err(|error| tracing::warn!(%error, "no terminal guard")).ok();
        #[cfg(unix)]
        if let Some(guard) = &mut guard {
            guard.taken();
        }
        let opened = enter(mouse).and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        if opened.is_err() {
            restore();
        }
        Ok(Self {
            terminal: ManuallyDrop::new(opened?),
            mouse,
            pixels: None,
            #[cfg(unix)]
            guard,
        })
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws pictures in pixels from now on, if there is a way to and it is known how large cells are. Whether it does.
    pub fn set_graphics(&mut self, heard: Heard, settings: &Settings) -> io::Result<bool> {
        if self.pixels.as_ref().is_some_and(Pixels::has_some) {
            self.wipe()?;
        }
        let protocol = heard.protocol(settings);
        self.pixels = protocol.and_then(|protocol| Pixels::new(protocol, heard.cell, heard.pane));
        Ok(self.pixels.is_some())
    }

    /// The terminal shows the program again.
    pub fn focused(&mut self) {
        if let Some(pixels) = &mut self.pixels {
            pixels.focused();
        }
    }

    /// Takes everything off the screen; the next frame draws all of it anew.
    fn wipe(&mut self) -> io::Result<()> {
        self.clear_pixels()?;
        execute!(stdout(), Clear(ClearType::All))?;
        self.redraw()
    }

    /// The terminal has another size.
    pub fn resized(&mut self) {
        if let Some(pixels) = &mut self.pixels {
            pixels.resized();
        }
    }

    /// Draws a frame, which appears at once where the terminal can do that.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        execute!(stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(draw)?;
        execute!(stdout(), EndSynchronizedUpdate)
    }

    /// Draws the program, with its pictures in pixels where the terminal can do that.
    pub fn show(&mut self, app: &App, pictures: &Pictures, theme: &Theme) -> io::Result<()> {
        let (columns, rows) = self.size()?;
        if columns < app.size.0 || rows < app.size.1 {
            // It has just become smaller: pictures go where there is no place for them any more.
            return self.draw(|frame| draw(app, pictures, theme, frame));
        }
        if let Some(pixels) = self.pixels.as_mut().filter(|pixels| pixels.is_text()) {
            // What stands for a picture comes after it.
            pixels.show(app, pictures, theme, &mut stdout())?;
        }
        execute!(stdout(), BeginSynchronizedUpdate)?;
        if self.pixels.as_ref().is_some_and(|pixels| pixels.must_clear(app, pictures)) {
            self.wipe()?;
        }
        match &mut self.pixels {
            Some(pixels) if pixels.is_text() => {
                self.terminal.draw(|frame| {
                    draw(app, pictures, theme, frame);
                    pixels.place(frame.buffer_mut());
                })?;
            }
            Some(pixels) => {
                self.terminal.draw(|frame| draw(app, pictures, theme, frame))?;
                pixels.show(app, pictures, theme, &mut stdout())?;
            }
            None => {
                self.terminal.draw(|frame| draw(app, pictures, theme, frame))?;
            }
        }
        execute!(stdout(), EndSynchronizedUpdate)
    }

    /// Draws everything with the next frame. To clear the drawn one would ask the terminal for its cursor, and take the
    /// answer from the keys.
    fn redraw(&mut self) -> io::Result<()> {
        let blank = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(stdout()))?);
        let mut drawn = ManuallyDrop::into_inner(mem::replace(&mut self.terminal, blank));
        if drawn.show_cursor().is_err() {
            mem::forget(drawn);
        }
        Ok(())
    }

    fn clear_pixels(&mut self) -> io::Result<()> {
        self.pixels.as_mut().map_or(Ok(()), |pixels| pixels.clear(&mut stdout()))
    }

    /// Asks the terminal about itself; the answers, if any, come among the keys.
    pub fn ask(&self, questions: &str) -> io::Result<()> {
        if questions.is_empty() {
            return Ok(());
        }
        write!(stdout(), "{questions}")?;
        stdout().flush()
    }

    /// Puts a text into the clipboard of the terminal, over SSH too (OSC 52). False if it is too long for that.
    pub fn copy(&self, text: &str) -> io::Result<bool> {
        // It travels in base 64.
        if text.len().div_ceil(3) * 4 > CLIPBOARD {
            return Ok(false);
        }
        execute!(stdout(), CopyToClipboard::to_clipboard_from(text))?;
        Ok(true)
    }

    /// Raises attention; the words are clean.
    pub fn notify(&self, how: Notify, words: &str) -> io::Result<()> {
        match how {
            Notify::Off => return Ok(()),
            Notify::Bell => write!(stdout(), "\x07")?,
            Notify::Desktop => write!(stdout(), "\x1b]9;mltui: {words}\x07\x07")?,
        }
        stdout().flush()
    }

    /// Gives the terminal back, for another program.
    pub fn lend(&mut self) -> io::Result<()> {
        self.clear_pixels()?;
        restore();
        #[cfg(unix)]
        if let Some(guard) = &mut self.guard {
            guard.given_back();
        }
        Ok(())
    }

    /// Takes the terminal again.
    pub fn take_back(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(guard) = &mut self.guard {
            guard.taken();
        }
        enter(self.mouse)?;
        // The screen is a new one: everything is to be drawn.
        self.redraw()
    }

    /// Gives the terminal back, stops the program and all that belong to its job, and takes the terminal again when
    /// they go on.
    #[cfg(unix)]
    pub fn suspend(&mut self) -> io::Result<()> {
        self.lend()?;
        rustix::process::kill_current_process_group(rustix::process::Signal::STOP)?;
        self.take_back()
    }

    #[cfg(not(unix))]
    pub fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TerminalScreen {
    fn drop(&mut self) {
        // Of what cannot be taken away nobody is told any more.
        let _ = self.clear_pixels();
        restore();
        #[cfg(unix)]
        if let Some(guard) = &mut self.guard {
            guard.given_back();
        }
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange)?;
    if mouse {
        execute!(stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

fn restore() {
    show_as_found();
    // There is nobody left to tell of a failure.
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

/// The screen as it was found, without the modes of the line.
pub(super) fn show_as_found() {
    let _ = execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        crossterm::cursor::Show
    );
}

/// A panic of the loop's thread gives the terminal back before it is reported. One in a task is the task's failure:
/// the screen goes on.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    let screen_thread: ThreadId = thread::current().id();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if thread::current().id() == screen_thread {
                restore();
                report(info);
            } else {
                tracing::error!("{info}");
            }
        }));
    });
}
