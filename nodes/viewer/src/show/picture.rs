//! The camera's pictures: colour with the target's mask over it, and depth.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bus::{Node, Qos, Subscription, Time};
use msgs::sensor_msgs::Image;
use pointcloud::{DepthImage, ImageError, MaskImage};
use re_sdk_types::archetypes::{
    AnnotationContext, Boxes2D, DepthImage as DepthPicture, Image as Picture, SegmentationImage,
};
use re_sdk_types::components::{Color, Colormap, ImageFormat};
use re_sdk_types::datatypes::{AnnotationInfo, ChannelDatatype, ColorModel, Rgba32};

use super::cell::CAMERA;
use super::{Log, TARGET};
use crate::status::Status;

/// Colour pictures that wait for their mask: segmentation can be that many behind.
const KEPT: usize = 12;
/// A segmentation that has been silent for so long is not waited for.
const MASK_PATIENCE: Duration = Duration::from_millis(600);
/// Every so-manieth pixel of the depth image is shown.
const DEPTH_STEP: u32 = 2;
/// The depths between which the colours of the depth image change, m.
const DEPTH_RANGE_M: [f64; 2] = [0.3, 1.4];

/// Classes of the overlay's pixels.
const INSIDE: u8 = 1;
const RIM: u8 = 2;

/// Why a picture is not shown.
#[derive(Debug, thiserror::Error)]
enum PictureError {
    #[error("pictures in {0:?} are not shown; publish rgb8, bgr8 or mono8, and depth as 16UC1")]
    Encoding(String),
    #[error("pictures whose rows are padded or cut off are not shown")]
    Padded,
    #[error(transparent)]
    Layout(#[from] ImageError),
}

/// Shows the pictures.
pub(crate) struct Pictures {
    colours: Subscription<Image>,
    depths: Subscription<Image>,
    masks: Subscription<Image>,
    recent: VecDeque<Arc<Image>>,
    depth: Option<Arc<Image>>,
    /// The newest mask, as long as it has not been drawn.
    mask: Option<Arc<Image>>,
    mask_at: Option<Time>,
    colour_at: Option<Time>,
    next_colour: Time,
    next_depth: Time,
    period: Duration,
    complained: bool,
}

impl Pictures {
    /// Shows at most `rate` pictures a second.
    pub(crate) fn new(node: &Node, rate: f64, log: &Log) -> bus::Result<Self> {
        let [red, green, blue] = TARGET;
        let class = |id: u8, name: &str, alpha| AnnotationInfo {
            id: u16::from(id),
            label: Some(name.into()),
            color: Some(Rgba32::from_unmultiplied_rgba(red, green, blue, alpha)),
        };
        let classes = [
            class(0, "", 0),
            class(INSIDE, "target", 110),
            class(RIM, "target", 255),
        ];
        log.put_static(CAMERA, &AnnotationContext::new(classes));
        Ok(Self {
            colours: node.subscribe("camera/color/image_raw", Qos::sensor_data())?,
            depths: node.subscribe(
                "camera/aligned_depth_to_color/image_raw",
                Qos::sensor_data(),
            )?,
            masks: node.subscribe("segmentation/mask", Qos::sensor_data())?,
            recent: VecDeque::new(),
            depth: None,
            mask: None,
            mask_at: None,
            colour_at: None,
            next_colour: Time::ZERO,
            next_depth: Time::ZERO,
            period: Duration::from_secs_f64(1.0 / rate),
            complained: false,
        })
    }

    /// The newest colour picture and the depth that was taken with it.
    pub(crate) fn newest(&self) -> Option<(&Image, &Image)> {
        let depth = self.depth.as_deref()?;
        let is_same = |colour: &&Arc<Image>| colour.header.stamp == depth.header.stamp;
        let colour = self.recent.iter().rev().find(is_same)?;
        Some((colour, depth))
    }

    /// Takes in what has come, and draws it when somebody looks and it is time.
    pub(crate) fn draw(&mut self, now: Time, is_seen: bool, log: &Log, status: &mut Status) {
        while let Some(colour) = self.colours.try_next() {
            self.colour_at = Some(now);
            colour.header.frame_id.clone_into(&mut status.camera_frame);
            self.recent.push_back(colour);
            if self.recent.len() > KEPT {
                self.recent.pop_front();
            }
        }
        if let Some(depth) = self.depths.latest() {
            self.depth = Some(depth);
        }
        if let Some(mask) = self.masks.latest() {
            self.mask = Some(mask);
            self.mask_at = Some(now);
        }
        status.picture_age_s = self
            .colour_at
            .map(|at| (now.saturating_since(at).as_secs_f64() * 10.0).round() / 10.0);
        if !is_seen {
            return;
        }
        if now >= self.next_colour {
            let mask = self.mask.take();
            match self.draw_colour(now, mask.as_deref(), log, status) {
                Ok(true) => self.next_colour = now + self.period.mul_f64(0.9),
                Ok(false) => {}
                Err(error) => self.complain(&error),
            }
        }
        if now >= self.next_depth
            && let Some(depth) = &self.depth
        {
            self.next_depth = now + self.period * 2;
            if let Err(error) = draw_depth(depth, log) {
                self.complain(&error);
            }
        }
    }

