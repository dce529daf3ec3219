//! Why a rotation ran, runs or will run at a moment that somebody asks about, and why not. No I/O: what Vault remembers
//! of the past is handed in, and the future is what the [`scheduler`] itself makes of it.
//!
//! [`scheduler`]: crate::scheduler

mod forecast;
mod moment;
mod verdict;

pub use forecast::{Forecast, foresee};
pub use moment::{BadMoment, Clock, Moment};
pub use verdict::{Known, Verdict, judge};
