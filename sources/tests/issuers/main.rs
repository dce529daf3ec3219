//! The fact sheets of the systems, walked through table by table against the sandbox.

#[cfg(test)]
mod desk;
#[cfg(test)]
mod zenoti;
#[cfg(test)]
mod zetasafe;
#[cfg(test)]
mod zettelstore;
