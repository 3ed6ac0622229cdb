//! Standard output: for a terminal safe to look at, for files and other programs every byte as it is.

use std::io::{self, IsTerminal, StdoutLock, Write};

use crate::text;

/// Standard output, line by line.
pub struct Out {
    out: StdoutLock<'static>,
    /// What has come of a line, if it goes to a terminal.
    line: Option<Vec<u8>>,
}

impl Out {
    pub fn open() -> Self {
        let out = io::stdout();
        Self { line: out.is_terminal().then(Vec::new), out: out.lock() }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(line) = &mut self.line else { return self.out.write(bytes) };
        line.extend_from_slice(bytes);
        if let Some(end) = line.iter().rposition(|byte| *byte == b'\n') {
            let lines: Vec<u8> = line.drain(..=end).collect();
            let shown = text::clean_lines(&String::from_utf8_lossy(&lines)) + "\n";
            self.out.write_all(shown.as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(line) = &mut self.line {
            let shown = text::clean_lines(&String::from_utf8_lossy(line));
            line.clear();
            self.out.write_all(shown.as_bytes())?;
        }
        self.out.flush()
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        // Of a failure at the very end nobody can be told.
        let _ = self.flush();
    }
}
