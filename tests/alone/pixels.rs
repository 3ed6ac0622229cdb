//! How the terminal draws pictures is asked of the terminal; what its name may say counts for nothing.

use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::stores::{block_on, open, spike, spiky_run};
use crate::support::terminal::{Terminal, pictures};

const SIZE: (u16, u16) = (140, 40);

/// What the program asks, and what terminals answer.
const KITTY_QUESTION: &str = "\u{1b}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1b}\\";
const DEVICE_QUESTION: &str = "\u{1b}[c";
const KITTY: &str = "\u{1b}_Gi=31;OK\u{1b}\\";
const SIXEL: &str = "\u{1b}[?62;4;22c";
const NEITHER: &str = "\u{1b}[?62;22c";

const KITTY_PICTURE: &str = "\u{1b}_Ga=T,f=100";
const SIXEL_PICTURE: &str = "\u{1b}P0;1;0q\"1;1;";

/// A chart on the whole screen, drawn before anything is answered.
fn unanswered(folder: &Path, address: &str, variables: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(folder, SIZE, &["--tracking-uri", address], variables);
    terminal.wait_for("loss  1");
    terminal.type_keys("3\r");
    terminal.wait_for("101 points");
    terminal.wait("the chart in dots", has_dots);
    terminal
}

fn has_dots(screen: &str) -> bool {
    screen.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c))
}

fn leave(mut terminal: Terminal) {
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}

#[test]
fn pictures_are_drawn_as_the_terminal_says_and_in_dots_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let address = spike(folder.path());
    let answered = |variables: &[(&str, &str)], answer: &str| {
        let mut terminal = unanswered(folder.path(), &address, variables);
        assert!(terminal.was_sent(KITTY_QUESTION) && terminal.was_sent(DEVICE_QUESTION));
        terminal.type_keys(answer);
        terminal
    };
    let kitty = answered(&[], &format!("{KITTY}{NEITHER}"));
    kitty.wait_until("kitty's picture", |terminal| {
        pictures(&terminal.raw()).iter().any(|picture| picture.height() > 600)
    });
    kitty.wait("no dots", |screen| !has_dots(screen));
    leave(kitty);
    // Who draws both is sent what is better; who draws sixels, sixels.
    let both = answered(&[], &format!("{KITTY}{SIXEL}"));
    both.wait_until("kitty's picture", |terminal| terminal.was_sent(KITTY_PICTURE));
    assert!(!String::from_utf8_lossy(&both.settled_raw()).contains(SIXEL_PICTURE));
    leave(both);
    let sixel = answered(&[], SIXEL);
    sixel.wait_until("sixels", |terminal| terminal.was_sent(SIXEL_PICTURE));
    sixel.wait("no dots", |screen| !has_dots(screen));
    leave(sixel);
    // A name is no answer.
    let neither = answered(&[("TERM", "xterm-kitty"), ("TERM_PROGRAM", "ghostty")], NEITHER);
    assert!(has_dots(&neither.settled()) && !neither.was_sent(KITTY_PICTURE));
    leave(neither);
}

#[test]
fn a_terminal_that_tells_the_system_no_pixels_is_asked_how_large_its_cells_are() {
    let folder = tempfile::tempdir().unwrap();
    let address = spike(folder.path());
    let mut terminal = unanswered(folder.path(), &address, &[]);
    terminal.hide_pixels();
    terminal.type_keys(KITTY);
    assert!(has_dots(&terminal.settled()), "how large a picture is to be is not known");
    terminal.type_keys("\u{1b}[6;16;8t");
    terminal.wait_until("a picture", |terminal| terminal.was_sent(KITTY_PICTURE));
    terminal.settled();
    let widths: Vec<u32> = pictures(&terminal.raw()).iter().map(image::RgbaImage::width).collect();
    assert!(widths.iter().all(|width| width % 8 == 0 && width % 10 != 0), "{widths:?}");
    leave(terminal);
}

#[test]
fn within_tmux_pictures_are_text_where_it_passes_them_on() {
    let folder = tempfile::tempdir().unwrap();
    let address = spike(folder.path());
    let tmux = [("TMUX", "/tmp/tmux-1000/default,1,0"), ("TERM", "tmux-256color")];
    let mut terminal = unanswered(folder.path(), &address, &tmux);
    let passed_on = |words: &str| format!("\u{1b}Ptmux;{}", words.replace('\u{1b}', "\u{1b}\u{1b}"));
    // It would take kitty's question for the title of its pane, and answers others itself.
    let question = passed_on(KITTY_QUESTION);
    assert!(terminal.was_sent(&question) && !terminal.was_sent(DEVICE_QUESTION));
    // It passes nothing on while it draws, and perhaps to another terminal than before.
    terminal.wait_until("the question again", |terminal| {
        String::from_utf8_lossy(&terminal.raw()).matches(&question).count() > 1
    });
    terminal.type_keys(KITTY);
    terminal.wait("a picture's letters", |screen| screen.matches('\u{10eeee}').count() > 1_000);
    terminal.wait_until("the picture once more", |terminal| {
        String::from_utf8_lossy(&terminal.raw()).matches(&passed_on(KITTY_PICTURE)).count() > 1
    });
    // They go where other text goes.
    terminal.type_keys("?");
    terminal.wait("the help over them", |screen| {
        screen.contains("Move") && screen.matches('\u{10eeee}').count() == 0
    });
    terminal.type_keys("?");
    terminal.wait("the picture again", |screen| screen.contains('\u{10eeee}'));
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    assert!(terminal.was_sent(&passed_on("\u{1b}_Ga=d,d=I")), "nothing is left behind");
}

