//! Everything a caller can see, driven over HTTP against the real application, on both databases; and the rules of the house.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that meets what it did not expect shall fail there and then"
)]

mod access;
mod accounting;
mod attachments;
mod batch;
mod catalogues;
mod changes;
mod charges;
mod clock;
mod concessions;
mod connections;
mod conventions;
mod crash;
mod credit;
mod docs;
mod doubts;
mod events;
mod evidence;
mod failover;
mod history;
mod house;
mod identity;
mod import;
mod imports;
mod interest;
mod keys;
mod ledger;
mod letters;
mod lists;
mod openapi;
mod policies;
mod providers;
mod receipts;
mod reminders;
mod rules;
mod silences;
mod simulation;
mod stand_ins;
mod store;
mod support;
mod suppressions;
mod templates;
mod tenancy;
mod terms;
mod texts;
mod webhooks;
