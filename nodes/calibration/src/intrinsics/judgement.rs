//! Whether pictures are enough to say what a lens does.

use std::fmt;

use camera::Intrinsics;

use super::{Calibrated, IntrinsicsError, calibrate, coverage::Coverage};
use crate::{board::Board, sample::Sample};

/// What is to be thought of pictures of a board.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What they have shown of the lens.
    pub coverage: Coverage,
    /// What they say of it, once the picture is covered.
    pub found: Option<Result<Calibrated, IntrinsicsError>>,
}

impl Judgement {
    /// Of samples of a board and what the camera says of itself.
    #[must_use]
    pub fn of(camera: &Intrinsics, board: &Board, samples: &[Sample]) -> Self {
        let coverage = Coverage::of(camera, board, samples);
        let found = coverage
            .is_complete()
            .then(|| calibrate(camera, board, samples));
        Self { coverage, found }
    }

    /// What the pictures say, if they are enough.
    ///
    /// # Errors
    /// Says in plain words what is missing.
    pub fn verdict(&self) -> Result<&Calibrated, String> {
        match &self.found {
            None => Err(self.coverage.to_string()),
            Some(Err(error)) => Err(format!("{}, but {error}", self.coverage)),
            Some(Ok(found)) => match found.objection() {
                Some(objection) => Err(format!("{}, but {objection}", self.coverage)),
                None => Ok(found),
            },
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict() {
            Ok(_) => self.coverage.fmt(formatter),
            Err(missing) => formatter.write_str(&missing),
        }
    }
}
