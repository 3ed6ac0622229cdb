//! What the terminal is asked at the start, and what it said. Nobody waits for it: answers come among the keys, and what
//! is drawn follows them.

use super::input::TerminalAnswer;
use super::pixels::{Protocol, TmuxPane, through_tmux};
use crate::config::{GraphicsChoice, Multiplexer, Palette, Settings};
use crate::tui::widgets::theme::is_light;

/// A picture of one pixel that is not shown: who understands it says so.
const KITTY: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
const CELL: &str = "\x1b[16t";
const DEVICE: &str = "\x1b[c";
const BACKGROUND: &str = "\x1b]11;?\x07";
/// Whoever writes a question on the screen that it does not understand has it wiped off.
const WIPED: &str = "\x1b[H\x1b[2J";

/// How often tmux is asked again at most, a second after the other: while it draws a pane anew it passes on nothing.
const AGAIN: u8 = 5;

/// What is known of the terminal, by its answers or beforehand.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Heard {
    pub light: Option<bool>,
    kitty: bool,
    sixel: bool,
    asked_again: u8,
    /// The width and height of a cell in pixels.
    pub cell: Option<(u16, u16)>,
    /// Where the pane of tmux is.
    pub pane: Option<TmuxPane>,
}

impl Heard {
    /// Before anything was asked.
    pub fn beforehand(light: Option<bool>) -> Self {
        Self { light, ..Self::default() }
    }

    pub fn take(&mut self, answer: TerminalAnswer) {
        match answer {
            TerminalAnswer::Background(color) => self.light = Some(is_light(color)),
            TerminalAnswer::Kitty => self.kitty = true,
            TerminalAnswer::Sixel => self.sixel = true,
            TerminalAnswer::Cell(size) => self.cell = Some(size),
            // One that does not answer is where it was.
            TerminalAnswer::Pane(pane) => self.pane = pane.or(self.pane),
        }
    }

    /// Whether tmux is to be asked where its pane is.
    pub fn needs_pane(&self, settings: &Settings) -> bool {
        self.protocol(settings) == Some(Protocol::Iterm2InTmux)
    }

    /// How pixels are drawn, as far as that is known by now.
    pub fn protocol(&self, settings: &Settings) -> Option<Protocol> {
        let is_tmux = settings.multiplexer == Multiplexer::Tmux;
        let kitty = if is_tmux { Protocol::KittyInTmux } else { Protocol::Kitty };
        let iterm2 = if is_tmux { Protocol::Iterm2InTmux } else { Protocol::Iterm2 };
        match settings.graphics {
            // Of one that is told where it is by a colour, nothing is to be seen without colours.
            GraphicsChoice::Auto | GraphicsChoice::Kitty if is_tmux && !settings.color => None,
            GraphicsChoice::Kitty => Some(kitty),
            GraphicsChoice::Sixel => Some(Protocol::Sixel),
            GraphicsChoice::Iterm2 => Some(iterm2),
            GraphicsChoice::Off => None,
            GraphicsChoice::Auto if self.kitty => Some(kitty),
            // Its sixels have fewer colours.
            GraphicsChoice::Auto if settings.is_iterm2 && settings.multiplexer != Multiplexer::Other => {
                Some(iterm2)
            }
            GraphicsChoice::Auto => self.sixel.then_some(Protocol::Sixel),
        }
    }
}

/// All that is to be asked.
pub fn questions(settings: &Settings, heard: &Heard) -> String {
    let mut asked = String::new();
    // The Linux console shows what it does not understand.
    if !settings.answers_questions {
        return asked;
    }
    if settings.color && settings.palette == Palette::Auto && heard.light.is_none() {
        asked.push_str(BACKGROUND);
    }
    match (settings.graphics, settings.multiplexer) {
        (GraphicsChoice::Off, _) | (_, Multiplexer::Other) => {}
        // Its own answer about sixels says nothing of the terminal behind it. It passes on what it is allowed to.
        (GraphicsChoice::Auto, Multiplexer::Tmux) => asked.push_str(&through_tmux(KITTY)),
        (GraphicsChoice::Auto, Multiplexer::None) => {
            asked.push_str(KITTY);
            asked.push_str(CELL);
            asked.push_str(DEVICE);
        }
        (GraphicsChoice::Kitty | GraphicsChoice::Sixel | GraphicsChoice::Iterm2, _) => asked.push_str(CELL),
    }
    if !asked.is_empty() {
        asked.push_str(WIPED);
    }
    asked
}

