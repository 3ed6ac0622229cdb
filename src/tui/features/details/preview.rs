//! What a file holds, as far as a terminal can show it: texts, JSON with its structure, tables, images.

use std::sync::Arc;

use image::{DynamicImage, GenericImageView, RgbImage};

use crate::text;

/// Larger files are not fetched to be looked at (bytes).
pub const LARGEST: usize = 8_000_000;
/// Lines and columns that are kept.
const LINES: usize = 5_000;
const CELLS: usize = 400;
/// Images are kept no larger than this, in pixels: to be drawn in pixels, and to be drawn in cells.
const LARGEST_IMAGE: u32 = 1_200;
const PIXELS: u32 = 400;
/// A wider column of a table is cut.
const WIDEST: usize = 30;

#[derive(Debug, Clone, PartialEq)]
pub enum Preview {
    Text {
        kind: &'static str,
        lines: Vec<String>,
        /// There is more than is kept.
        cut: bool,
    },
    Image {
        kind: String,
        /// As it is in the file, in pixels.
        size: (u32, u32),
        /// Perhaps scaled down.
        image: Arc<RgbImage>,
        /// Rows of red, green and blue, scaled down for cells.
        pixels: Vec<Vec<[u8; 3]>>,
    },
    /// Nothing to be shown, and why.
    Nothing(String),
}

impl Preview {
    pub fn of(path: &str, content: &[u8]) -> Self {
        let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
        if matches!(extension.as_str(), "png" | "jpg" | "jpeg" | "gif") {
            return image(&extension, content);
        }
        if content.is_empty() {
            return Self::Nothing("the file is empty".into());
        }
        // Files of Windows begin with a mark that says that they are UTF-8.
        let content = content.strip_prefix("\u{feff}".as_bytes()).unwrap_or(content);
        let Ok(words) = std::str::from_utf8(content) else {
            return Self::Nothing(format!("{} binary", text::bytes(content.len() as u64)));
        };
        let (kind, lines) = match extension.as_str() {
            "json" => ("JSON", json(words)),
            "csv" => ("CSV", table(words, b',')),
            "tsv" => ("TSV", table(words, b'\t')),
            "yaml" | "yml" => ("YAML", plain(words)),
            _ if path.ends_with("MLmodel") => ("YAML", plain(words)),
            _ => ("text", plain(words)),
        };
        let cut = lines.len() > LINES;
        Self::Text { kind, lines: lines.into_iter().take(LINES).collect(), cut }
    }

    /// Lines, for scrolling.
    pub fn length(&self) -> usize {
        match self {
            Self::Text { lines, .. } => lines.len(),
            Self::Image { .. } | Self::Nothing(_) => 1,
        }
    }
}

/// A line made safe, without the colours that logs are full of, and with tabs as wide as they are mostly drawn.
fn safe(line: &str) -> String {
    let line = line.replace('\t', "    ");
    text::cut(&text::clean(&text::uncoloured(&line)), CELLS, "…")
}

fn plain(words: &str) -> Vec<String> {
    words.lines().take(LINES + 1).map(safe).collect()
}

/// JSON as it stands, but for line breaks: numbers and their digits stay what they are.
fn json(words: &str) -> Vec<String> {
    if words.trim().lines().count() > 1 {
        return plain(words);
    }
    let mut lines = vec![String::new()];
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut escaped = false;
    let mut chars = words.trim().chars().peekable();
    while let Some(c) = chars.next() {
        if lines.len() > LINES {
            break;
        }
        let Some(line) = lines.last_mut() else { break };
        if in_text {
            line.push(c);
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                line.push(c);
            }
            '{' | '[' => {
                line.push(c);
                let is_empty = chars.peek().is_some_and(|next| matches!(next, '}' | ']'));
                if !is_empty {
                    depth += 1;
                    lines.push("  ".repeat(depth));
                }
            }
            '}' | ']' => {
                let opens = line.trim_end().ends_with(['{', '[']);
                if opens {
                    line.push(c);
                } else {
                    depth = depth.saturating_sub(1);
                    lines.push(format!("{}{c}", "  ".repeat(depth)));
                }
            }
            ',' => {
                line.push(c);
                lines.push("  ".repeat(depth));
            }
            ':' => line.push_str(": "),
            c if c.is_whitespace() => {}
            c => line.push(c),
        }
    }
    lines.iter().map(|line| safe(line)).collect()
}

