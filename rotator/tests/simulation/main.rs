//! The rotator in virtual time: years of runs with everything that goes wrong.

mod one;
mod rates;
mod storms;
