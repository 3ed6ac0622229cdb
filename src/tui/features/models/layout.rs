//! Where the parts of the registry are on the screen.

use ratatui::layout::Rect;

use super::screen::ModelsPane;

/// From this width on models and versions are side by side.
const SIDE_BY_SIDE: u16 = 72;
/// From this height on there is room for more about what is under the cursor.
const TALL: u16 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelAreas {
    pub models: Option<Rect>,
    /// Versions, with their frame.
    pub versions: Option<Rect>,
    /// More about the version, or the model, under the cursor, within a frame.
    pub details: Option<Rect>,
}

pub fn areas(body: Rect, pane: ModelsPane) -> ModelAreas {
    let mut right = body;
    let mut areas = ModelAreas::default();
    if body.width >= SIDE_BY_SIDE {
        let width = (body.width * 3 / 10).clamp(24, 56);
        areas.models = Some(Rect { width, ..body });
        right = Rect { x: body.x + width, width: body.width - width, ..body };
    } else if pane == ModelsPane::Models {
        areas.models = Some(body);
        if body.height >= TALL {
            let height = (body.height * 2 / 5).clamp(5, 12);
            areas.models = Some(Rect { height: body.height - height, ..body });
            areas.details = Some(Rect { y: body.y + body.height - height, height, ..body });
        }
        return areas;
    }
    areas.versions = Some(right);
    if right.height >= TALL {
        let height = (right.height * 2 / 5).clamp(5, 18);
        areas.versions = Some(Rect { height: right.height - height, ..right });
        areas.details = Some(Rect { y: right.y + right.height - height, height, ..right });
    }
    areas
}

/// The room within a frame.
pub fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

impl ModelAreas {
    /// Rows of models.
    pub fn model_rows(&self) -> usize {
        self.models.map_or(0, |area| inside(area).height as usize)
    }

    /// Rows of versions: the titles take one.
    pub fn version_rows(&self) -> usize {
        self.versions.map_or(0, |area| inside(area).height.saturating_sub(1) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_stay_on_the_screen_and_apart() {
        for width in 1..210_u16 {
            for height in 1..60_u16 {
                for pane in [ModelsPane::Models, ModelsPane::Versions] {
                    let body = Rect::new(0, 1, width, height);
                    let ModelAreas { models, versions, details } = areas(body, pane);
                    let all: Vec<Rect> = [models, versions, details].into_iter().flatten().collect();
                    assert!(!all.is_empty());
                    for (at, area) in all.iter().enumerate() {
                        assert_eq!(body.intersection(*area), *area, "{width}x{height}");
                        assert!(all[at + 1..].iter().all(|other| !area.intersects(*other)));
                    }
                }
            }
        }
    }
}
