//! The segmenter's manifest: files, digests, contract, normalisation.

use std::path::{Path, PathBuf};

use inference::{DType, Dimension, ModelDescription, TensorSpec};
use serde::Deserialize;

use crate::SegmentationError;

/// What `models/segmenter/manifest.yaml` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model.
    pub name: String,
    /// `promptable_segmenter`.
    pub kind: String,
    /// Size of the image that the encoder takes.
    pub frame: FrameSize,
    /// How pixels become numbers.
    pub normalisation: Normalisation,
    /// The two ONNX files.
    pub models: Models,
}

/// A size in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameSize {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// How pixels become the encoder's numbers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Subtracted from red, green and blue in 0..1.
    pub mean: [f32; 3],
    /// Divides what is left.
    pub std: [f32; 3],
    /// Unit of depth.
    pub depth: DepthUnit,
}

/// Unit in which the encoder takes depth; 0 means not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DepthUnit {
    /// Metres.
    Metres,
}

/// The two halves of the model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Run once a frame.
    pub encoder: ModelDescription,
    /// Run once a prompt.
    pub decoder: ModelDescription,
}

/// Outputs of the encoder that the decoder takes as they are.
pub(crate) const FEATURES: [&str; 3] = ["features", "keys", "context"];

impl Manifest {
    /// Reads a manifest and checks that it describes a model of the kind that this crate drives.
    ///
    /// # Errors
    /// [`SegmentationError::ReadManifest`] or [`SegmentationError::Manifest`].
    pub fn load(path: &Path) -> Result<Self, SegmentationError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| SegmentationError::ReadManifest {
                path: path.to_path_buf(),
                source,
            })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SegmentationError> {
        let wrong = |reason: String| SegmentationError::Manifest {
            path: path.to_path_buf(),
            reason,
        };
        let manifest: Self =
            serde_yaml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if manifest.kind != "promptable_segmenter" {
            return Err(wrong(format!(
                "kind is {:?}, not \"promptable_segmenter\"",
                manifest.kind
            )));
        }
        let FrameSize { width, height } = manifest.frame;
        if width == 0
            || height == 0
            || width % 4 != 0
            || height % 4 != 0
            || width > 4096
            || height > 4096
        {
            return Err(wrong(format!(
                "a frame of {width}x{height} pixels: both must be multiples of 4 up to 4096"
            )));
        }
        if manifest
            .normalisation
            .std
            .iter()
            .any(|std| !(std.is_finite() && *std > 0.0))
        {
            return Err(wrong("normalisation.std must be positive".to_owned()));
        }
        let problems = manifest.interface_problems();
        if problems.is_empty() {
            Ok(manifest)
        } else {
            Err(wrong(problems.join("; ")))
        }
    }

    /// Folder of the manifest, to which its files are relative.
    pub(crate) fn folder(path: &Path) -> PathBuf {
        path.parent().map(Path::to_path_buf).unwrap_or_default()
    }

    /// Points that the decoder takes at once.
    pub(crate) fn point_slots(&self) -> usize {
        match extents(&self.models.decoder.inputs, "point_labels").as_deref() {
            Some([_, Dimension::Fixed(n)]) => *n,
            _ => 0,
        }
    }

    /// Length of an appearance memory.
    pub(crate) fn memory_length(&self) -> usize {
        match extents(&self.models.decoder.inputs, "memory").as_deref() {
            Some([_, Dimension::Fixed(n)]) => *n,
            _ => 0,
        }
    }

    /// What the crate needs and the manifest's contract lacks.
    fn interface_problems(&self) -> Vec<String> {
        let (w, h) = (self.frame.width as usize, self.frame.height as usize);
        let n = self.point_slots();
        let c = self.memory_length();
        let mut problems = Vec::new();
        if n < 3 {
            problems
                .push("decoder input point_labels must be [1, N] with N of at least 3".to_owned());
        }
        if c == 0 {
            problems.push("decoder input memory must be [1, C]".to_owned());
        }
        let encoder = &self.models.encoder;
        let decoder = &self.models.decoder;
        let wanted: [(&str, &[TensorSpec], &str, &[usize]); 13] = [
            ("encoder input", &encoder.inputs, "image", &[1, 3, h, w]),
            ("encoder input", &encoder.inputs, "depth", &[1, 1, h, w]),
            ("encoder input", &encoder.inputs, "plane", &[1, 3]),
            ("decoder input", &decoder.inputs, "point_coords", &[1, n, 2]),
            ("decoder input", &decoder.inputs, "point_labels", &[1, n]),
            (
                "decoder input",
                &decoder.inputs,
                "mask_input",
                &[1, 1, h / 4, w / 4],
            ),
            ("decoder input", &decoder.inputs, "has_mask_input", &[1, 1]),
            ("decoder input", &decoder.inputs, "memory", &[1, c]),
            ("decoder input", &decoder.inputs, "has_memory", &[1, 1]),
            (
                "decoder output",
                &decoder.outputs,
                "mask_logits",
                &[1, 1, h, w],
            ),
            (
                "decoder output",
                &decoder.outputs,
                "iou_prediction",
                &[1, 1],
            ),
            ("decoder output", &decoder.outputs, "present_logit", &[1, 1]),
            ("decoder output", &decoder.outputs, "embedding", &[1, c]),
        ];
        for (side, specs, name, shape) in wanted {
            let shape: Vec<Dimension> = shape.iter().map(|n| Dimension::Fixed(*n)).collect();
            let expected = TensorSpec {
                name: name.to_owned(),
                dtype: DType::Float32,
                shape,
            };
            if !specs.contains(&expected) {
                problems.push(format!("{side} `{expected}` is missing"));
            }
        }
        for name in FEATURES {
            let given = encoder.outputs.iter().find(|spec| spec.name == name);
            if given.is_none() || given != decoder.inputs.iter().find(|spec| spec.name == name) {
                problems.push(format!(
                    "{name:?} must be an output of the encoder and the same input of the decoder"
                ));
            }
        }
        for (side, specs, known) in [
            ("encoder", &encoder.inputs, 3),
            ("decoder", &decoder.inputs, 9),
        ] {
            if specs.len() > known {
                problems.push(format!(
                    "the {side} has {} inputs, {known} are known",
                    specs.len()
                ));
            }
        }
        problems
    }
}

fn extents(specs: &[TensorSpec], name: &str) -> Option<Vec<Dimension>> {
    specs
        .iter()
        .find(|spec| spec.name == name)
        .map(|spec| spec.shape.clone())
}
