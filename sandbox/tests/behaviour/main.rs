//! The sandbox as its clients meet it: raw HTTP in, raw HTTP out.

#[cfg(test)]
mod client;
#[cfg(test)]
mod counters;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod http;
#[cfg(test)]
mod one_api;
#[cfg(test)]
mod program;
#[cfg(test)]
mod zenoti;
#[cfg(test)]
mod zetasafe;
#[cfg(test)]
mod zettelstore;
#[cfg(test)]
mod zscaler;
#[cfg(test)]
mod zscaler_removal;
