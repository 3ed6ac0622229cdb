//! The real program in a pseudo-terminal, and what is on its screen.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a text may take to appear; a test that needs as long has failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// A terminal whose cells have 10 x 20 pixels.
fn pixels(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: columns * 10, pixel_height: rows * 20 }
}

pub struct Terminal {
    parser: Arc<Mutex<vt100::Parser>>,
    /// Everything that was ever written, for what a screen does not keep.
    raw: Arc<Mutex<Vec<u8>>>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    /// Starts the program in `folder`, with a home of its own there.
    pub fn start(folder: &Path, size: (u16, u16), arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_program(Path::new(env!("CARGO_BIN_EXE_mltui")), folder, size, arguments, variables)
    }

    /// The same with another program.
    pub fn start_program(
        program: &Path,
        folder: &Path,
        (columns, rows): (u16, u16),
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(pixels(columns, rows)).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in
            [("HOME", folder.to_str().unwrap()), ("TERM", "xterm-256color"), ("PATH", "/usr/bin:/bin")]
        {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (shared, shared_raw) = (Arc::clone(&parser), Arc::clone(&raw));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                shared_raw.lock().unwrap().extend_from_slice(&buffer[..length]);
                shared.lock().unwrap().process(&buffer[..length]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { parser, raw, writer, master: pair.master, child }
    }

    pub fn screen(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// The screen with its colours.
    pub fn frame(&self) -> vt100::Screen {
        self.parser.lock().unwrap().screen().clone()
    }

    /// What stands on the screen when no more is coming: a frame may be on its way in parts.
    pub fn settled(&self) -> String {
        let end = Instant::now() + Duration::from_secs(2);
        let mut length = self.raw.lock().unwrap().len();
        loop {
            std::thread::sleep(Duration::from_millis(30));
            let now = self.raw.lock().unwrap().len();
            if now == length || Instant::now() > end {
                return self.screen();
            }
            length = now;
        }
    }

    /// Whether the alternate screen is on.
    pub fn is_taken_over(&self) -> bool {
        self.parser.lock().unwrap().screen().alternate_screen()
    }

    pub fn type_keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        // The screen first, and held: the program may answer before the next line.
        let mut parser = self.parser.lock().unwrap();
        parser.screen_mut().set_size(rows, columns);
        self.master.resize(pixels(columns, rows)).unwrap();
    }

    /// From now on nobody tells the system how many pixels a cell has.
    pub fn hide_pixels(&self) {
        let size = PtySize { pixel_width: 0, pixel_height: 0, ..self.master.get_size().unwrap() };
        self.master.resize(size).unwrap();
    }

    /// Whether the program ever wrote a text.
    pub fn was_sent(&self, text: &str) -> bool {
        memchr::memmem::find(&self.raw.lock().unwrap(), text.as_bytes()).is_some()
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits until the screen is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return;
            }
            assert!(Instant::now() < end, "the screen never showed {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until something of the terminal or the program is as wanted.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(self) {
            assert!(Instant::now() < end, "never came: {what}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the program is stopped by a signal.
    pub fn is_stopped(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.process_id())).unwrap_or_default();
        status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    }

    /// Waits without a pause between looks, for measuring.
    pub fn wait_closely(&self, wanted: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(&self.screen()) {
            assert!(Instant::now() < end, "the screen never was as wanted:\n{}", self.screen());
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    pub fn process_id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Waits for the end of the program, which must have left the terminal as it found it. Returns its exit code.
    pub fn wait_for_end(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "the program does not end:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        };
        let end = Instant::now() + PATIENCE;
        while self.parser.lock().unwrap().screen().alternate_screen() {
            assert!(Instant::now() < end, "the alternate screen was not left");
            std::thread::sleep(Duration::from_millis(20));
        }
        let parser = self.parser.lock().unwrap();
        assert!(!parser.screen().hide_cursor(), "the cursor is still hidden");
        assert_eq!(
            parser.screen().mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "the mouse is still taken"
        );
        status.exit_code()
    }

    /// Whether the terminal edits and echoes lines, as a shell finds it.
    pub fn is_cooked(&self) -> bool {
        let modes = self.master.get_termios().unwrap();
        // By their names in the debug output: their type is that of another crate.
        let modes = format!("{:?}", modes.local_flags);
        let is_set = |mode: &&str| modes.split(|c: char| !c.is_ascii_alphanumeric()).any(|set| set == *mode);
        ["ICANON", "ECHO", "ISIG"].iter().all(is_set)
    }

    /// Everything that was written, when no more is coming.
    pub fn settled_raw(&self) -> Vec<u8> {
        self.settled();
        self.raw()
    }

    /// Everything that the program wrote to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }
}

/// The pictures that kitty was sent, as pixels.
pub fn pictures(raw: &[u8]) -> Vec<image::RgbaImage> {
    let text = String::from_utf8_lossy(raw);
    let mut pictures = Vec::new();
    let mut data = String::new();
    for piece in text.split("\u{1b}_G").skip(1) {
        let piece = piece.split("\u{1b}\\").next().unwrap();
        let Some((keys, content)) = piece.split_once(';') else { continue };
        // A question is no picture.
        if keys.contains("a=q") {
            continue;
        }
        data.push_str(content);
        if keys.split(',').any(|key| key == "m=0") {
            let png = base64::engine::general_purpose::STANDARD.decode(std::mem::take(&mut data)).unwrap();
            pictures.push(image::load_from_memory(&png).unwrap().to_rgba8());
        }
    }
    pictures
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
