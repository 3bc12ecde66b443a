//! Pictures for people: the mask drawn over the image.

use crate::mask::Mask;

/// Colour of the mask.
const TINT: [u16; 3] = [30, 220, 90];

/// A copy of an rgb8 image with the mask tinted and outlined, and crosses at points.
///
/// Bytes beyond the mask's size are left as they are.
pub fn draw(rgb: &[u8], mask: &Mask, crosses: &[[f64; 2]]) -> Vec<u8> {
    let mut picture = rgb.to_vec();
    let (width, height) = mask.size();
    let mut set = |x: u32, y: u32, mix: &dyn Fn(u8, usize) -> u8| {
        let at = (y as usize * width as usize + x as usize) * 3;
        if let Some(pixel) = picture.get_mut(at..at + 3) {
            for (c, value) in pixel.iter_mut().enumerate() {
                *value = mix(*value, c);
            }
        }
    };
    if let Some(bounds) = mask.bounds() {
        for y in bounds.top..=bounds.bottom {
            for x in (bounds.left..=bounds.right).filter(|x| mask.contains(*x, y)) {
                let inner = mask.contains(x + 1, y)
                    && mask.contains(x, y + 1)
                    && x.checked_sub(1).is_some_and(|left| mask.contains(left, y))
                    && y.checked_sub(1)
                        .is_some_and(|upper| mask.contains(x, upper));
                if inner {
                    set(x, y, &|value, c| {
                        ((u16::from(value) * 11 + TINT[c] * 9) / 20) as u8
                    });
                } else {
                    set(x, y, &|_, c| TINT[c] as u8);
                }
            }
        }
    }
    for [x, y] in crosses {
        for step in -6_i64..=6 {
            for (dx, dy) in [(step, 0), (0, step)] {
                let (x, y) = (x.round() as i64 + dx, y.round() as i64 + dy);
                if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y))
                    && x < width
                    && y < height
                {
                    set(x, y, &|_, c| [255, 40, 40][c]);
                }
            }
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touches_the_mask_and_the_cross_only() {
        let rgb = vec![100_u8; 40 * 30 * 3];
        let mask = Mask::from_fn(40, 30, |x, y| {
            (20..30).contains(&x) && (20..28).contains(&y)
        });
        let drawn = draw(&rgb, &mask, &[[3.0, 3.0], [-50.0, 1e9]]);
        let pixel = |x: usize, y: usize| &drawn[(y * 40 + x) * 3..(y * 40 + x) * 3 + 3];
        assert_eq!(pixel(20, 20), [30, 220, 90]);
        assert_eq!(pixel(25, 24), [68, 154, 95]);
        assert_eq!(pixel(3, 5), [255, 40, 40]);
        assert_eq!(pixel(35, 10), [100, 100, 100]);
    }
}
