//! The robot as one multibody.
