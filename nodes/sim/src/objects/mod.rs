//! The catalog of household objects.
