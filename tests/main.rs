//! Everything a caller can see, driven over HTTP against the real application, on both databases; and the rules of the house.

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
