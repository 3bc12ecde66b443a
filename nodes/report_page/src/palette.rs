//! Colours by what they mean, for light and dark screens.

use std::fmt::Write as _;

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Plain text.
    Ink,
    /// What stands back: axes, notes.
    Quiet,
    /// Lines of grids and frames.
    Line,
    /// What a figure is about.
    Accent,
    /// Good, as it should be.
    Good,
    /// Bad, beyond a limit.
    Bad,
}

impl Tone {
    const ALL: [Self; 6] = [
        Self::Ink,
        Self::Quiet,
        Self::Line,
        Self::Accent,
        Self::Good,
        Self::Bad,
    ];

    /// The name of its CSS variable and class.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ink => "ink",
            Self::Quiet => "quiet",
            Self::Line => "line",
            Self::Accent => "accent",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }

    /// Red, green and blue on a light screen. Each tone has another, as plots are recoloured by them.
    pub(crate) fn light(self) -> [u8; 3] {
        match self {
            Self::Ink => [0x1B, 0x1F, 0x24],
            Self::Quiet => [0x5B, 0x64, 0x70],
            Self::Line => [0xD9, 0xDD, 0xE3],
            Self::Accent => [0x1F, 0x6F, 0xEB],
            Self::Good => [0x1A, 0x7F, 0x4B],
            Self::Bad => [0xC0, 0x39, 0x2B],
        }
    }

    fn dark(self) -> [u8; 3] {
        match self {
            Self::Ink => [0xE6, 0xE8, 0xEB],
            Self::Quiet => [0x9A, 0xA3, 0xAF],
            Self::Line => [0x33, 0x3A, 0x45],
            Self::Accent => [0x58, 0xA6, 0xFF],
            Self::Good => [0x3F, 0xB9, 0x73],
            Self::Bad => [0xF0, 0x71, 0x6A],
        }
    }
}

/// The colours as CSS. Plots name theirs by attributes, for which any rule of a style sheet stands in.
pub(crate) fn css() -> String {
    let hex = |[r, g, b]: [u8; 3]| format!("#{r:02X}{g:02X}{b:02X}");
    let (mut light, mut dark, mut rules) = (String::new(), String::new(), String::new());
    for tone in Tone::ALL {
        let (name, in_plots) = (tone.name(), hex(tone.light()));
        // Writing to a string cannot fail.
        write!(light, "--{name}:{in_plots};").ok();
        write!(dark, "--{name}:{};", hex(tone.dark())).ok();
        for property in ["fill", "stroke"] {
            writeln!(
                rules,
                "svg [{property}=\"{in_plots}\"]{{{property}:var(--{name})}}"
            )
            .ok();
        }
        writeln!(rules, ".{name}{{--tone:var(--{name})}}").ok();
    }
    format!(":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{rules}")
}
