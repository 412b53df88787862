//! Everything a caller can see, driven over HTTP against the real application, on both databases.

mod access;
mod policies;
mod providers;
mod support;
mod suppressions;
mod templates;
