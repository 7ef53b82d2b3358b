//! What is wrong, found by looking: checks as a table, the order they are run in, and the one
//! sentence they end in.

mod table;

pub use table::{BadTable, Check, Done, Fault, Outcome, run};