#[test]
fn an_image_among_the_artifacts_is_seen_in_the_pixels_of_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let store = open(&address);
    let run = spiky_run(&store);
    let mut plot = Cursor::new(Vec::new());
    image::RgbImage::from_fn(300, 200, |x, y| image::Rgb([(x / 2) as u8, y as u8, 7]))
        .write_to(&mut plot, image::ImageFormat::Png)
        .unwrap();
    block_on(store.write_artifact(&run, "plot.png", plot.get_ref())).unwrap();
    drop(store);
    let open_in = |variables: &[(&str, &str)], answer: &str| {
        let variables: Vec<_> = variables.iter().chain(&[("COLORTERM", "truecolor")]).copied().collect();
        let mut terminal = Terminal::start(folder.path(), SIZE, &["--tracking-uri", &address], &variables);
        terminal.wait_for("loss  1");
        terminal.type_keys("3]]]]]");
        terminal.wait_for("plot.png");
        terminal.type_keys(&format!("{answer}\r"));
        terminal.wait_for("PNG, 300 x 200 pixels");
        terminal
    };
    let open = |answer: &str| open_in(&[], answer);
    let kitty = open(KITTY);
    let is_image = |picture: &image::RgbaImage| {
        picture.get_pixel(20, 10).0 == [10, 10, 7, 255] && picture.dimensions() == (300, 200)
    };
    kitty.wait_until("the image", |terminal| pictures(&terminal.raw()).iter().any(is_image));
    assert!(!kitty.settled().contains('▀'));
    leave(kitty);
    let sixel = open(SIXEL);
    sixel.wait_until("the image", |terminal| terminal.was_sent("\u{1b}P0;1;0q\"1;1;300;200#1;2;"));
    leave(sixel);
    // iTerm2 says who it is, also through SSH; its sixels are left alone.
    for variable in [("TERM_PROGRAM", "iTerm.app"), ("LC_TERMINAL", "iTerm2")] {
        let iterm2 = open_in(&[variable], SIXEL);
        iterm2.wait_until("the image", |terminal| {
            terminal.was_sent("\u{1b}]1337;File=inline=1;width=30;height=")
        });
        assert!(!iterm2.was_sent("\u{1b}P0;1;0q"));
        leave(iterm2);
    }
    // Within tmux kitty's pictures stand in letters, and those of iTerm2 at a place of the terminal, if tmux passes them on.
    let tmux = [("TMUX", "/tmp/tmux-1000/default,1,0"), ("TERM", "tmux-256color")];
    let kitty = open_in(&tmux, KITTY);
    kitty.wait("the image's letters", |screen| screen.matches('\u{10eeee}').count() >= 300);
    leave(kitty);
    let programs = folder.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    let answers = |answer: &str| {
        let path = programs.join("tmux");
        std::fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let iterm2 = [tmux[0], tmux[1], ("LC_TERMINAL", "iTerm2"), ("PATH", path.as_str())];
    answers("on|iTerm2 3.5.4|40|12|on|top");
    let terminal = open_in(&iterm2, "");
    let sent = "\u{1b}Ptmux;\u{1b}\u{1b}]1337;FilePart=";
    terminal.wait_until("the image", |terminal| terminal.was_sent(sent));
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    let place = raw.split("]1337;MultipartFile=").next().unwrap().rsplit("\u{1b}\u{1b}[").next().unwrap();
    let (row, column) = place.trim_end_matches(['\u{1b}', 'H']).split_once(';').unwrap();
    assert!(row.parse::<u16>().unwrap() > 13 && column.parse::<u16>().unwrap() > 41, "{place:?}");
    leave(terminal);
    // Whoever waits for tmux still has the keys.
    let asked = folder.path().join("asked");
    let slow = format!("on|iTerm2 3.5.4|40|12|on|top'\ntouch {}\nsleep 60; echo '", asked.display());
    answers(&slow);
    let terminal = Terminal::start(folder.path(), SIZE, &["--tracking-uri", &address], &iterm2);
    terminal.wait_until("the question", |_| asked.exists());
    terminal.wait_for("loss  1");
    leave(terminal);
    answers("off|iTerm2 3.5.4|40|12|on|top");
    let terminal = open_in(&iterm2, "");
    terminal.wait("half blocks", |screen| screen.matches('▀').count() >= 300);
    leave(terminal);
    let cells = open(NEITHER);
    cells.wait("half blocks", |screen| screen.matches('▀').count() >= 300);
    leave(cells);
}
