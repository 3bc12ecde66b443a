//! Many small random numbers at little cost.

use std::sync::LazyLock;

use rand::Rng;

/// Entries of the table; a power of two.
const ENTRIES: usize = 4096;

/// Quantiles of the standard normal distribution at the middles of equal probabilities, so that
/// drawing an entry at random draws a normal number.
static NORMAL: LazyLock<Box<[f32; ENTRIES]>> = LazyLock::new(|| {
    let mut table = Box::new([0.0; ENTRIES]);
    let (mut z, step) = (-4.2_f64, 1e-4);
    let mut below = 0.0;
    for (entry, value) in table.iter_mut().enumerate() {
        let target = (entry as f64 + 0.5) / ENTRIES as f64;
        while below < target && z < 4.2 {
            below += (-0.5 * (z + 0.5 * step).powi(2)).exp() / (2.0 * std::f64::consts::PI).sqrt()
                * step;
            z += step;
        }
        *value = z as f32;
    }
    table
});

/// Normally distributed numbers (mean 0, deviation 1) in great quantity: five from each draw of 64 bits.
#[derive(Debug)]
pub(super) struct NormalStream<'a, R> {
    rng: &'a mut R,
    table: &'static [f32; ENTRIES],
    bits: u64,
    left: u32,
}

impl<'a, R: Rng> NormalStream<'a, R> {
    pub(super) fn new(rng: &'a mut R) -> Self {
        Self {
            rng,
            table: &NORMAL,
            bits: 0,
            left: 0,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> f32 {
        if self.left == 0 {
            self.bits = self.rng.next_u64();
            self.left = 5;
        }
        let value = self.table[self.bits as usize % ENTRIES];
        self.bits >>= 12;
        self.left -= 1;
        value
    }
}

/// A smooth random field: independent normal numbers on a coarse grid, interpolated between.
///
/// Its deviation is 1 at the nodes and about 2/3 on average.
#[derive(Debug, Default)]
pub(super) struct SmoothField {
    nodes: Vec<f32>,
    columns: usize,
    scale: f32,
    /// For each pixel of a row, the node to its left and the share of the way to the next.
    places: Vec<(u16, f32)>,
    /// Nodes interpolated to the row asked for.
    line: Vec<f32>,
}

impl SmoothField {
    /// Draws a field over `width` x `height` pixels with a node every `spacing` pixels (1 or more).
    pub(super) fn draw(&mut self, width: usize, height: usize, spacing: f32, rng: &mut impl Rng) {
        self.scale = 1.0 / spacing.max(1.0);
        self.columns = (width as f32 * self.scale) as usize + 2;
        let rows = (height as f32 * self.scale) as usize + 2;
        let mut normal = NormalStream::new(rng);
        self.nodes.clear();
        self.nodes
            .extend((0..self.columns * rows).map(|_| normal.next()));
        self.places.clear();
        self.places.extend((0..width).map(|x| {
            let u = x as f32 * self.scale;
            (u as u16, u.fract())
        }));
    }

    /// Writes row `y` of the field.
    pub(super) fn row(&mut self, y: usize, out: &mut [f32]) {
        let v = y as f32 * self.scale;
        let (row, t) = (v as usize, v.fract());
        let upper = &self.nodes[row * self.columns..][..self.columns];
        let lower = &self.nodes[(row + 1) * self.columns..][..self.columns];
        self.line.clear();
        self.line
            .extend(upper.iter().zip(lower).map(|(a, b)| a + (b - a) * t));
        for (value, &(column, s)) in out.iter_mut().zip(&self.places) {
            let column = usize::from(column);
            let (a, b) = (self.line[column], self.line[column + 1]);
            *value = a + (b - a) * s;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn the_stream_is_standard_normal() {
        let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(1);
        let mut stream = NormalStream::new(&mut rng);
        let samples: Vec<f64> = (0..200_000).map(|_| f64::from(stream.next())).collect();
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n;
        let beyond_two = samples.iter().filter(|s| s.abs() > 2.0).count() as f64 / n;
        assert!(
            mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
        assert!((beyond_two - 0.0455).abs() < 0.003, "{beyond_two}");
    }
}
