//! Everything a caller can see, driven over HTTP against the real application, on both databases.

mod access;
mod batch;
mod import;
mod ledger;
mod support;
