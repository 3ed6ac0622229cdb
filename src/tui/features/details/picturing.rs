//! The image that is looked at, in pixels: where it is to be seen, and its pixels.

use std::sync::Arc;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use ratatui::layout::Rect;

use super::glance;
use super::preview::Preview;
use super::view::{below_heading, file_area};
use crate::tui::core::app::App;

/// An image that is seen in pixels, and all that it depends on.
#[derive(Debug, Clone)]
pub struct PicturedImage {
    /// The cells that it takes.
    pub area: Rect,
    image: Arc<RgbImage>,
    /// In pixels of the terminal.
    drawn: (u32, u32),
}

impl PartialEq for PicturedImage {
    fn eq(&self, other: &Self) -> bool {
        (self.area, self.drawn) == (other.area, other.drawn) && Arc::ptr_eq(&self.image, &other.image)
    }
}

/// The image on the screen, with cells of so many pixels: as large as there is room, and never larger than it is.
pub fn pictured(app: &App, (wide, high): (u16, u16)) -> Option<PicturedImage> {
    let tree = &app.details.artifacts;
    let (room, opened) = match (&tree.preview, &tree.glance) {
        (Some(opened), _) => (file_area(app)?, opened),
        (None, Some(glance)) => (below_heading(glance::area(app)?), &glance.file),
        (None, None) => return None,
    };
    let Some(Ok(Preview::Image { image, .. })) = opened.content.answer() else { return None };
    let (columns, rows) = (u32::from(room.width) * u32::from(wide), u32::from(room.height) * u32::from(high));
    let (width, height) = image.dimensions();
    if columns == 0 || rows == 0 || width == 0 || height == 0 {
        return None;
    }
    let scale = (f64::from(columns) / f64::from(width)).min(f64::from(rows) / f64::from(height)).min(1.0);
    let scaled = |size: u32, most: u32| ((f64::from(size) * scale).round() as u32).clamp(1, most);
    let drawn = (scaled(width, columns), scaled(height, rows));
    let area = Rect {
        width: drawn.0.div_ceil(u32::from(wide)) as u16,
        height: drawn.1.div_ceil(u32::from(high)) as u16,
        ..room
    };
    Some(PicturedImage { area, image: Arc::clone(image), drawn })
}

impl PicturedImage {
    /// The pixels of its cells.
    pub fn size(&self, (wide, high): (u16, u16)) -> (usize, usize) {
        (usize::from(self.area.width) * usize::from(wide), usize::from(self.area.height) * usize::from(high))
    }

    /// Its pixels, in the rows of its cells; the last cells are not full.
    pub fn pixels(&self, cell: (u16, u16)) -> Vec<Option<[u8; 3]>> {
        let (width, height) = self.size(cell);
        let resized = (self.image.dimensions() != self.drawn)
            .then(|| resize(&*self.image, self.drawn.0, self.drawn.1, FilterType::Triangle));
        let image = resized.as_ref().unwrap_or(&self.image);
        let mut pixels = vec![None; width * height];
        for (x, y, pixel) in image.enumerate_pixels() {
            pixels[y as usize * width + x as usize] = Some(pixel.0);
        }
        pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_stand_in_whole_cells_and_the_rest_is_empty() {
        let image = Arc::new(RgbImage::from_fn(4, 2, |x, _| image::Rgb([x as u8, 0, 0])));
        let area = Rect { x: 0, y: 0, width: 1, height: 1 };
        let whole = PicturedImage { area, image: Arc::clone(&image), drawn: (4, 2) };
        let pixels = whole.pixels((5, 3));
        assert_eq!(pixels.len(), 15);
        assert_eq!(pixels[3], Some([3, 0, 0]));
        assert_eq!((pixels[4], pixels[10]), (None, None));
        let half = PicturedImage { area, image, drawn: (2, 1) };
        assert_eq!(half.pixels((2, 4)).iter().flatten().count(), 2);
        assert_ne!(whole, half);
    }
}