    /// Draws the picture that the mask is of; without a segmentation, the newest one.
    fn draw_colour(
        &self,
        now: Time,
        mask: Option<&Image>,
        log: &Log,
        status: &Status,
    ) -> Result<bool, PictureError> {
        let Some(mask) = mask else {
            let is_awaited = self
                .mask_at
                .is_some_and(|at| now.saturating_since(at) < MASK_PATIENCE);
            let Some(newest) = self.recent.back().filter(|_| !is_awaited) else {
                return Ok(false);
            };
            put_colour(newest, log)?;
            put_mask(None, status, log);
            return Ok(true);
        };
        let is_same = |colour: &&Arc<Image>| colour.header.stamp == mask.header.stamp;
        let Some(colour) = self.recent.iter().find(is_same) else {
            return Ok(false);
        };
        put_colour(colour, log)?;
        let mask = MaskImage::new(mask.width, mask.height, mask.step as usize, &mask.data)?;
        put_mask(Some(&mask), status, log);
        Ok(true)
    }

    /// Says once what is wrong; a camera sends many pictures of the same kind.
    fn complain(&mut self, error: &PictureError) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!("{error}");
        }
    }
}

/// Not packed: the viewer unpacks pictures in the background, and shows that it does so with each of them.
fn put_colour(colour: &Image, log: &Log) -> Result<(), PictureError> {
    let (model, bytes_per_pixel) = match colour.encoding.as_str() {
        "rgb8" => (ColorModel::RGB, 3),
        "bgr8" => (ColorModel::BGR, 3),
        "mono8" => (ColorModel::L, 1),
        other => return Err(PictureError::Encoding(other.to_owned())),
    };
    let (width, height) = (colour.width, colour.height);
    let row = width as usize * bytes_per_pixel;
    if colour.step as usize != row || colour.data.len() != row * height as usize {
        return Err(PictureError::Padded);
    }
    let picture = Picture::from_color_model_and_bytes(
        colour.data.clone(),
        [width, height],
        model,
        ChannelDatatype::U8,
    );
    log.put(&format!("{CAMERA}/image"), &picture);
    Ok(())
}

/// Draws the mask with a rim, and a frame that tells its score.
fn put_mask(mask: Option<&MaskImage<'_>>, status: &Status, log: &Log) {
    let bounds = mask.and_then(|mask| Some((mask, mask.bounds()?)));
    let Some((mask, bounds)) = bounds else {
        log.put(
            &format!("{CAMERA}/image/mask"),
            &segmentation(vec![0], [1, 1]),
        );
        log.put(
            &format!("{CAMERA}/image/target"),
            &Boxes2D::from_half_sizes([[0.0_f32; 2]; 0]),
        );
        return;
    };
    let (width, height) = mask.size();
    log.put(
        &format!("{CAMERA}/image/mask"),
        &segmentation(classes(mask), [width, height]),
    );
    let [left, right] = [bounds.columns.0 as f32 - 3.0, bounds.columns.1 as f32 + 3.0];
    let [top, bottom] = [bounds.rows.0 as f32 - 3.0, bounds.rows.1 as f32 + 3.0];
    let [red, green, blue] = TARGET;
    let frame = Boxes2D::from_mins_and_sizes([[left, top]], [[right - left, bottom - top]])
        .with_colors([Color::from_rgb(red, green, blue)])
        .with_labels([format!("{} {:.2}", status.target, status.score)])
        .with_show_labels(true);
    log.put(&format!("{CAMERA}/image/target"), &frame);
}

/// A class for each pixel: beside, inside or on the rim of the mask.
fn classes(mask: &MaskImage<'_>) -> Vec<u8> {
    let (width, height) = mask.size();
    let mut classes = Vec::with_capacity(width as usize * height as usize);
    for v in 0..height {
        let row = mask.row(v);
        let (above, below) = (mask.row(v.wrapping_sub(1)), mask.row(v + 1));
        let is_on = |row: &[u8], u: usize| row.get(u).is_some_and(|value| *value != 0);
        classes.extend((0..width as usize).map(|u| match is_on(row, u) {
            false => 0,
            true => {
                let is_inner = is_on(row, u + 1)
                    && is_on(row, u.wrapping_sub(1))
                    && is_on(above, u)
                    && is_on(below, u);
                if is_inner { INSIDE } else { RIM }
            }
        }));
    }
    classes
}

fn segmentation(classes: Vec<u8>, size: [u32; 2]) -> SegmentationImage {
    SegmentationImage::new(
        classes,
        ImageFormat::segmentation(size, ChannelDatatype::U8),
    )
    .with_opacity(1.0)
    .with_draw_order(1.0)
}

fn draw_depth(depth: &Image, log: &Log) -> Result<(), PictureError> {
    if depth.encoding != "16UC1" {
        return Err(PictureError::Encoding(depth.encoding.clone()));
    }
    let image = DepthImage::try_from(depth)?;
    let size = [depth.width / DEPTH_STEP, depth.height / DEPTH_STEP];
    let rows = (0..size[1]).map(|v| image.row(v * DEPTH_STEP));
    let bytes: Vec<u8> = rows
        .flat_map(|row| (0..size[0]).map(move |u| row.millimetres((u * DEPTH_STEP) as usize)))
        .flat_map(u16::to_le_bytes)
        .collect();
    let picture = DepthPicture::from_gray16(bytes, size)
        .with_meter(1000.0)
        .with_colormap(Colormap::Turbo)
        .with_depth_range(DEPTH_RANGE_M.map(|metres| metres * 1000.0));
    log.put("depth/image", &picture);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rim_is_what_touches_the_outside() {
        let data: Vec<u8> = (0..5 * 4)
            .map(|at| {
                let (u, v) = (at % 5, at / 5);
                u8::from((1..=3).contains(&u) && v <= 2) * 255
            })
            .collect();
        let mask = MaskImage::new(5, 4, 5, &data).unwrap();
        #[rustfmt::skip]
        let expected = [
            0, 2, 2, 2, 0,
            0, 2, 1, 2, 0,
            0, 2, 2, 2, 0,
            0, 0, 0, 0, 0,
        ];
        assert_eq!(classes(&mask), expected);
    }
}
