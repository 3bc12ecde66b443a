//! Training data from renders of the simulated cell.
