//! Statements of banks: what came into and left an account, as CAMT.052, .053 and .054 of any version and MT940 in its dialects say it.
//!
//! An entry is a line of the account; its transactions are what the bank says it consists of, which may be more, less or nothing. Balances
//! are not read. Invariants: amounts are exact and never negative, the direction says whose they are; an entry's key is the same in whichever
//! file of the CAMT family it comes, and no two entries of a file have the same key.

mod camt;
mod mt940;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use chrono::NaiveDate;
use data_encoding::HEXLOWER;

use super::{text::bounded, xml::Document};
use crate::domain::{crypto::sha256, invalid::Faults, money::Currency};

crate::words! {
    /// What a file is.
    pub enum BankFormat {
        /// ISO 20022: what happened today so far.
        Camt052 = "camt.052",
        /// ISO 20022: the statement.
        Camt053 = "camt.053",
        /// ISO 20022: single credits and debits.
        Camt054 = "camt.054",
        /// SWIFT: the statement.
        Mt940 = "mt940",
    }
}

crate::words! {
    /// Which way money went.
    pub enum Direction {
        /// Into the account.
        Credit = "credit",
        /// Out of the account.
        Debit = "debit",
    }
}

crate::words! {
    /// Where an entry stands at the bank.
    pub enum EntryStatus {
        /// On the account: the only one that counts.
        Booked = "booked",
        /// Expected.
        Pending = "pending",
        /// Told, and not of this account's balance.
        Information = "information",
    }
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankFile {
    /// What it is.
    pub format: BankFormat,
    /// In its order, of all accounts and statements in it.
    pub entries: Vec<Entry>,
}

impl BankFile {
    /// The entries that are on the account.
    pub fn booked(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.status == EntryStatus::Booked)
    }
}

/// A line of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What names it, whichever file of a family tells of it. One seen before is not to be booked again; it may bring transactions that were not known.
    pub key: String,
    /// The account, an IBAN or not, without spaces.
    pub account: String,
    /// Of its amount.
    pub currency: Currency,
    /// In minor units.
    pub amount: i64,
    /// Which way.
    pub direction: Direction,
    /// Whether it takes back one of the other direction.
    pub reversal: bool,
    /// Where it stands.
    pub status: EntryStatus,
    /// When it was booked.
    pub booked_on: Option<NaiveDate>,
    /// From when it counts for interest.
    pub value_on: Option<NaiveDate>,
    /// The day of the statement that tells of it, for entries without a day of their own.
    pub told_on: Option<NaiveDate>,
    /// The bank's own reference.
    pub servicer_reference: Option<String>,
    /// What the bank says beside it.
    pub note: Option<String>,
    /// How many transactions the bank says it consists of.
    pub batch_count: Option<u32>,
    /// Those that are listed; none where only the total is known.
    pub transactions: Vec<Transaction>,
}

impl Entry {
    /// The day that a payment is recorded on: when it was booked, else valued, else told.
    pub fn received_on(&self) -> Option<NaiveDate> {
        self.booked_on.or(self.value_on).or(self.told_on)
    }

    /// Whether it stands for more transactions than are listed.
    pub fn is_total_only(&self) -> bool {
        let listed = u32::try_from(self.transactions.len()).unwrap_or(u32::MAX);
        listed == 0 || self.batch_count.is_some_and(|count| count > listed)
    }

    /// What the listed transactions sum to, each by its own direction as seen from the account; `None` if one has no amount in the account's currency.
    pub fn listed_sum(&self) -> Option<i64> {
        self.transactions.iter().try_fold(0_i64, |sum, one| {
            let amount = one.amount.filter(|_| one.currency.is_none_or(|currency| currency == self.currency))?;
            sum.checked_add(if one.direction == Direction::Credit { amount } else { amount.checked_neg()? })
        })
    }
}

/// A part of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// In minor units of `currency`; the entry's, if it is the only one.
    pub amount: Option<i64>,
    /// Of the amount, where that is another than the account's.
    pub currency: Option<Currency>,
    /// Which way: one that goes against its entry is told as such.
    pub direction: Direction,
    /// What the payer gave to be carried through to the payee.
    pub end_to_end_id: Option<String>,
    /// What the first bank called it.
    pub transaction_id: Option<String>,
    /// The bank's own reference for it.
    pub servicer_reference: Option<String>,
    /// The unique end-to-end transaction reference of payments across borders.
    pub uetr: Option<String>,
    /// The mandate of a direct debit.
    pub mandate_id: Option<String>,
    /// Structured references (RF, Belgian, Swiss), as they are written.
    pub structured_references: Vec<String>,
    /// Numbers of documents that it is said to pay.
    pub documents: Vec<String>,
    /// The payer's words, put together again.
    pub text: Option<String>,
    /// Who pays.
    pub debtor: Counterparty,
    /// Whom the debtor pays for, or who pays behind it.
    pub ultimate_debtor: Option<String>,
    /// Who is paid.
    pub creditor: Counterparty,
    /// Why it came back: an ISO 20022 code such as `AC04`, or the bank's words.
    pub return_reason: Option<String>,
}

