//! What a file holds, as far as a terminal can show it: texts in colour, tables, images.

mod page;
pub mod split;
pub mod table;
pub mod view;
mod words;

use std::sync::Arc;

use image::{DynamicImage, GenericImageView, RgbImage};

use crate::learn::data::parquet_head;
use crate::text;
use crate::text::highlight::Language;
use page::Page;
use table::{COLUMNS, Table, kept_rows};
pub use words::TextLine;

/// Of larger files a part is fetched to be looked at (bytes).
pub const LARGEST: usize = 8_000_000;
/// Lines that are kept, and cells of each: of nearly every file that is not too large all of them.
const LINES: usize = 100_000;
const CELLS: usize = 1_000;
/// Images are kept no larger than this, in pixels: to be drawn in pixels, and to be drawn in cells.
const LARGEST_IMAGE: u32 = 1_200;
const PIXELS: u32 = 400;

#[derive(Debug, Clone, PartialEq)]
pub enum Preview {
    Text {
        kind: String,
        lines: Vec<TextLine>,
        /// Cells of the longest line.
        widest: usize,
        /// There is more than is kept.
        cut: bool,
        /// What it says as a page, if it is one.
        page: Option<Page>,
    },
    Table {
        kind: String,
        table: Table,
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

/// Which part of a file that is too large is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilePart {
    #[default]
    Beginning,
    End,
}

impl Preview {
    pub fn of(path: &str, content: Vec<u8>) -> Self {
        let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
        match extension.as_str() {
            "png" | "jpg" | "jpeg" | "gif" => return image(&extension, &content),
            "webp" => return Self::Nothing("WebP images are not shown; PNG, JPEG and GIF are".into()),
            _ if content.is_empty() => return Self::Nothing("the file is empty".into()),
            "parquet" | "pq" => return parquet(content),
            _ => {}
        }
        let Some((words, written)) = words::decoded(&content) else {
            return Self::Nothing(format!("{} binary", text::bytes(content.len() as u64)));
        };
        let kind = |kind: &str| match written {
            Some(written) => format!("{kind}, {written}"),
            None => kind.to_owned(),
        };
        let table = match extension.as_str() {
            "csv" => Table::of_text(&words, None).map(|table| ("CSV", table)),
            "tsv" => Table::of_text(&words, Some(b'\t')).map(|table| ("TSV", table)),
            "json" => split::table(&words).map(|table| ("JSON table", table)),
            _ => None,
        };
        if let Some((name, table)) = table {
            return Self::Table { kind: kind(name), table };
        }
        let language = Language::of(path);
        let mut lines = words::lines(language, &words);
        let cut = lines.len() > LINES;
        lines.truncate(LINES);
        let page = Page::of(language, &words).filter(|_| !cut);
        Self::Text { kind: kind(language.name()), widest: widest(&lines), lines, cut, page }
    }

    /// Whether it is a text that can be laid out as a page, and is.
    pub fn is_laid_out(&self) -> Option<bool> {
        match self {
            Self::Text { page, .. } => page.as_ref().map(Page::is_laid_out),
            Self::Table { .. } | Self::Image { .. } | Self::Nothing(_) => None,
        }
    }

    /// Whether it is a Markdown file of which there is too much for a page.
    pub fn is_page_too_long(&self, path: &str) -> bool {
        matches!(self, Self::Text { page: None, .. }) && Language::of(path) == Language::Markdown
    }

    /// Lays a page out for so many cells, or shows its source. Whether its lines are other ones now.
    pub fn lay_out(&mut self, room: Option<usize>) -> bool {
        let Self::Text { lines, widest: cells, page: Some(page), .. } = self else { return false };
        let Some(laid) = page.lines(room) else { return false };
        *cells = widest(&laid);
        *lines = laid;
        true
    }

    /// The same of a file that is too large to be fetched whole, from its beginning. What is read from its end, or makes no
    /// sense in parts, is not shown.
    pub fn of_beginning(path: &str, mut content: Vec<u8>, address: &str) -> Self {
        let size = text::bytes(content.len() as u64);
        // A line that is not whole would tell something else.
        if let Some(end) = memchr::memrchr(b'\n', &content) {
            content.truncate(end + 1);
        }
        let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
        let is_shown_in_parts =
            !matches!(extension.as_str(), "png" | "jpg" | "jpeg" | "gif" | "webp" | "parquet" | "pq");
        let first = |kind: String| format!("the first {size}: {kind}");
        match is_shown_in_parts.then(|| Self::of(path, content)) {
            Some(Self::Text { kind, lines, widest, .. }) => {
                Self::Text { kind: first(kind), lines, widest, cut: true, page: None }
            }
            Some(Self::Table { kind, mut table }) => {
                // Nobody knows how many there are.
                table.all_rows = table.rows.len();
                table.is_part = true;
                Self::Table { kind: first(kind), table }
            }
            Some(Self::Image { .. } | Self::Nothing(_)) | None => Self::Nothing(format!(
                "too large to preview (more than {size}); `mltui download {address}` fetches the file"
            )),
        }
    }

    /// The end of a text that is too large to be fetched whole.
    pub fn of_end(path: &str, mut content: Vec<u8>) -> Self {
        let size = text::bytes(content.len() as u64);
        if let Some(end) = memchr::memchr(b'\n', &content) {
            content.drain(..=end);
        }
        // Of more lines than are kept, the last ones.
        if let Some(from) = memchr::memrchr_iter(b'\n', &content).nth(LINES) {
            content.drain(..=from);
        }
        match Self::of(path, content) {
            Self::Text { kind, lines, widest, .. } => {
                Self::Text { kind: format!("the last {size}: {kind}"), lines, widest, cut: true, page: None }
            }
            other @ (Self::Table { .. } | Self::Image { .. } | Self::Nothing(_)) => other,
        }
    }

    /// Whether it is a text of which more is in the file.
    pub fn is_part_of_text(&self) -> bool {
        matches!(self, Self::Text { cut: true, .. })
    }

    /// Lines, for scrolling.
    pub fn length(&self) -> usize {
        match self {
            Self::Text { lines, .. } => lines.len(),
            Self::Table { table, .. } => table.rows.len(),
            Self::Image { .. } | Self::Nothing(_) => 1,
        }
    }

    /// Lines that stay above those that are scrolled.
    pub fn header(&self) -> usize {
        usize::from(matches!(self, Self::Table { .. }))
    }

    /// How far it can be scrolled to the right in so much room: in columns of a table, in cells of a text.
    pub fn furthest(&self, room: usize) -> usize {
        match self {
            Self::Text { widest, .. } => widest.saturating_sub(room),
            Self::Table { table, .. } => table.last_from(room),
            Self::Image { .. } | Self::Nothing(_) => 0,
        }
    }
}

fn widest(lines: &[TextLine]) -> usize {
    lines.iter().map(|line| text::width(&line.words)).max().unwrap_or(0)
}

fn parquet(content: Vec<u8>) -> Preview {
    match parquet_head(content, kept_rows, COLUMNS) {
        Ok(head) => Preview::Table { kind: "Parquet".into(), table: Table::of_parquet(head) },
        Err(why) => Preview::Nothing(format!("not a readable Parquet file: {}", text::clean(&why))),
    }
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
mod tests;
