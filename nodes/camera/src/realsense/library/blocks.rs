//! What librealsense does with a set of images: filters of depth, and alignment.
#![allow(
    unsafe_code,
    reason = "the filters of realsense-rust take single images; aligning needs sets, which its -sys crate filters"
)]

use std::ffi::CStr;
use std::ptr::{self, NonNull};

use realsense_rust::frame::CompositeFrame;
use realsense_sys as sys;

use super::{lasting, passing};
use crate::realsense::camera::Trouble;
use crate::realsense::parameters::{Filters, HoleFilling};

/// What is done with a set of images, in the order that librealsense's authors advise.
pub(super) fn blocks(filters: &Filters) -> Result<Vec<Block>, Trouble> {
    let mut blocks = Vec::new();
    // SAFETY (all of this function): the constructors take no pointer but that for the error, which `Block::new` hands in.
    if filters.decimation > 1 {
        let block = Block::new(|error| unsafe { sys::rs2_create_decimation_filter_block(error) })?;
        block.set(
            sys::rs2_option_RS2_OPTION_FILTER_MAGNITUDE,
            filters.decimation as f32,
        )?;
        blocks.push(block);
    }
    let smooths = filters.spatial || filters.temporal;
    if smooths {
        blocks.push(Block::new(|error| unsafe {
            sys::rs2_create_disparity_transform_block(1, error)
        })?);
    }
    if filters.spatial {
        blocks.push(Block::new(|error| unsafe {
            sys::rs2_create_spatial_filter_block(error)
        })?);
    }
    if filters.temporal {
        blocks.push(Block::new(|error| unsafe {
            sys::rs2_create_temporal_filter_block(error)
        })?);
    }
    if smooths {
        blocks.push(Block::new(|error| unsafe {
            sys::rs2_create_disparity_transform_block(0, error)
        })?);
    }
    if let Some(filling) = filters.hole_filling {
        let block =
            Block::new(|error| unsafe { sys::rs2_create_hole_filling_filter_block(error) })?;
        let value = match filling {
            HoleFilling::Left => 0.0,
            HoleFilling::Farthest => 1.0,
            HoleFilling::Nearest => 2.0,
        };
        block.set(sys::rs2_option_RS2_OPTION_HOLES_FILL, value)?;
        blocks.push(block);
    }
    blocks.push(Block::new(|error| unsafe {
        sys::rs2_create_align(sys::rs2_stream_RS2_STREAM_COLOR, error)
    })?);
    Ok(blocks)
}

/// A processing block of librealsense with the queue that its results come into.
#[derive(Debug)]
pub(super) struct Block {
    block: NonNull<sys::rs2_processing_block>,
    queue: NonNull<sys::rs2_frame_queue>,
}

impl Block {
    fn new(
        create: impl FnOnce(*mut *mut sys::rs2_error) -> *mut sys::rs2_processing_block,
    ) -> Result<Self, Trouble> {
        let block = checked(create)?;
        let block = NonNull::new(block).ok_or_else(|| lasting("librealsense gives no filter"))?;
        // SAFETY: the call takes no pointer but that for the error.
        let queue = checked(|error| unsafe { sys::rs2_create_frame_queue(1, error) });
        let queue = queue.and_then(|queue| {
            NonNull::new(queue).ok_or_else(|| lasting("librealsense gives no queue"))
        });
        let queue = match queue {
            Ok(queue) => queue,
            Err(trouble) => {
                // SAFETY: the block was made above and is used by nobody.
                unsafe { sys::rs2_delete_processing_block(block.as_ptr()) };
                return Err(trouble);
            }
        };
        let made = Self { block, queue };
        // SAFETY: both were made above, and live as long as `made`.
        checked(|error| unsafe {
            sys::rs2_start_processing_queue(block.as_ptr(), queue.as_ptr(), error);
        })?;
        Ok(made)
    }

    fn set(&self, option: sys::rs2_option, value: f32) -> Result<(), Trouble> {
        // SAFETY: the block lives; in librealsense it is an object with options.
        checked(|error| unsafe {
            let options = self.block.as_ptr().cast::<sys::rs2_options>();
            sys::rs2_set_option(options, option, value, error);
        })
    }

    pub(super) fn process(&mut self, set: CompositeFrame) -> Result<CompositeFrame, Trouble> {
        // SAFETY: the block lives, and takes over the set whatever happens.
        checked(|error| unsafe {
            let set = set.get_owned_raw();
            sys::rs2_process_frame(self.block.as_ptr(), set.as_ptr(), error);
        })?;
        let mut result = ptr::null_mut();
        // SAFETY: the queue lives; the result is this function's to release, which CompositeFrame does.
        checked(|error| unsafe {
            sys::rs2_poll_for_frame(self.queue.as_ptr(), &raw mut result, error)
        })?;
        NonNull::new(result)
            .map(CompositeFrame::from)
            .ok_or_else(|| passing("a filter of librealsense gives no image"))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: both were made by `new`, and nobody else has them.
        unsafe {
            sys::rs2_delete_processing_block(self.block.as_ptr());
            sys::rs2_delete_frame_queue(self.queue.as_ptr());
        }
    }
}

/// What a call of the library gives, or what it says of its failure.
fn checked<T>(call: impl FnOnce(*mut *mut sys::rs2_error) -> T) -> Result<T, Trouble> {
    let mut error = ptr::null_mut();
    let value = call(&raw mut error);
    if error.is_null() {
        return Ok(value);
    }
    // SAFETY: an error that is not null is the library's, and ours to free; its text lives until then.
    let text = unsafe {
        let message = sys::rs2_get_error_message(error);
        let text = if message.is_null() {
            "librealsense has failed and does not say why".to_owned()
        } else {
            CStr::from_ptr(message).to_string_lossy().into_owned()
        };
        sys::rs2_free_error(error);
        text
    };
    Err(Trouble::Passing(text))
}
