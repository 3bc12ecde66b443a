//! The catalog: sixty household objects with the names of the YCB object set.
//!
//! Names, dimensions and masses are those of the set's published table (Calli et al., "Benchmarking in Manipulation
//! Research", 2015); shapes and colours are made here from primitives and convex parts. Where the table gives less than a
//! bounding box, the object's source says what was added: the handle of the mug, the bend of the banana, and the single
//! pieces of the building blocks and the toy aeroplane, of which the table knows only the sets.
//!
//! All are graspable: at least two sides of the bounding box are shorter than 10 cm. The set's bowl (159 x 159 x 53 mm) is
//! not by that measure; the nine nesting cups and the wine glass stand for open vessels.
//!
//! ```
//! use sim::objects;
//! let cube = objects::find("077_rubiks_cube").expect("in the catalog");
//! assert_eq!(cube.dimensions_m, [0.057; 3]);
//! ```

mod balls;
mod draft;
mod food;
mod fruit;
mod kitchen;
mod split;
#[cfg(test)]
mod tests;
mod tools;
mod toys;

use std::sync::LazyLock;

pub use split::TEST_OBJECTS;

use crate::shape::{ObjectSpec, Split};

static CATALOG: LazyLock<Vec<ObjectSpec>> = LazyLock::new(|| {
    let mut all = Vec::new();
    all.extend(food::objects());
    all.extend(fruit::objects());
    all.extend(kitchen::objects());
    all.extend(tools::objects());
    all.extend(balls::objects());
    all.extend(toys::objects());
    all.sort_by_key(|object| object.name);
    all
});

/// All objects, sorted by name.
#[must_use]
pub fn catalog() -> &'static [ObjectSpec] {
    &CATALOG
}

/// The objects of a split, sorted by name.
pub fn of_split(split: Split) -> impl Iterator<Item = &'static ObjectSpec> {
    CATALOG.iter().filter(move |object| object.split == split)
}

/// The object of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static ObjectSpec> {
    CATALOG
        .binary_search_by_key(&name, |object| object.name)
        .ok()
        .map(|i| &CATALOG[i])
}
