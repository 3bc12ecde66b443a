//! Part of the grasp_anything stack.
