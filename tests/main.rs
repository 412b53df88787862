//! Everything a caller can see, driven over HTTP against the real application, on both databases; and the rules of the house.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that meets what it did not expect shall fail there and then"
)]

mod access;
mod evidence;
mod house;
mod openapi;
mod store;
mod batch;
mod import;
mod ledger;
mod support;
mod tenancy;
mod policies;
mod providers;
mod suppressions;
mod templates;
