//! The log as a file, to be kept and checked by whoever does not trust the house that wrote it.
//!
//! One JSON value per line (NDJSON), each line ended by a line feed. First a header. Then the entries in their order, and
//! each checkpoint directly behind the last entry that it covers; so the last line is a checkpoint. Every line has one spelling only:
//! what a [`Line`] read from it would write again.
//!
//! ```text
//! {"header":{"version":1,"tenant":"ten_…","mode":"live","public_keys":["…"]}}
//! {"entry":{"index":0,"record":{…},"digest":"…","disclosures":[{…}]}}
//! {"checkpoint":"1:0:…"}
//! ```
//!
//! Not here: the judgement, which is [`super::verify`]. Invariant: reading back what was written gives the same lines.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::{Deserialize, Serialize};

use super::{
    checkpoint::PublicKey,
    entry::{Disclosure, Entry, hex},
};
use crate::domain::{
    crypto::Hash,
    ids::{Mode, TenantId},
};

/// The version of the format that this code writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// One line of the file. The text of a checkpoint is that of [`super::checkpoint::Checkpoint::line`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Line<'a> {
    /// The first line.
    Header(Cow<'a, Header>),
    /// An entry.
    Entry(Cow<'a, Sealed>),
    /// A checkpoint over all entries above it.
    Checkpoint(Cow<'a, str>),
}

/// Whose log it is, and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`VERSION`].
    pub version: u32,
    /// The tenant.
    pub tenant: TenantId,
    /// Live or test.
    pub mode: Mode,
    /// The keys that signed the checkpoints below: all of them, and no other.
    pub public_keys: Vec<PublicKey>,
}

impl Header {
    /// The header of `partition`'s log.
    pub fn new(partition: TenantId, public_keys: Vec<PublicKey>) -> Self {
        Self { version: VERSION, tenant: partition, mode: partition.mode(), public_keys }
    }

    /// The partition whose log this is.
    pub const fn partition(&self) -> TenantId {
        self.tenant.in_mode(self.mode)
    }
}

/// An entry that has its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SealedEvidence)]
pub struct Sealed {
    /// Its place in the log, from 0.
    #[schema(example = 41)]
    pub index: u64,
    /// What it says.
    pub record: Entry,
    /// Its leaf in the tree, as it was computed when it was written; lower-case hexadecimal.
    #[serde(with = "hex")]
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$", example = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    pub digest: Hash,
    /// What opens its commitments, in the order of their fields; what was erased is missing.
    #[schema(max_items = 64)]
    pub disclosures: Vec<Disclosure>,
}

impl Line<'_> {
    /// Appends the line to a file.
    ///
    /// # Errors
    /// Those of `to`; and when an entry has no canonical form.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *to, self)?;
        to.write_all(b"\n")
    }
}
