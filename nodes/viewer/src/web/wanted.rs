//! What the page's buttons and clicks ask for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use supervisor::machine::Request;

use super::Shared;

/// What became of it, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    /// A page tells an answer by this from what else it hears.
    ok: bool,
    message: String,
}

impl From<Result<String, String>> for Answer {
    fn from(result: Result<String, String>) -> Self {
        let ok = result.is_ok();
        let (Ok(message) | Err(message)) = result;
        Self { ok, message }
    }
}

/// A click in one of the viewer's views.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(tag = "view", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Click {
    /// On the camera image: column and row in pixels.
    Camera {
        /// Column and row.
        pixel: [f64; 2],
        /// Whether the pixel is beside the object, to correct its mask.
        #[serde(default)]
        beside: bool,
    },
    /// On something in the scene.
    Scene {
        /// In the frame of the scene, m.
        point: [f64; 3],
    },
}

pub(super) async fn click(
    State(shared): State<Arc<Shared>>,
    Json(click): Json<Click>,
) -> Json<Answer> {
    let status = shared.status.borrow().clone();
    let result = if status.moving {
        Err(format!(
            "{}: stop or release before you point at something else",
            status.words
        ))
    } else {
        shared.desk.point(&click, &status.camera_frame)
    };
    Json(result.into())
}

pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    Path(service): Path<String>,
) -> Result<Json<Answer>, StatusCode> {
    let request = Request::named(&service).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(shared.desk.call(request).await.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clicks_are_read() {
        let read = |text| serde_json::from_str::<Click>(text).ok();
        assert_eq!(
            read(r#"{"view": "camera", "pixel": [3.5, 4]}"#),
            Some(Click::Camera {
                pixel: [3.5, 4.0],
                beside: false
            })
        );
        assert_eq!(
            read(r#"{"view": "scene", "point": [0.1, 0.2, 0.3]}"#),
            Some(Click::Scene {
                point: [0.1, 0.2, 0.3]
            })
        );
        for wrong in [
            r#"{"view": "camera", "pixel": [3.5]}"#,
            r#"{"view": "scene", "pixel": [1, 2]}"#,
            r#"{"view": "camera", "pixel": [1, null]}"#,
            "{}",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            serde_json::from_str::<Click>(&text).ok();
        }
    }
}
