//! What the cursor is on among the artifacts, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Glance, GlanceAt};
use crate::mlflow::ArtifactFile;
use crate::store::ArtifactList;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::remote::Remote;
use crate::tui::features::details::preview::view::draw_file;
use crate::tui::features::details::series::LoggedImage;
use crate::tui::features::details::view::{SIZE, below_heading, wrapped};
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::theme::Theme;

/// Draws what the cursor is on.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(glance) = &app.details.artifacts.glance else { return };
    match glance.what {
        GlanceAt::File(_) => draw_file(app, &glance.file, theme, frame, area),
        GlanceAt::Folder => draw_folder(app, glance, theme, frame, area),
    }
}

fn draw_folder(app: &App, glance: &Glance, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let path = &glance.file.path;
    let tree = &app.details.artifacts;
    let title = tree.models().iter().find(|(file, _)| file.path == *path).map(|(_, title)| title.as_str());
    let width = area.width as usize;
    let name = format!("{}/", title.unwrap_or(path));
    let name = text::without_middle(&text::clean(&name), width / 2, theme.glyphs.ellipsis);
    let folder = tree.folders().get(path);
    let (told, style) = match folder.and_then(Remote::answer) {
        Some(Ok(list)) => (extent(list), theme.dim),
        Some(Err(_)) => ("not read".to_owned(), theme.bad),
        None if glance.file.content.error().is_some() => ("not read".to_owned(), theme.bad),
        None => ("loading".to_owned(), theme.dim),
    };
    let told = text::cut(&told, width.saturating_sub(text::width(&name) + 2), theme.glyphs.ellipsis);
    let heading = vec![Span::styled(name, theme.accent), Span::styled(format!("  {told}"), style)];
    frame.render_widget(Line::from(heading), Rect { height: area.height.min(1), ..area });
    let body = below_heading(area);
    let error = folder.and_then(Remote::error).or(glance.file.content.error());
    if let Some(error) = error {
        let told = [(error.kind.to_string(), theme.bad), (error.hint().to_owned(), theme.dim)];
        return centred(frame, body, wrapped(&told, body.width));
    }
    // What is in an open one stands in the tree.
    let folder = folder.filter(|_| !tree.is_open(path));
    let files = folder.and_then(Remote::value).map_or(&[][..], |list| list.files.as_slice());
    let in_order = files.iter().filter(|file| file.is_dir).chain(files.iter().filter(|file| !file.is_dir));
    let lines: Vec<(String, &ArtifactFile)> =
        in_order.take(body.height as usize).map(|file| (named(file), file)).collect();
    let names = lines.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0);
    let names = names.min(width.saturating_sub(2 + SIZE as usize).max(8));
    for (y, (name, file)) in lines.iter().enumerate() {
        let size = file.file_size.map_or(String::new(), text::bytes);
        let style = if file.is_dir { theme.heading } else { theme.text };
        let spans = vec![
            Span::styled(text::fit(name, names, theme.glyphs.ellipsis), style),
            Span::styled(format!("  {size}"), theme.dim),
        ];
        frame.render_widget(Line::from(spans), Rect { y: body.y + y as u16, height: 1, ..body });
    }
}

fn named(file: &ArtifactFile) -> String {
    if let Some(image) = LoggedImage::of(&file.path).filter(|_| !file.is_dir) {
        return text::clean(&image.to_string()).into_owned();
    }
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let name = text::clean(name);
    if file.is_dir { format!("{name}/") } else { name.into_owned() }
}

/// How much a folder holds.
fn extent(list: &ArtifactList) -> String {
    let folders = list.files.iter().filter(|file| file.is_dir).count();
    let files = list.files.len() - folders;
    let sizes = list.files.iter().filter_map(|file| file.file_size);
    let bytes = sizes.fold(0, u64::saturating_add);
    let parts = [
        (folders > 0).then(|| text::counted(folders, "folder")),
        (files > 0).then(|| text::counted(files, "file")),
        (bytes > 0).then(|| text::bytes(bytes)),
        list.is_cut.then(|| "and more".to_owned()),
    ];
    let told = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if told.is_empty() { "empty".to_owned() } else { told }
}
