//! Surface materials: a base colour, a roughness and a procedural pattern.

/// How a surface looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Base colour, sRGB in 0..1.
    pub rgb: [f32; 3],
    /// 0 = mirror-like highlights, 1 = matt.
    pub roughness: f32,
    /// What is printed on the base colour.
    pub pattern: Pattern,
}

/// A procedural pattern over the part's own coordinates (metres).
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// One colour.
    Plain,
    /// Bands of a second colour across the part's z axis.
    Stripes {
        /// Colour of every second band, sRGB in 0..1.
        rgb: [f32; 3],
        /// Width of a band in metres.
        width_m: f32,
    },
    /// A three-dimensional chequerboard with a second colour.
    Checker {
        /// Colour of every second cell, sRGB in 0..1.
        rgb: [f32; 3],
        /// Side of a cell in metres.
        cell_m: f32,
    },
    /// A printed label: a band of a second colour with lettering-like marks of a third.
    Label {
        /// Colour of the label, sRGB in 0..1.
        rgb: [f32; 3],
        /// Colour of the marks on it, sRGB in 0..1.
        ink: [f32; 3],
        /// Seed of the marks, so that two products differ.
        seed: u32,
    },
    /// Smooth random mottling of the base colour.
    Noise {
        /// Relative strength, 0..1.
        amplitude: f32,
        /// Size of the mottles in metres.
        scale_m: f32,
    },
    /// Wood grain along the part's x axis.
    Wood,
}
