//! What replicas promise, shown with real servers and real child processes, by numbered cases:
//!
//! 1. three replicas, 2,000 runs, 200 credentials: each planned time once, no credential twice at once ([`occurrences`])
//! 2. a replica is killed in the middle of a login: another one does it in time ([`losses`])
//! 3. a replica is stopped for too long and goes on: it does no harm ([`stops`])
//! 4. three schedulers, one after the other: one row and one token for each planned time, nothing lost ([`occurrences`])
//! 5. PostgreSQL crashes in the middle of work: all is done, and nothing else ([`losses`])
//! 6. a login that always fails: waits between the tries, then one dead letter ([`failures`])
//!
//! Case 7 is about another engine. Case 8, of many that write one entry at once, needs no PostgreSQL: its tests stand
//! beside the others of the runner with OpenBao.

mod failures;
mod losses;
mod occurrences;
mod shop;
mod stops;
mod told;
mod valve;
