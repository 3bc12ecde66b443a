//! The simulated cell: a UR5 with a five-finger SCHUNK SIH hand before a table of household objects.
//!
//! Three layers, each usable without the next:
//!
//! 1. **Physics** ([`world`], [`robot_body`], [`objects`], [`scene`]) knows neither the bus nor the renderer's pixels.
//!    A [`world::World`] holds the robot, the table and a [`scene::Scene`] of [`objects`]; it advances 4 ms at a time and
//!    gives the same states bit for bit on every run.
//! 2. **Pictures** ([`render`], [`dataset`]): colour, metric depth and instance ids of what [`world::World::visuals`] returns.
//! 3. **Hardware faces** ([`faces`], [`node`]): the cell behind the protocols of the real controllers and the camera, so that
//!    drivers run against it unmodified.
//!
//! Frames and units: the world frame is the robot's `base_link` frame, z up, the table's surface at z = 0. Metres, radians,
//! kilograms, newtons, seconds.

pub mod board;
pub mod collider;
pub mod convex;
pub mod dataset;
pub mod faces;
pub mod hand_servo;
pub mod mounting;
pub mod node;
pub mod objects;
pub mod render;
pub mod robot_body;
pub mod scene;
pub mod shape;
pub mod table;
pub mod units;
pub mod world;

mod contact_rules;
mod rolling;
mod state_hash;
