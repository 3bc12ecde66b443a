//! From linear light to sRGB bytes.

/// Entries a unit of the square root of light.
const RESOLUTION: f32 = 1024.0;
/// Light at which the curve has reached white.
const WHITE: f32 = 4.0;
/// Light up to which the curve is exactly sRGB.
const SHOULDER: f32 = 0.75;

/// A table from the square root of linear light to a byte: sRGB with a soft shoulder, so that
/// bright spots keep their colour.
#[derive(Debug)]
pub(super) struct ToneCurve {
    table: Vec<u8>,
}

impl Default for ToneCurve {
    fn default() -> Self {
        let entries = (WHITE.sqrt() * RESOLUTION) as usize + 1;
        let table = (0..entries)
            .map(|i| {
                let light = (i as f32 / RESOLUTION).powi(2);
                let rest = 1.0 - SHOULDER;
                let rolled = if light < SHOULDER {
                    light
                } else {
                    SHOULDER + rest * (1.0 - (-(light - SHOULDER) / rest).exp())
                };
                let encoded = if rolled < 0.003_130_8 {
                    rolled * 12.92
                } else {
                    1.055 * rolled.powf(1.0 / 2.4) - 0.055
                };
                (encoded * 255.0 + 0.5).clamp(0.0, 255.0) as u8
            })
            .collect();
        Self { table }
    }
}

impl ToneCurve {
    /// Writes a row of linear colours as interleaved bytes. The colours are used up.
    pub(super) fn write(&self, mut colour: [&mut [f32]; 3], rgb: &mut [u8]) {
        for channel in &mut colour {
            for light in channel.iter_mut() {
                // Adding 2^23 leaves the rounded index in the low bits, which vectorises.
                let index = light.clamp(0.0, WHITE).sqrt() * RESOLUTION + 8_388_608.0;
                *light = index;
            }
        }
        let byte =
            |index: f32| self.table[(index.to_bits() as usize & 0xfff).min(self.table.len() - 1)];
        let [red, green, blue] = colour;
        for (((pixel, &mut r), &mut g), &mut b) in
            rgb.chunks_exact_mut(3).zip(red).zip(green).zip(blue)
        {
            pixel[0] = byte(r);
            pixel[1] = byte(g);
            pixel[2] = byte(b);
        }
    }
}
