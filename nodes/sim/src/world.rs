//! The physical world: robot, table and objects.
