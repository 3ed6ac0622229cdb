//! Two of them against one another: a run or a model, and the champion.

use super::update::deciding;
use super::{CompareScreen, Compared, Show};
use crate::mlflow::RunId;
use crate::tui::core::app::{App, Screen};

/// Opens the comparison of two runs, or models of them, by how the first differs from the second.
pub fn open_with(app: &mut App, mut pair: [Compared; 2]) {
    if pair[0].run == pair[1].run {
        for compared in &mut pair {
            compared.row =
                compared.model.as_ref().map_or(compared.run.clone(), |model| RunId(model.0.clone()));
        }
    }
    let deciding = deciding(app);
    let baseline = pair[1].row.clone();
    let mut screen = CompareScreen::new(pair.to_vec(), deciding.clone());
    screen.deciding = deciding;
    screen.baseline = Some(baseline);
    screen.show = Show::Difference;
    app.screens.push(Screen::Compare(Box::new(screen)));
}