/// What is asked again, every second for a while, and whenever tmux comes to the front, perhaps of another terminal: it may
/// have passed the question on to nobody. Not while another pane has the keys, since that would get the answer.
pub fn again(settings: &Settings, heard: &mut Heard, is_tick: bool) -> String {
    let is_open = settings.multiplexer == Multiplexer::Tmux && settings.graphics == GraphicsChoice::Auto;
    if !is_open || heard.kitty || (is_tick && heard.asked_again == AGAIN) {
        return String::new();
    }
    heard.asked_again = if is_tick { heard.asked_again + 1 } else { 0 };
    through_tmux(KITTY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Folders};

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment {
            variables: variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            ..Environment::default()
        };
        let folders = Folders { config: folder.path().to_owned(), state: folder.path().to_owned() };
        Settings::load(&Flags::default(), &environment, &folders).unwrap()
    }

    fn asked(variables: &[(&str, &str)]) -> Vec<&'static str> {
        let settings = settings(variables);
        let asked = questions(&settings, &Heard::beforehand(settings.light));
        let all = [("background", BACKGROUND), ("kitty", KITTY), ("cell", CELL), ("device", DEVICE)];
        let mut found: Vec<&str> =
            all.iter().filter(|(_, question)| asked.contains(question)).map(|(name, _)| *name).collect();
        found.extend(asked.contains("\x1bPtmux;\x1b\x1b_Gi=31").then_some("kitty through tmux"));
        found
    }

    #[test]
    fn only_what_can_be_answered_is_asked() {
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(asked(&[xterm]), ["background", "kitty", "cell", "device"]);
        assert_eq!(asked(&[xterm, ("NO_COLOR", "1")]), ["kitty", "cell", "device"]);
        assert_eq!(asked(&[xterm, ("MLTUI_GRAPHICS", "sixel")]), ["background", "cell"]);
        assert_eq!(asked(&[xterm, ("MLTUI_GRAPHICS", "off"), ("COLORFGBG", "15;0")]), [""; 0]);
        assert_eq!(asked(&[("TERM", "linux")]), [""; 0]);
        assert_eq!(asked(&[]), [""; 0]);
        // tmux would make kitty's question the title of its pane.
        for tmux in [("TERM", "tmux-256color"), ("TMUX", "/tmp/tmux-1000/default,1,0")] {
            assert_eq!(asked(&[("TERM", "screen-256color"), tmux]), ["background", "kitty through tmux"]);
        }
        assert_eq!(asked(&[("TERM", "screen-256color")]), ["background"]);
    }

    #[test]
    fn only_tmux_is_asked_again_and_only_until_it_answers() {
        let tmux = settings(&[("TERM", "screen-256color"), ("TMUX", "socket")]);
        let mut heard = Heard::default();
        let mut again = |settings: &Settings, is_tick| again(settings, &mut heard, is_tick);
        assert_eq!(again(&settings(&[("TERM", "xterm")]), false), "");
        let asked = (0..9).filter(|_| again(&tmux, true) == through_tmux(KITTY)).count();
        assert_eq!(asked, usize::from(AGAIN), "nobody answers");
        assert_eq!(again(&tmux, false), through_tmux(KITTY), "it is perhaps another one");
        assert_eq!(again(&tmux, true), through_tmux(KITTY));
        heard.take(TerminalAnswer::Kitty);
        assert_eq!(super::again(&tmux, &mut heard, false), "");
    }

    #[test]
    fn what_the_terminal_says_counts_unless_one_is_chosen() {
        let protocol = |variables: &[(&str, &str)], answers: &[TerminalAnswer]| {
            let mut heard = Heard::default();
            for answer in answers {
                heard.take(*answer);
            }
            heard.protocol(&settings(variables))
        };
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(protocol(&[xterm], &[]), None);
        assert_eq!(protocol(&[("TERM", "xterm-kitty")], &[]), None, "a name says nothing");
        assert_eq!(protocol(&[xterm], &[TerminalAnswer::Sixel]), Some(Protocol::Sixel));
        assert_eq!(
            protocol(&[xterm], &[TerminalAnswer::Kitty, TerminalAnswer::Sixel]),
            Some(Protocol::Kitty)
        );
        for iterm2 in [("TERM_PROGRAM", "iTerm.app"), ("LC_TERMINAL", "iTerm2")] {
            assert_eq!(protocol(&[xterm, iterm2], &[TerminalAnswer::Sixel]), Some(Protocol::Iterm2));
            assert_eq!(protocol(&[xterm, iterm2, ("TMUX", "socket")], &[]), Some(Protocol::Iterm2InTmux));
            assert_eq!(protocol(&[iterm2, ("TERM", "screen")], &[]), None);
        }
        let tmux = ("TMUX", "socket");
        assert_eq!(protocol(&[xterm, tmux], &[TerminalAnswer::Kitty]), Some(Protocol::KittyInTmux));
        assert_eq!(protocol(&[xterm, tmux, ("NO_COLOR", "1")], &[TerminalAnswer::Kitty]), None);
        assert_eq!(
            protocol(&[xterm, ("MLTUI_GRAPHICS", "iterm2")], &[TerminalAnswer::Kitty]),
            Some(Protocol::Iterm2)
        );
        assert_eq!(protocol(&[xterm, ("MLTUI_GRAPHICS", "off")], &[TerminalAnswer::Kitty]), None);
    }
}
