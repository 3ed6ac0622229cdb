//! Where the charts of a dashboard are: bands of charts of equal size under the headings of their sections.

use super::Section;

/// The least that a chart is worth looking at: columns and rows with its title.
const LEAST: (usize, usize) = (30, 8);
/// Rows of a chart below tiles that would fill the page with themselves.
const LOWEST: usize = 5;
/// The least that a tile takes across.
const TILE: usize = 22;
/// From so many rows on, sections have headings.
const WITH_HEADINGS: usize = 12;
/// Charts side by side, at most.
const MOST: usize = 6;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Band {
    Heading {
        section: usize,
    },
    /// Charts side by side, in so many columns.
    Charts {
        charts: std::ops::Range<usize>,
        rows: usize,
        columns: usize,
        is_tiles: bool,
    },
}

impl Band {
    fn height(&self) -> usize {
        match self {
            Self::Heading { .. } => 1,
            Self::Charts { rows, .. } => *rows,
        }
    }
}

/// Something on the screen, in cells from the upper left corner of the pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedChart {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    /// The heading of a section where there is none.
    pub chart: Option<usize>,
    pub section: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    bands: Vec<Band>,
    size: (usize, usize),
    /// Rows of a band of charts.
    band_height: usize,
}

impl Grid {
    pub fn new(sections: &[Section], width: usize, height: usize) -> Self {
        let of_lines = || sections.iter().filter(|section| section.tile.is_none());
        let most = of_lines().map(|section| section.charts.len()).max().unwrap_or(0);
        let mut columns = (width / LEAST.0).clamp(1, MOST).min(most.max(1));
        let has_headings = height >= WITH_HEADINGS;
        let headings = sections.iter().filter(|section| has_headings && !section.title.is_empty()).count();
        let tile_rows = |section: &Section| {
            section.tile.unwrap_or(0) * section.charts.len().div_ceil(tile_columns(section, width))
        };
        let tiles: usize = sections.iter().map(tile_rows).sum();
        // The bands of full height, and the rows that all others take.
        let full =
            |columns: usize| of_lines().map(|section| section.charts.len().div_ceil(columns)).sum::<usize>();
        let others = tiles + headings;
        let fits = |columns: usize, least: usize| full(columns) * least + others <= height;
        let band_height = if fits(columns, LEAST.1) {
            // Everything fits: as few columns as that allows, so that charts are as wide as they can be.
            while columns > 1 && fits(columns - 1, LEAST.1.max(height / 3)) {
                columns -= 1;
            }
            (height - others) / full(columns).max(1)
        } else {
            // As low as they may be, so that much is seen; what is left over makes them higher again. Lower still where tiles
            // would stand alone above an empty half.
            let leading = sections.first().filter(|section| section.tile.is_some()).map_or(0, tile_rows);
            let heads = sections.iter().take(2).filter(|section| has_headings && !section.title.is_empty());
            let below = height.saturating_sub(leading + heads.count());
            if leading > 0 && (LOWEST..LEAST.1).contains(&below) { below } else { LEAST.1.min(height) }
        };
        let mut bands = Vec::new();
        for (at, section) in sections.iter().enumerate() {
            if has_headings && !section.title.is_empty() {
                bands.push(Band::Heading { section: at });
            }
            let columns = if section.tile.is_some() {
                tile_columns(section, width)
            } else {
                alike(section.charts.len(), columns)
            };
            let mut start = section.charts.start;
            while start < section.charts.end {
                let end = (start + columns).min(section.charts.end);
                let rows = section.tile.unwrap_or(band_height).clamp(1, height.max(1));
                let is_tiles = section.tile.is_some();
                bands.push(Band::Charts { charts: start..end, rows, columns, is_tiles });
                start = end;
            }
        }
        Self { bands, size: (width, height), band_height: band_height.max(1) }
    }

    fn band_of(&self, chart: usize) -> usize {
        let is_here = |band: &Band| matches!(band, Band::Charts { charts, .. } if charts.contains(&chart));
        self.bands.iter().position(is_here).unwrap_or(0)
    }

    /// The bands that are seen from one on: whole ones, and one at least.
    fn shown(&self, top: usize) -> std::ops::Range<usize> {
        let mut used = 0;
        let mut end = top;
        while let Some(band) = self.bands.get(end) {
            used += band.height();
            if used > self.size.1 && end > top {
                break;
            }
            end += 1;
        }
        // A heading with nothing under it says nothing.
        if end > top + 1 && end < self.bands.len() && matches!(self.bands[end - 1], Band::Heading { .. }) {
            end -= 1;
        }
        top..end
    }

    /// Everything on the screen.
    pub fn placed(&self, top: usize) -> Vec<PlacedChart> {
        let mut placed = Vec::new();
        let mut y = 0;
        let bands = &self.bands[self.shown(top)];
        // What would be left empty below goes to the charts.
        let mut grow =
            bands.iter().filter(|band| matches!(band, Band::Charts { is_tiles: false, .. })).count();
        let mut over = self.size.1.saturating_sub(bands.iter().map(Band::height).sum());
        for band in bands {
            let mut height = band.height().min(self.size.1.saturating_sub(y));
            if let Band::Charts { is_tiles: false, .. } = band {
                let more = over / grow.max(1);
                (height, over, grow) = (height + more, over - more, grow.saturating_sub(1));
            }
            match band {
                Band::Heading { section } => {
                    placed.push(PlacedChart {
                        x: 0,
                        y,
                        width: self.size.0,
                        height,
                        chart: None,
                        section: *section,
                    });
                }
                Band::Charts { charts, columns, .. } => {
                    for (column, chart) in charts.clone().enumerate() {
                        let x = self.size.0 * column / columns;
                        let width = self.size.0 * (column + 1) / columns - x;
                        placed.push(PlacedChart { x, y, width, height, chart: Some(chart), section: 0 });
                    }
                }
            }
            y += height;
        }
        placed
    }