impl Transaction {
    /// One of which nothing is known but its direction.
    const fn new(direction: Direction) -> Self {
        Self {
            amount: None,
            currency: None,
            direction,
            end_to_end_id: None,
            transaction_id: None,
            servicer_reference: None,
            uetr: None,
            mandate_id: None,
            structured_references: Vec::new(),
            documents: Vec::new(),
            text: None,
            debtor: Counterparty { name: None, account: None },
            ultimate_debtor: None,
            creditor: Counterparty { name: None, account: None },
            return_reason: None,
        }
    }
}

/// Somebody at one end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counterparty {
    /// Their name.
    pub name: Option<String>,
    /// Their account, an IBAN or not, without spaces.
    pub account: Option<String>,
}

impl Counterparty {
    /// The account, if it is an IBAN whose check digits agree.
    pub fn iban(&self) -> Option<&str> {
        self.account.as_deref().filter(|account| super::is_iban(account))
    }
}

/// Reads a bank's file.
///
/// # Errors
/// What the file is not, or everything in it that is missing or wrong, each at its place.
pub fn read(bytes: &[u8]) -> Result<BankFile, Faults> {
    let bytes = bounded(bytes)?;
    let mut file = if looks_like_xml(bytes) { camt::read(&Document::read(bytes)?)? } else { mt940::read(bytes)? };
    name(&mut file.entries);
    Ok(file)
}

/// Whether the first thing in the file is a tag, in an encoding of single bytes or in UTF-16.
fn looks_like_xml(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(64)).unwrap_or_default();
    let mark = |byte: &&u8| matches!(byte, 0xef | 0xbb | 0xbf | 0xfe | 0xff | 0) || byte.is_ascii_whitespace();
    head.iter().find(|byte| !mark(byte)) == Some(&b'<')
}

/// Gives each entry its key: the account, the day, the amount and its way, and the bank's reference; where the bank gives none, what is said of
/// the payment. Entries that are alike in all of that are told apart by how many came before them in the file: of two equal payments of a day
/// the second is the second in every file that has both.
///
/// The day is the day of booking, which all files of a family tell alike. What one of them details and another sums up (transactions, words) is no part of
/// the key as long as there is a reference.
fn name(entries: &mut [Entry]) {
    let mut seen = HashMap::<[u8; 32], u32>::new();
    for entry in entries {
        let mut parts: Vec<String> = vec![
            entry.account.clone(),
            entry.currency.to_string(),
            entry.amount.to_string(),
            entry.direction.to_string(),
            entry.reversal.to_string(),
            entry.booked_on.or(entry.value_on).map(|day| day.to_string()).unwrap_or_default(),
        ];
        let only = entry.transactions.first().filter(|_| entry.transactions.len() == 1);
        // Some banks give their reference with the only transaction, and not with the entry, in one message and the reverse in another.
        match entry.servicer_reference.as_ref().or_else(|| only?.servicer_reference.as_ref()) {
            Some(reference) => parts.push(reference.clone()),
            None => {
                parts.push(String::new());
                let told =
                    only.map(|one| [one.end_to_end_id.clone(), one.debtor.account.clone(), one.creditor.account.clone(), one.text.clone()]);
                parts.extend(told.into_iter().flatten().map(Option::unwrap_or_default));
            }
        }
        // Each part is told with its length, so that no two lists of parts are one text.
        let framed: Vec<String> = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
        let framed: Vec<&[u8]> = framed.iter().map(String::as_bytes).collect();
        let hash = sha256(&framed);
        let before = seen.entry(hash).or_insert(0);
        let short = HEXLOWER.encode(hash.get(..16).unwrap_or_default());
        entry.key = if *before == 0 { short } else { format!("{short}-{}", before.saturating_add(1)) };
        *before = before.saturating_add(1);
    }
}

/// What banks write where nothing is to be said.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !["NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOREF", "NONE", "N/A"].contains(&text.to_ascii_uppercase().as_str()))
}
