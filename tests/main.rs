//! Everything a caller can see, driven over HTTP against the real application, on both databases; and the rules of the house.

mod access;
mod house;
mod openapi;
mod support;
mod tenancy;
