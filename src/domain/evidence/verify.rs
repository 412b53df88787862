//! Reads an exported log and says everything that is wrong with it, without asking the house that wrote it.
//!
//! It recomputes each digest from the entry's own fields and each checkpoint's root from all entries above it, checks every
//! signature, and compares the log with checkpoints that its holder kept elsewhere. An erasure is no fault if an entry says that it happened.
//! Memory does not grow with the log, only with what was erased from it.
//!
//! What a file alone cannot show: that it once was longer, when it is cut exactly behind a checkpoint, or that the whole of it was written
//! anew under another key. A kept checkpoint shows the first, a known key the second: see [`Trust`].
//! Invariant: a report without findings means that the log is the one that its checkpoints signed.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, Read as _},
};

use super::{
    checkpoint::{Checkpoint, Malformed, PublicKey},
    entry::{Entry, Unencodable, opens},
    erasure::{ERASED, fields_of},
    export::{Header, Line, Sealed, VERSION},
    tree::Tree,
};
use crate::domain::ids::TenantId;

/// The longest line that is read, in bytes.
pub const MAX_LINE: u64 = 4 << 20;

/// How many findings a report lists; a log that is wrong from the start has one for every line.
pub const MAX_FINDINGS: usize = 1_000;

/// What the holder knows from elsewhere. Nothing at all is allowed, and proves less.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The only keys that may have signed. Empty: those that the file names are believed.
    pub keys: Vec<PublicKey>,
    /// Checkpoints kept from answers, in either form; white space around them does not matter.
    pub checkpoints: Vec<String>,
}

/// What was read, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries read.
    pub entries: u64,
    /// Checkpoints read.
    pub checkpoints: u64,
    /// Kept checkpoints that this log contains.
    pub kept: u64,
    /// Commitments that were opened.
    pub disclosed: u64,
    /// Commitments that nothing opens any more: erased, which is no fault where an entry says so.
    pub erased: u64,
    /// The last checkpoint read.
    pub last: Option<Checkpoint>,
    /// What is wrong, in the order of lines; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many findings more there are.
    pub unlisted: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The line, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong there.
    pub what: Fault,
}

/// What can be wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant means")]
pub enum Fault {
    #[error("the line does not end: the file is cut, or the line is longer than {MAX_LINE} bytes")]
    Cut,
    #[error("the line cannot be read: {0}")]
    Unreadable(String),
    #[error("the line is not spelled as it was written")]
    Respelled,
    #[error("the file does not begin with its header")]
    NoHeader,
    #[error("a second header")]
    SecondHeader,
    #[error("version {0} of the format is not known here")]
    Version(u32),
    #[error("the key {0} is not one that you trust")]
    Stranger(PublicKey),
    #[error("the key {0} signed nothing in this file")]
    IdleKey(PublicKey),
    #[error("entry {found} stands where entry {expected} belongs")]
    Place { expected: u64, found: u64 },
    #[error("the entry cannot be what was written: {0}")]
    Entry(#[from] Unencodable),
    #[error("the entry was changed: its digest is another")]
    Digest,
    #[error("the disclosed {0:?} is not what the entry committed to")]
    Disclosure(String),
    #[error("the field {field:?} of {entry} is gone, and no entry says that it was erased")]
    Vanished { entry: String, field: String },
    #[error("{0}")]
    Checkpoint(#[from] Malformed),
    #[error("no key of this file signed the checkpoint")]
    Signature,
    #[error("a checkpoint is missing: this one follows that of {stated} entries, the one above is of {found}")]
    Gap { stated: u64, found: u64 },
    #[error("the checkpoint is of {stated} entries, {found} stand above it")]
    Size { stated: u64, found: u64 },
    #[error("the entries above are not those that the checkpoint signed")]
    Root,
    #[error("{0} entries at the end are under no checkpoint")]
    Unsealed(u64),
    #[error("the kept checkpoint {0:?} cannot be read")]
    Kept(String),
    #[error("the kept checkpoint of {0} entries is of another log")]
    KeptElsewhere(u64),
    #[error("no key of this file signed the kept checkpoint of {0} entries")]
    KeptSignature(u64),
    #[error("the first {0} entries are not those of the kept checkpoint")]
    KeptRoot(u64),
    #[error("the log was cut: a kept checkpoint is of {kept} entries, the file has {found}")]
    Truncated { kept: u64, found: u64 },
}

/// Verifies an exported log.
///
/// # Errors
/// Those of `reader`. Whatever is wrong with the log itself is in the report.
pub fn verify(mut reader: impl BufRead, trust: &Trust) -> io::Result<Report> {
    let mut reading = Reading::new(trust);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(reading.end());
        }
        reading.line += 1;
        if bytes.pop() != Some(b'\n') {
            reading.fault(Fault::Cut);
            return Ok(reading.end());
        }
        reading.line(&bytes);
    }
}

