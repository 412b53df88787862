//! The adapters, one file each. Each tells its settings, its credentials and its capabilities, and makes its adapter with `open`; `registry` lists them.

pub mod amazon_ses;
pub mod aws_sms;
pub mod brevo;
pub mod lob;
pub mod maileva;
pub mod mailgun;
mod mailing;
pub mod mailjet;
pub mod merci_facteur;
pub mod messagebird;
mod multipart;
pub mod ovhcloud;
pub mod plivo;
pub mod postgrid;
mod posting;
pub mod postmark;
pub mod resend;
pub mod sandbox;
pub mod sendgrid;
pub mod smtp;
pub mod solvency;
mod texting;
pub mod twilio;
pub mod vonage;
pub mod webhook;
mod zip;
