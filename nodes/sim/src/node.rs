//! The bus node that owns the world, the renderer and the hardware faces.
