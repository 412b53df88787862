//! Relance gets invoices paid.
//!
//! Who lives where, from the ground up; each floor imports only what lies below it (a test keeps this):
//!
//! | floor | what it knows |
//! |---|---|
//! | [`domain`] | values and pure rules |
//! | [`store`] | all SQL |
//! | [`actions`] | what a caller or a timer can do, each in one transaction |
//! | `outbound` | providers; sees `domain` only |
//! | `http`, `jobs`, `cli` | the ways in: requests, timers, commands |

pub mod actions;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod instance;
pub mod jobs;
pub mod outbound;
pub mod store;
