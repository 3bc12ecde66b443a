//! OpenCV's dictionaries of markers, in either of the places where its versions have them.

use opencv::{
    core::{Mat, MatTraitConst as _, MatTraitConstManual as _, Point2f, Vector},
    prelude::*,
};

#[cfg(aruco_in_objdetect)]
use opencv::objdetect;
#[cfg(not(aruco_in_objdetect))]
use opencv::{aruco, core::Ptr};

/// The names of the dictionaries, in OpenCV's order.
const NAMES: [&str; 21] = [
    "DICT_4X4_50",
    "DICT_4X4_100",
    "DICT_4X4_250",
    "DICT_4X4_1000",
    "DICT_5X5_50",
    "DICT_5X5_100",
    "DICT_5X5_250",
    "DICT_5X5_1000",
    "DICT_6X6_50",
    "DICT_6X6_100",
    "DICT_6X6_250",
    "DICT_6X6_1000",
    "DICT_7X7_50",
    "DICT_7X7_100",
    "DICT_7X7_250",
    "DICT_7X7_1000",
    "DICT_ARUCO_ORIGINAL",
    "DICT_APRILTAG_16h5",
    "DICT_APRILTAG_25h9",
    "DICT_APRILTAG_36h10",
    "DICT_APRILTAG_36h11",
];

/// Refine corners to parts of a pixel (OpenCV's `CORNER_REFINE_SUBPIX`).
const SUB_PIXEL: i32 = 1;

/// A dictionary that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DictionaryError {
    /// No dictionary of that name.
    #[error("there is no dictionary `{name}`; there are {}", NAMES.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The dictionary has no such marker.
    #[error(
        "{name} has no marker {id}: it has {count}, counted from 0; choose a larger dictionary or lower numbers"
    )]
    NoMarker {
        /// The dictionary.
        name: String,
        /// The number.
        id: u32,
        /// How many markers it has.
        count: i32,
    },
    /// OpenCV refused something.
    #[error("OpenCV: {0}")]
    OpenCv(#[from] opencv::Error),
}

/// A dictionary with its detector.
pub(super) struct Dictionary {
    name: String,
    #[cfg(not(aruco_in_objdetect))]
    inner: Ptr<aruco::Dictionary>,
    #[cfg(not(aruco_in_objdetect))]
    parameters: Ptr<aruco::DetectorParameters>,
    #[cfg(aruco_in_objdetect)]
    inner: objdetect::Dictionary,
    #[cfg(aruco_in_objdetect)]
    detector: objdetect::ArucoDetector,
}

/// Number and corners (left upper, right upper, right lower, left lower) of each marker that was found.
pub(super) type Found = Vec<(i32, [Point2f; 4])>;

impl Dictionary {
    pub(super) fn new(name: &str) -> Result<Self, DictionaryError> {
        let place = NAMES
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| DictionaryError::Unknown {
                name: name.to_owned(),
            })?;
        let place = i32::try_from(place).unwrap_or_default();
        #[cfg(not(aruco_in_objdetect))]
        {
            let mut parameters = aruco::DetectorParameters::create()?;
            parameters.set_corner_refinement_method(SUB_PIXEL);
            Ok(Self {
                name: name.to_owned(),
                inner: aruco::get_predefined_dictionary_i32(place)?,
                parameters,
            })
        }
        #[cfg(aruco_in_objdetect)]
        {
            let inner = objdetect::get_predefined_dictionary_i32(place)?;
            let mut parameters = objdetect::DetectorParameters::default()?;
            parameters.set_corner_refinement_method(SUB_PIXEL);
            let refinement = objdetect::RefineParameters::new_def()?;
            let detector = objdetect::ArucoDetector::new(&inner, &parameters, refinement)?;
            Ok(Self {
                name: name.to_owned(),
                inner,
                detector,
            })
        }
    }

    /// The cells of a marker row by row with its black border; true is black.
    pub(super) fn cells(&self, id: u32) -> Result<Vec<Vec<bool>>, DictionaryError> {
        let count = self.inner.bytes_list().rows();
        let number = i32::try_from(id)
            .ok()
            .filter(|number| *number < count)
            .ok_or_else(|| DictionaryError::NoMarker {
                name: self.name.clone(),
                id,
                count,
            })?;
        let side = self.inner.marker_size() + 2;
        let mut image = Mat::default();
        #[cfg(not(aruco_in_objdetect))]
        aruco::draw_marker(&self.inner, number, side, &mut image, 1)?;
        #[cfg(aruco_in_objdetect)]
        objdetect::generate_image_marker(&self.inner, number, side, &mut image, 1)?;
        let width = usize::try_from(side).unwrap_or(1);
        let cells = image.data_bytes()?.chunks(width);
        Ok(cells
            .map(|row| row.iter().map(|cell| *cell == 0).collect())
            .collect())
    }

    /// The markers in a grey picture.
    pub(super) fn detect(&self, picture: &Mat) -> Result<Found, DictionaryError> {
        let mut corners = Vector::<Vector<Point2f>>::new();
        let mut ids = Vector::<i32>::new();
        let mut others = Vector::<Vector<Point2f>>::new();
        #[cfg(not(aruco_in_objdetect))]
        aruco::detect_markers(
            picture,
            &self.inner,
            &mut corners,
            &mut ids,
            &self.parameters,
            &mut others,
        )?;
        #[cfg(aruco_in_objdetect)]
        self.detector
            .detect_markers(picture, &mut corners, &mut ids, &mut others)?;
        Ok(ids
            .iter()
            .zip(corners.iter())
            .filter_map(|(id, corners)| {
                Some((id, <[Point2f; 4]>::try_from(corners.to_vec()).ok()?))
            })
            .collect())
    }
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dictionary")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
