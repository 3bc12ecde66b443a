//! Hardware faces: the cell behind the protocols of the real controllers.
