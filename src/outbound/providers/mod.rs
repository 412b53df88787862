//! The adapters, one file each. Each tells its settings, its credentials and its capabilities, and makes its adapter with `open`; `registry` lists them.

pub mod amazon_ses;
pub mod aws_sms;
pub mod brevo;
pub mod sandbox;
pub mod smtp;
pub mod solvency;
pub mod twilio;
pub mod webhook;