/// How far the reading has come.
struct Reading<'a> {
    trust: &'a Trust,
    report: Report,
    line: u64,
    /// Whose log it is, once the header is read.
    tenant: Option<TenantId>,
    /// The header's keys, and whether each has signed.
    keys: Vec<(PublicKey, bool)>,
    /// Kept checkpoints still ahead, the nearest last.
    kept: Vec<Checkpoint>,
    tree: Tree,
    /// The place that the next entry should state.
    place: u64,
    /// The size that the last checkpoint stated.
    sealed: u64,
    /// Fields that nothing opens, by entry, whose erasure is not met yet.
    closed: BTreeSet<(String, String)>,
    /// Erasures whose entry is not met yet: a clock that steps back can place them first.
    erasures: BTreeSet<(String, String)>,
    /// Where a line is written again, to be compared.
    spelling: Vec<u8>,
}

impl<'a> Reading<'a> {
    fn new(trust: &'a Trust) -> Self {
        Self {
            trust,
            report: Report::default(),
            line: 0,
            tenant: None,
            keys: Vec::new(),
            kept: Vec::new(),
            tree: Tree::default(),
            place: 0,
            sealed: 0,
            closed: BTreeSet::new(),
            erasures: BTreeSet::new(),
            spelling: Vec::new(),
        }
    }

