//! Outlier removal on a dense voxel grid: lone points first, then islands away from the object.

use nalgebra::Point3;

/// Voxels of a grid that is still reasonable to allocate for one frame (4 bytes each).
const MAX_CELLS: usize = 4_000_000;

/// How outliers are told from the object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outliers {
    /// Edge of a voxel in metres; also the gap that separates islands.
    pub voxel_m: f32,
    /// Points that a voxel and its 26 neighbours must hold together for the voxel's points to count.
    pub neighbours: u32,
    /// Islands smaller than this part of the largest one are dropped. Fingers in front of an object cut it into parts
    /// of similar size, which must stay; the background that shows at a mask's edge makes small islands.
    pub island_fraction: f32,
}

impl Default for Outliers {
    fn default() -> Self {
        Self {
            voxel_m: 0.012,
            neighbours: 5,
            island_fraction: 0.2,
        }
    }
}

/// Removes the outliers in place and keeps the order of the rest.
pub fn remove_outliers(points: &mut Vec<Point3<f32>>, settings: &Outliers) {
    let Some(grid) = Grid::new(points, settings.voxel_m) else {
        return;
    };
    let mut counts = vec![0_u32; grid.len()];
    for point in points.iter() {
        if let Some(count) = counts.get_mut(grid.cell(point)) {
            *count += 1;
        }
    }
    let dense: Vec<bool> = (0..grid.len())
        .map(|cell| {
            counts.get(cell).is_some_and(|&count| count > 0) && {
                let around: u32 = grid
                    .neighbours(cell)
                    .filter_map(|near| counts.get(near))
                    .sum();
                around >= settings.neighbours
            }
        })
        .collect();
    let islands = Islands::find(&grid, &dense, &counts);
    let keep = islands.large(settings.island_fraction);
    points.retain(|point| {
        islands
            .label(grid.cell(point))
            .is_some_and(|label| keep.get(label).copied().unwrap_or(false))
    });
}

/// A grid over the cloud, with a border of one empty voxel so that every occupied voxel has all its neighbours.
struct Grid {
    origin: Point3<f32>,
    inverse_voxel: f32,
    size: [usize; 3],
}

impl Grid {
    fn new(points: &[Point3<f32>], voxel_m: f32) -> Option<Self> {
        let first = *points.first()?;
        let (mut low, mut high) = (first, first);
        for point in points {
            low = low.inf(point);
            high = high.sup(point);
        }
        let inverse_voxel = voxel_m.recip();
        let size = [0, 1, 2].map(|axis| ((high[axis] - low[axis]) * inverse_voxel) as usize + 3);
        let cells = size
            .iter()
            .try_fold(1_usize, |product, &side| product.checked_mul(side))?;
        (cells <= MAX_CELLS && inverse_voxel.is_finite()).then_some(Self {
            origin: low,
            inverse_voxel,
            size,
        })
    }

    fn len(&self) -> usize {
        self.size.iter().product()
    }

    fn cell(&self, point: &Point3<f32>) -> usize {
        let [x, y, z] = [0, 1, 2]
            .map(|axis| ((point[axis] - self.origin[axis]) * self.inverse_voxel) as usize + 1);
        (z * self.size[1] + y) * self.size[0] + x
    }

    /// The cell itself and the 26 around it; for cells that are not on the border.
    fn neighbours(&self, cell: usize) -> impl Iterator<Item = usize> + use<> {
        let row = self.size[0];
        let layer = self.size[0] * self.size[1];
        (0..27_usize).map(move |i| {
            let (x, y, z) = (i % 3, i / 3 % 3, i / 9);
            (cell + x + y * row + z * layer).wrapping_sub(1 + row + layer)
        })
    }
}

/// Connected groups of dense voxels.
struct Islands {
    labels: Vec<u32>,
    points: Vec<u32>,
}

impl Islands {
    fn find(grid: &Grid, dense: &[bool], counts: &[u32]) -> Self {
        let mut labels = vec![0_u32; dense.len()];
        let mut points = vec![0_u32];
        let mut open = Vec::new();
        for seed in 0..dense.len() {
            if !dense[seed] || labels[seed] != 0 {
                continue;
            }
            let label = points.len() as u32;
            let mut total = 0;
            labels[seed] = label;
            open.push(seed);
            while let Some(cell) = open.pop() {
                total += counts[cell];
                for near in grid.neighbours(cell) {
                    if dense.get(near) == Some(&true) && labels[near] == 0 {
                        labels[near] = label;
                        open.push(near);
                    }
                }
            }
            points.push(total);
        }
        Self { labels, points }
    }

    /// Which labels are large enough; label 0 (no island) never is.
    fn large(&self, fraction: f32) -> Vec<bool> {
        let largest = self.points.iter().copied().max().unwrap_or(0);
        let least = (largest as f32 * fraction).max(1.0);
        self.points
            .iter()
            .map(|&count| count as f32 >= least)
            .collect()
    }

    fn label(&self, cell: usize) -> Option<usize> {
        self.labels.get(cell).map(|&label| label as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(x0: f32, count: usize) -> Vec<Point3<f32>> {
        (0..count)
            .map(|i| Point3::new(x0 + 0.003 * (i % 20) as f32, 0.003 * (i / 20) as f32, 0.1))
            .collect()
    }

    #[test]
    fn lone_points_and_small_islands_go() {
        let mut points = sheet(0.0, 400);
        points.push(Point3::new(0.2, 0.0, 0.3));
        points.extend(sheet(0.3, 40));
        remove_outliers(&mut points, &Outliers::default());
        assert_eq!(points, sheet(0.0, 400));
    }

    #[test]
    fn parts_behind_a_finger_stay() {
        let mut points = sheet(0.0, 400);
        points.extend(sheet(0.1, 300));
        remove_outliers(&mut points, &Outliers::default());
        assert_eq!(points.len(), 700);
    }

    #[test]
    fn nothing_in_nothing_out() {
        let mut points = Vec::new();
        remove_outliers(&mut points, &Outliers::default());
        assert!(points.is_empty());
    }

    #[test]
    fn a_cloud_of_lone_points_vanishes() {
        let mut points: Vec<_> = (0..10)
            .map(|i| Point3::new(0.1 * i as f32, 0.0, 0.0))
            .collect();
        remove_outliers(&mut points, &Outliers::default());
        assert!(points.is_empty());
    }
}
