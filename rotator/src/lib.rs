//! The rotator of tokenferry: logs in on a schedule and writes fresh tokens into HashiCorp Vault or OpenBao.
//!
//! Three parts with one boundary. The [`scheduler`] is pure and the only one that knows time: it says what is due.
//! The [`dispatch`] carries a due to the [`runner`] and the outcome back, and never lets two runs of one credential
//! overlap. The runner knows no schedule: it logs in and writes.

pub mod admin;
pub mod app;
pub mod cli;
pub mod cluster;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod dispatch;
pub mod doctor;
pub mod entries;
pub mod explain;
pub mod fingerprint;
pub mod handover;
pub mod jumps;
pub mod lag;
pub mod logging;
pub mod meaning;
pub mod notes;
pub mod observe;
pub mod policy;
pub mod process;
pub mod proof;
pub mod rate;
pub mod reader;
pub mod reload;
pub mod rotation;
pub mod run;
pub mod runner;
pub mod schedule;
pub mod scheduler;
pub mod skew;
pub mod source;
pub mod spared;
pub mod stop;
pub mod supervisor;
pub mod table;
pub mod terminal;