    fn fault_at(&mut self, line: u64, what: Fault) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(Finding { line, what });
        } else {
            self.report.unlisted += 1;
        }
    }

    fn fault(&mut self, what: Fault) {
        self.fault_at(self.line, what);
    }

    fn line(&mut self, bytes: &[u8]) {
        let line = match serde_json::from_slice::<Line<'_>>(bytes) {
            Ok(line) => line,
            Err(error) => return self.fault(Fault::Unreadable(error.to_string())),
        };
        self.spelling.clear();
        if serde_json::to_writer(&mut self.spelling, &line).is_err() || self.spelling != bytes {
            self.fault(Fault::Respelled);
        }
        match (line, self.tenant) {
            (Line::Header(header), None) if self.line == 1 => self.header(&header),
            (Line::Header(_), _) => self.fault(Fault::SecondHeader),
            (Line::Entry(entry), Some(tenant)) => self.entry(tenant, &entry),
            (Line::Checkpoint(text), Some(tenant)) => match Checkpoint::from_line(tenant, &text) {
                Ok(checkpoint) => self.checkpoint(checkpoint),
                Err(malformed) => self.fault(malformed.into()),
            },
            (_, None) => self.fault(Fault::NoHeader),
        }
    }

    fn header(&mut self, header: &Header) {
        if header.version != VERSION {
            self.fault(Fault::Version(header.version));
        }
        for key in &header.public_keys {
            if !self.trust.keys.is_empty() && !self.trust.keys.contains(key) {
                self.fault(Fault::Stranger(*key));
            }
            self.keys.push((*key, false));
        }
        let tenant = header.partition();
        self.tenant = Some(tenant);
        let trust = self.trust;
        for text in &trust.checkpoints {
            self.keep(tenant, text);
        }
        self.kept.sort_by_key(|kept| std::cmp::Reverse(kept.statement.size));
    }

    /// Takes a kept checkpoint among those to be met.
    fn keep(&mut self, tenant: TenantId, text: &str) {
        let read = Checkpoint::from_line(tenant, text.trim()).or_else(|_| Checkpoint::from_note(&format!("{}\n", text.trim())));
        match read {
            Err(_) => self.fault_at(0, Fault::Kept(text.to_owned())),
            Ok(kept) if kept.statement.tenant != tenant => self.fault_at(0, Fault::KeptElsewhere(kept.statement.size)),
            Ok(kept) if !self.keys.iter().any(|(key, _)| key.signed(&kept)) => {
                self.fault_at(0, Fault::KeptSignature(kept.statement.size));
            }
            Ok(kept) => self.kept.push(kept),
        }
    }

    fn entry(&mut self, tenant: TenantId, sealed: &Sealed) {
        if sealed.index != self.place {
            self.fault(Fault::Place { expected: self.place, found: sealed.index });
        }
        self.place = sealed.index.saturating_add(1);
        let leaf = sealed.record.digest(tenant).unwrap_or_else(|unencodable| {
            self.fault(unencodable.into());
            sealed.digest
        });
        if leaf != sealed.digest {
            self.fault(Fault::Digest);
        }
        self.disclosures(sealed);
        if sealed.record.kind == ERASED {
            self.erasure(&sealed.record);
        }
        self.tree.push(leaf, |_| ());
        self.report.entries += 1;
        self.meet_kept();
    }

    /// Each disclosure opens a commitment of its own, in their order; the commitments that remain closed were erased.
    fn disclosures(&mut self, sealed: &Sealed) {
        let mut disclosures = sealed.disclosures.iter().peekable();
        for commitment in &sealed.record.commitments {
            if disclosures.next_if(|disclosure| opens(commitment, disclosure)).is_some() {
                self.report.disclosed += 1;
            } else {
                self.report.erased += 1;
                self.closed(sealed.record.id.to_string(), commitment.field.clone());
            }
        }
        for disclosure in disclosures {
            self.fault(Fault::Disclosure(disclosure.field.clone()));
        }
    }

    fn closed(&mut self, entry: String, field: String) {
        let one = (entry, field);
        if !self.erasures.remove(&one) {
            self.closed.insert(one);
        }
    }

    /// An entry that says what was erased from another.
    fn erasure(&mut self, erasure: &Entry) {
        for field in fields_of(erasure) {
            let one = (erasure.subject.clone(), field.to_owned());
            if !self.closed.remove(&one) {
                self.erasures.insert(one);
            }
        }
    }

    /// Compares the log so far with the kept checkpoints of just this size.
    fn meet_kept(&mut self) {
        while let Some(kept) = self.kept.pop_if(|kept| kept.statement.size == self.tree.size()) {
            if kept.statement.root == self.tree.root() {
                self.report.kept += 1;
            } else {
                self.fault(Fault::KeptRoot(kept.statement.size));
            }
        }
    }

    fn checkpoint(&mut self, checkpoint: Checkpoint) {
        let stated = checkpoint.statement;
        match self.keys.iter_mut().find(|(key, _)| key.signed(&checkpoint)) {
            Some((_, has_signed)) => *has_signed = true,
            None => self.fault(Fault::Signature),
        }
        if stated.previous != self.sealed {
            self.fault(Fault::Gap { stated: stated.previous, found: self.sealed });
        }
        if stated.size != self.tree.size() {
            self.fault(Fault::Size { stated: stated.size, found: self.tree.size() });
        }
        if stated.root != self.tree.root() {
            self.fault(Fault::Root);
        }
        self.sealed = stated.size;
        self.report.checkpoints += 1;
        self.report.last = Some(checkpoint);
    }

    fn end(mut self) -> Report {
        let found = self.tree.size();
        if self.line == 0 {
            self.fault_at(0, Fault::NoHeader);
        }
        if found > self.sealed {
            self.fault_at(0, Fault::Unsealed(found - self.sealed));
        }
        for (key, has_signed) in std::mem::take(&mut self.keys) {
            if !has_signed {
                self.fault_at(0, Fault::IdleKey(key));
            }
        }
        for (entry, field) in std::mem::take(&mut self.closed) {
            self.fault_at(0, Fault::Vanished { entry, field });
        }
        while let Some(kept) = self.kept.pop() {
            self.fault_at(0, Fault::Truncated { kept: kept.statement.size, found });
        }
        self.report
    }
}

#[cfg(test)]
mod tests;
