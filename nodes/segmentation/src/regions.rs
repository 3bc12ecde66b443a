//! Connected regions of a picture, found by flood fill.

/// Connected regions of a picture; region 0 is what belongs to none.
#[derive(Debug, Clone)]
pub(crate) struct Regions {
    /// The region of each pixel.
    pub(crate) label: Vec<u32>,
    /// Pixels of each region; that of region 0 is not counted.
    pub(crate) sizes: Vec<usize>,
}

impl Regions {
    /// Four-connected regions of the pixels that `inside` accepts, where `linked` joins two neighbours.
    pub(crate) fn new(
        width: usize,
        count: usize,
        inside: impl Fn(usize) -> bool,
        linked: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let mut label = vec![0_u32; count];
        let mut sizes = vec![0_usize];
        let mut stack = Vec::new();
        for start in 0..count {
            if label[start] != 0 || !inside(start) {
                continue;
            }
            let name = sizes.len() as u32;
            label[start] = name;
            stack.push(start);
            let mut size = 0;
            while let Some(at) = stack.pop() {
                size += 1;
                let x = at % width;
                let neighbours = [
                    (x > 0).then(|| at - 1),
                    (x + 1 < width).then_some(at + 1),
                    at.checked_sub(width),
                    (at + width < count).then_some(at + width),
                ];
                for next in neighbours.into_iter().flatten() {
                    if label[next] == 0 && inside(next) && linked(at, next) {
                        label[next] = name;
                        stack.push(next);
                    }
                }
            }
            sizes.push(size);
        }
        Self { label, sizes }
    }
}
