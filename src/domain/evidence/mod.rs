//! Evidence: what happened, in a form that nobody can change unseen.
//!
//! | file | holds |
//! |---|---|
//! | [`entry`] | one fact, its canonical encoding and digest; personal data as salted commitments |
//! | [`tree`] | the tenant's RFC 6962 Merkle tree over those digests, and its proofs |
//! | [`checkpoint`] | a signed statement of the tree's size and root |
//! | [`export`] | the log as a file, and its verification away from any database |
//! | [`verify`] | that verification |
//! | [`erasure`] | why, and under which kind of entry, personal data goes |
//!
//! Not here: where entries are stored, and when they are sealed. What cannot be seen: entries that were changed after
//! they were written and before a checkpoint that covers them left the house. Invariant: two logs with the same
//! root are the same log.

pub mod checkpoint;
pub mod entry;
pub mod erasure;
pub mod export;
pub mod tree;
pub mod verify;
