//! The simulated systems, as a child.