/// Rows with their cells under one another; a file that is no such table is shown as text.
fn table(words: &str, separator: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(words.as_bytes());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for record in reader.records().take(LINES + 1) {
        let Ok(record) = record else { return plain(words) };
        rows.push(record.iter().map(|cell| text::cut(&text::clean(cell), WIDEST, "…")).collect());
    }
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        for (at, cell) in row.iter().enumerate() {
            if widths.len() <= at {
                widths.push(0);
            }
            widths[at] = widths[at].max(text::width(cell));
        }
    }
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                if is_number(cell) {
                    text::fit_right(cell, *width, "…")
                } else {
                    text::fit(cell, *width, "…")
                }
            });
            text::cut(cells.collect::<Vec<_>>().join("  ").trim_end(), CELLS, "…")
        })
        .collect()
}

fn image(extension: &str, content: &[u8]) -> Preview {
    let kind = extension.to_uppercase().replace("JPG", "JPEG");
    let mut reader = image::ImageReader::new(std::io::Cursor::new(content));
    // What somebody logged may claim to be any size.
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(20_000);
    limits.max_image_height = Some(20_000);
    limits.max_alloc = Some(256 * 1024 * 1024);
    reader.limits(limits);
    let decoded = match reader.with_guessed_format() {
        Ok(reader) => reader.decode(),
        Err(error) => return Preview::Nothing(format!("cannot be read: {error}")),
    };
    match decoded {
        Ok(decoded) => {
            let size = decoded.dimensions();
            let at_most = |image: DynamicImage, most: u32| {
                let is_larger = image.width().max(image.height()) > most;
                if is_larger { image.thumbnail(most, most) } else { image }
            };
            let image = at_most(decoded, LARGEST_IMAGE).into_rgb8();
            let small = at_most(image.clone().into(), PIXELS).into_rgb8();
            let pixels = small.rows().map(|row| row.map(|pixel| pixel.0).collect()).collect();
            Preview::Image { kind, size, image: Arc::new(image), pixels }
        }
        Err(error) => {
            Preview::Nothing(format!("this {kind} cannot be decoded: {}", text::clean(&error.to_string())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, content: &str) -> Vec<String> {
        match Preview::of(path, content.as_bytes()) {
            Preview::Text { lines, .. } => lines,
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn what_hides_in_a_file_is_shown_but_for_its_colours() {
        assert_eq!(
            lines("a.log", "\u{1b}[31mred\u{1b}[0m a\u{202e}b\u{200b}c\u{1}"),
            ["red a<202e>b<200b>c^A"]
        );
        assert_eq!(lines("a.py", "\u{feff}if a\u{2066}: x\n"), ["if a<2066>: x"]);
        assert_eq!(lines("a.csv", "\u{feff}a,b\n1,2\n")[0].chars().next(), Some('a'));
    }

    #[test]
    fn json_gets_its_lines_and_keeps_its_numbers() {
        let shown = lines("a.json", r#"{"b":1.10,"a":[1,{"x":"y,{\"z"}],"e":{},"n":[]}"#);
        assert_eq!(
            shown,
            [
                "{",
                "  \"b\": 1.10,",
                "  \"a\": [",
                "    1,",
                "    {",
                "      \"x\": \"y,{\\\"z\"",
                "    }",
                "  ],",
                "  \"e\": {},",
                "  \"n\": []",
                "}"
            ]
        );
    }

    #[test]
    fn tables_stand_in_columns_and_nothing_steers_the_terminal() {
        assert_eq!(
            lines("a.csv", "name,value\n\"x, y\",1.5\nlong name,10"),
            ["name       value", "x, y         1.5", "long name     10"]
        );
        assert_eq!(lines("a.txt", "\u{1b}[31mred\u{1b}[0m\tx"), ["red    x"]);
        assert!(matches!(Preview::of("model.pkl", &[0x80, 4, 0xff]), Preview::Nothing(_)));
        assert!(matches!(Preview::of("a.png", b"no image"), Preview::Nothing(_)));
        assert!(matches!(Preview::of("a.txt", b""), Preview::Nothing(_)));
    }

    #[test]
    fn images_are_scaled_down() {
        let mut content = std::io::Cursor::new(Vec::new());
        let picture =
            image::RgbImage::from_fn(800, 400, |x, _| image::Rgb([if x < 400 { 255 } else { 0 }, 0, 0]));
        picture.write_to(&mut content, image::ImageFormat::Png).unwrap();
        let Preview::Image { size, pixels, .. } = Preview::of("a.png", content.get_ref()) else {
            panic!("an image")
        };
        assert_eq!(size, (800, 400));
        assert_eq!((pixels[0].len(), pixels.len()), (400, 200));
        assert_eq!((pixels[0][0], pixels[0][399]), ([255, 0, 0], [0, 0, 0]));
    }
}
