//! Values and pure rules: everything that can be known without asking anybody.
//!
//! Not here: I/O, async, a clock, SQL, HTTP. Whoever calls a function of this floor hands it the facts and the
//! moment. Invariant: the same arguments always give the same answer.

pub mod access;
pub mod api_version;
pub mod calendar;
pub mod change;
pub mod company;
pub mod connection;
pub mod contact;
pub mod credit;
pub mod crypto;
pub mod customer;
pub mod delivery;
pub mod dunning;
pub mod event;
pub mod evidence;
pub mod export;
pub mod external;
pub mod identity;
pub mod ids;
pub mod import;
pub mod invalid;
pub mod key;
pub mod ledger;
pub mod letter;
pub mod link;
pub mod locale;
pub mod money;
pub mod network;
pub mod opt_out;
pub mod post;
pub mod provider;
pub mod push;
pub mod schema;
pub mod search;
pub mod suppression;
pub mod template;
pub mod tenant;
pub mod test_clock;
pub mod texts;
pub mod vault;
pub mod version;
pub mod webhook;
pub mod words;
