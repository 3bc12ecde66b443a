//! Scenes: which objects lie where.