    /// The first band, so that a chart is seen and as little moves as possible.
    pub fn scrolled_to(&self, chart: usize, top: usize) -> usize {
        // Without charts there is nothing to come to.
        if self.bands.is_empty() {
            return 0;
        }
        let band = self.band_of(chart);
        let has_heading = band > 0 && matches!(self.bands[band - 1], Band::Heading { .. });
        let first = if has_heading { band - 1 } else { band };
        let mut top = top.min(first);
        while !self.shown(top).contains(&band) {
            top += 1;
        }
        // Nor is room left empty below while something is above.
        while top > 0 && self.shown(top - 1).end == self.bands.len() {
            top -= 1;
        }
        top
    }

    /// The chart so many bands further down, in the same column as far as there is one.
    pub fn above_or_below(&self, chart: usize, by: isize) -> usize {
        let rows: Vec<&std::ops::Range<usize>> = self
            .bands
            .iter()
            .filter_map(|band| match band {
                Band::Charts { charts, .. } => Some(charts),
                Band::Heading { .. } => None,
            })
            .collect();
        let Some(row) = rows.iter().position(|charts| charts.contains(&chart)) else { return chart };
        let to = rows[row.saturating_add_signed(by).min(rows.len() - 1)];
        if by == 0 { chart } else { (to.start + chart - rows[row].start).min(to.end - 1) }
    }

    /// Bands of charts on a screen: what half of is a page's step.
    pub fn page(&self) -> usize {
        (self.size.1 / self.band_height).max(1)
    }

    /// Pages from the first to the last band, and the one that is shown.
    pub fn pages(&self, top: usize) -> (usize, usize) {
        let (mut starts, mut at) = (Vec::new(), 0);
        while at < self.bands.len() {
            starts.push(at);
            at = self.shown(at).end.max(at + 1);
        }
        let end = self.shown(top).end;
        let page = if end == self.bands.len() {
            starts.len()
        } else {
            starts.iter().filter(|start| **start <= top).count()
        };
        (page.max(1), starts.len().max(1))
    }
}

/// Tiles beside each other.
fn tile_columns(section: &Section, width: usize) -> usize {
    alike(section.charts.len(), width / TILE)
}

/// Columns for so many charts: all in one row, or in as few rows as they need, of the same length as far as that goes.
fn alike(charts: usize, most: usize) -> usize {
    let charts = charts.max(1);
    charts.div_ceil(charts.div_ceil(most.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(counts: &[usize]) -> Vec<Section> {
        let mut start = 0;
        let section = |count: &usize| {
            let charts = start..start + count;
            start = charts.end;
            let tile = count.is_multiple_of(7).then_some(3);
            let title = if start > *count { "more" } else { "" };
            Section { title: title.into(), charts, tile }
        };
        counts.iter().map(section).collect()
    }

    #[test]
    fn charts_stay_inside_and_apart_and_each_can_be_reached() {
        for counts in [&[1][..], &[5], &[3, 7, 1], &[40, 2], &[7], &[4, 14, 6], &[1, 1, 1, 1, 1, 1]] {
            let sections = sections(counts);
            let all: usize = counts.iter().sum();
            for (width, height) in [(10, 3), (58, 10), (118, 13), (198, 46)] {
                let grid = Grid::new(&sections, width, height);
                let mut top = 0;
                for chart in 0..all {
                    top = grid.scrolled_to(chart, top);
                    let placed = grid.placed(top);
                    assert!(
                        placed.iter().any(|place| place.chart == Some(chart)),
                        "{counts:?} {width}x{height}"
                    );
                    for (at, a) in placed.iter().enumerate() {
                        assert!(a.x + a.width <= width && a.y + a.height <= height);
                        let apart = |b: &PlacedChart| {
                            a.x + a.width <= b.x
                                || b.x + b.width <= a.x
                                || a.y + a.height <= b.y
                                || b.y + b.height <= a.y
                        };
                        assert!(placed[at + 1..].iter().all(apart));
                    }
                    let (page, pages) = grid.pages(top);
                    assert!(page >= 1 && page <= pages);
                }
                assert_eq!(grid.above_or_below(0, 1_000).max(all - 1), all - 1);
            }
        }
        let none = Grid::new(&[], 58, 10);
        assert_eq!((none.scrolled_to(0, 3), none.pages(0)), (0, (1, 1)));
        assert!(none.placed(0).is_empty() && none.above_or_below(0, 1) == 0);
    }

    #[test]
    fn tiles_do_not_stand_alone_where_a_low_chart_fits() {
        let mut parts = sections(&[1, 9]);
        parts[0].tile = Some(4);
        for (height, seen) in [(10, 6), (9, 5), (12, 7)] {
            let placed = Grid::new(&parts, 90, height).placed(0);
            let chart = placed.iter().find(|place| place.chart == Some(1)).map(|place| place.height);
            assert_eq!(chart, Some(seen), "{placed:?}");
        }
        // There is no room for one.
        assert_eq!(Grid::new(&parts, 90, 8).placed(0).len(), 1);
    }

    #[test]
    fn few_charts_fill_the_pane() {
        let one = Grid::new(&sections(&[1]), 100, 30);
        assert_eq!(
            one.placed(0),
            [PlacedChart { x: 0, y: 0, width: 100, height: 30, chart: Some(0), section: 0 }]
        );
        let four = Grid::new(&sections(&[4]), 120, 40).placed(0);
        assert_eq!(four.len(), 4);
        assert!(four.iter().all(|place| place.height == 20 && place.width == 60), "{four:?}");
    }
}
