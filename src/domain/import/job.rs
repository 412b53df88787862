//! An import as callers see it: what was sent, how far it has come, what became of each row.
//!
//! Invariant: rows read are the sum of those created, changed, unchanged, refused, skipped and unmatched.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::csv::Mapping;
use crate::domain::{customer::CustomerKind, invalid::Faults};

/// How many problems of a file as a whole are kept.
const MOST_PROBLEMS: usize = 100;

crate::words! {
    /// What a file is taken for.
    pub enum ImportKind {
        /// Customers, one a row.
        Customers = "customers",
        /// Invoices with their customers: a table, or one electronic invoice or credit note.
        Invoices = "invoices",
        /// Payments of known customers, one a row.
        Payments = "payments",
        /// A bank's statement: what came in is matched with what is open.
        BankStatement = "bank_statement",
        /// A French accounting file: whoever owed what on the day that it ends.
        Fec = "fec",
    }
}

crate::words! {
    /// How a file is written.
    pub enum ImportFormat {
        /// A table: cells divided by a comma, a semicolon, a tab or a bar.
        Csv = "csv",
        /// An electronic invoice: UBL 2.1, CII, and what is built on them (Peppol BIS, XRechnung).
        InvoiceXml = "invoice_xml",
        /// A PDF with such an invoice attached: Factur-X, ZUGFeRD 2.
        InvoicePdf = "invoice_pdf",
        /// ISO 20022 camt.052, camt.053 or camt.054.
        Camt = "camt",
        /// SWIFT MT940.
        Mt940 = "mt940",
        /// The file of article A47 A-1 of the Livre des procédures fiscales.
        Fec = "fec",
        /// One JSON object a line, each as the batch of its kind takes it.
        Ndjson = "ndjson",
    }
}

crate::words! {
    /// Where an import stands.
    pub enum ImportState {
        /// Waiting for its turn.
        Queued = "queued",
        /// Being read, a thousand rows at a time.
        Running = "running",
        /// Read to its end.
        Completed = "completed",
        /// Stopped by somebody. What was imported before stays.
        Cancelled = "cancelled",
        /// The file cannot be read; `problems` says why. What was imported before stays.
        Failed = "failed",
    }
}

crate::words! {
    /// What became of a row.
    pub enum RowOutcome {
        /// It was new.
        Created = "created",
        /// It was known, and something changed.
        Changed = "changed",
        /// It was known, just so.
        Unchanged = "unchanged",
        /// It breaks a rule; `problems` says which.
        Refused = "refused",
        /// It is nothing to import: money that went out, an entry that is not booked yet, an invoice that is settled.
        Skipped = "skipped",
        /// Money that came in, and nobody knows from whom. Record it by hand under the row's `reference`: then no later file books it again.
        Unmatched = "unmatched",
    }
}

impl ImportFormat {
    /// What a file of this format is; a table is what its mapping says, a file of JSON what its sender does.
    pub const fn kind(self) -> Option<ImportKind> {
        match self {
            Self::Csv | Self::Ndjson => None,
            Self::InvoiceXml | Self::InvoicePdf => Some(ImportKind::Invoices),
            Self::Camt | Self::Mt940 => Some(ImportKind::BankStatement),
            Self::Fec => Some(ImportKind::Fec),
        }
    }

    /// Whether it is read line by line: such a file may be longer, for no more of it than a slice is ever in memory.
    pub const fn is_of_lines(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson)
    }

    /// The name under which external ids are kept where nobody gives one.
    pub const fn default_source(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::InvoiceXml | Self::InvoicePdf => "e-invoice",
            Self::Camt | Self::Mt940 => "bank",
            Self::Fec => "fec",
        }
    }
}

impl ImportState {
    /// Whether nothing more will happen.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }
}

/// How a file is read, settled when it was sent: read again, it says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSettings {
    /// Of a table, with nothing left open.
    pub mapping: Option<Mapping>,
    /// Of a table: its first row.
    pub headings: Vec<String>,
    /// The world as it was at the end of this day: later rows are skipped.
    pub as_of: Option<NaiveDate>,
    /// What new customers are in the eyes of the law, where the file does not say.
    pub customer_kind: CustomerKind,
}

/// How many things were new, changed, and just as they were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// New.
    #[schema(minimum = 0)]
    pub created: u64,
    /// Known, and changed.
    #[schema(minimum = 0)]
    pub changed: u64,
    /// Known, just so.
    #[schema(minimum = 0)]
    pub unchanged: u64,
}

impl Tally {
    /// Counts one more; what is neither is not counted.
    pub fn note(&mut self, outcome: RowOutcome) {
        let count = match outcome {
            RowOutcome::Created => &mut self.created,
            RowOutcome::Changed => &mut self.changed,
            RowOutcome::Unchanged => &mut self.unchanged,
            RowOutcome::Refused | RowOutcome::Skipped | RowOutcome::Unmatched => return,
        };
        *count = count.saturating_add(1);
    }
}

/// What an import did, so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named like the outcomes, and like the things")]
pub struct ImportCounts {
    pub rows: Tally,
    pub refused: u64,
    pub skipped: u64,
    pub unmatched: u64,
    pub customers: Tally,
    pub invoices: Tally,
    pub credit_notes: Tally,
    pub payments: Tally,
}

impl ImportCounts {
    /// Counts a row.
    pub fn note(&mut self, outcome: RowOutcome) {
        self.rows.note(outcome);
        let count = match outcome {
            RowOutcome::Refused => &mut self.refused,
            RowOutcome::Skipped => &mut self.skipped,
            RowOutcome::Unmatched => &mut self.unmatched,
            RowOutcome::Created | RowOutcome::Changed | RowOutcome::Unchanged => return,
        };
        *count = count.saturating_add(1);
    }

    /// Every row that was read.
    pub const fn rows_read(&self) -> u64 {
        let Tally { created, changed, unchanged } = self.rows;
        let known = created.saturating_add(changed).saturating_add(unchanged);
        known.saturating_add(self.refused).saturating_add(self.skipped).saturating_add(self.unmatched)
    }
}

/// What is wrong with a cell, a row or a file, or should be known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"place": "Montant TTC", "value": "12,345", "detail": "EUR has 2 decimals"}))]
pub struct ImportProblem {
    /// The column, the field, or the element of the file; empty for the whole.
    #[schema(max_length = 500)]
    pub place: String,
    /// What stood there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub value: Option<String>,
    /// What is wrong with it, and what would be right.
    #[schema(max_length = 2000)]
    pub detail: String,
}

impl ImportProblem {
    /// About a whole row.
    pub fn row(detail: impl Into<String>) -> Self {
        Self { place: String::new(), value: None, detail: detail.into() }
    }

    /// The faults of an input, each as a problem.
    pub fn of(faults: Faults) -> Vec<Self> {
        let told = faults.0.into_iter().take(MOST_PROBLEMS);
        told.map(|fault| Self { place: fault.pointer, value: None, detail: fault.detail }).collect()
    }
}

/// A thing that a row is about, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "inv_01jd3kq8e5fvv8m3s9tqz4x7ya", "outcome": "created"}))]
pub struct ImportedThing {
    /// Its id. A dry run's things never were: their ids lead nowhere.
    #[schema(max_length = 30)]
    pub id: String,
    /// What became of it.
    pub outcome: RowOutcome,
}
