//! Everything a caller can see, driven over HTTP against the real application, on both databases.

mod access;
mod evidence;
mod store;
mod support;
