//! CAMT.052, .053 and .054 of ISO 20022, versions 001.02 to today's.
//!
//! The versions differ in where a few things stand: the status became a choice with `Cd`, a party a choice with `Pty`; both places are looked at, so
//! the version is not. A status that is absent is taken for booked where the message is about what is booked (053, 054), and not in 052.

use chrono::NaiveDate;

use super::{BankFile, BankFormat, Counterparty, Direction, Entry, EntryStatus, Transaction, said};
use crate::domain::{
    import::{
        fields::{Fields, short, xml_date},
        text::compact,
        xml::{Document, Element},
    },
    invalid::Faults,
    money::Currency,
};

/// How long a piece of unstructured text is before it must go on in the next: those that are full are put together without a space.
const PIECE: usize = 140;
/// The longest text that the pieces may make.
const MAX_TEXT: usize = 10_000;

/// Reads a `Document`.
pub(super) fn read(document: &Document) -> Result<BankFile, Faults> {
    let root = document.root().filter(|root| root.name() == "Document");
    let messages = [
        ("BkToCstmrAcctRpt", "Rpt", BankFormat::Camt052),
        ("BkToCstmrStmt", "Stmt", BankFormat::Camt053),
        ("BkToCstmrDbtCdtNtfctn", "Ntfctn", BankFormat::Camt054),
    ];
    let found =
        root.and_then(|root| messages.into_iter().find_map(|(message, part, format)| Some((root.at(message)?, message, part, format))));
    let Some((message, name, part, format)) = found else {
        let root = document.root().map(|root| short(root.name())).unwrap_or_default();
        let inner =
            document.root().and_then(|root| root.elements().next()).map(|inner| format!("/{}", short(inner.name()))).unwrap_or_default();
        let detail =
            "no bank statement; it holds BkToCstmrStmt (camt.053), BkToCstmrAcctRpt (camt.052) or BkToCstmrDbtCdtNtfctn (camt.054)";
        return Err(Faults::one(format!("/{root}{inner}"), "wrong_type", detail));
    };
    let mut reading = Reading { fields: Fields::default(), format, entries: Vec::new() };
    let mut any = false;
    for (n, statement) in message.all(part).enumerate() {
        any = true;
        reading.statement(statement, &format!("/Document/{name}/{part}[{}]", n.saturating_add(1)));
    }
    if !any {
        reading.fields.wrong(&format!("/Document/{name}/{part}"), "required", "missing: a message tells of one account at least");
    }
    reading.fields.faults.or(BankFile { format, entries: reading.entries })
}

struct Reading {
    fields: Fields,
    format: BankFormat,
    entries: Vec<Entry>,
}

/// What holds for all entries of a statement.
struct Statement {
    account: String,
    told_on: Option<NaiveDate>,
}

impl Reading {
    fn statement(&mut self, statement: Element<'_>, place: &str) {
        let account = self.fields.text(statement.at("Acct/Id"), &["IBAN", "Othr/Id", "PrtryAcct/Id"]).map(|account| compact(&account));
        let Some(account) = account else {
            self.fields.wrong(&format!("{place}/Acct/Id"), "required", "missing or empty; write IBAN or Othr/Id");
            return;
        };
        let until = statement.text_at("FrToDt/ToDtTm").or_else(|| statement.text_at("FrToDt/ToDt"));
        let closing = statement.all("Bal").filter(|balance| balance.text_at("Tp/CdOrPrtry/Cd") == Some("CLBD")).last();
        let closing = closing.and_then(|balance| balance.text_at("Dt/Dt").or_else(|| balance.text_at("Dt/DtTm")));
        let told_on = closing.or(until).or_else(|| statement.text_at("CreDtTm")).and_then(xml_date);
        let common = Statement { account, told_on };
        for (n, entry) in statement.all("Ntry").enumerate() {
            let place = format!("{place}/Ntry[{}]", n.saturating_add(1));
            if let Some(entry) = self.entry(entry, &common, &place) {
                self.entries.push(entry);
            }
        }
    }

    fn entry(&mut self, entry: Element<'_>, common: &Statement, place: &str) -> Option<Entry> {
        let amount = self.amount(entry, "Amt", place, true);
        let direction = self.direction(entry, place);
        let status = self.status(entry, place);
        let reversal = matches!(entry.text_at("RvslInd"), Some("true" | "1"));
        let (booked_on, value_on) = (self.day(entry, place, "BookgDt"), self.day(entry, place, "ValDt"));
        let (Some((amount, currency)), Some(direction)) = (amount, direction) else { return None };
        let fields = &mut self.fields;
        let servicer_reference = said(fields.text(Some(entry), &["AcctSvcrRef"]));
        let note = fields.note(Some(entry), &["AddtlNtryInf"]);
        let details = || entry.all("NtryDtls");
        let counts = details().filter_map(|one| one.text_at("Btch/NbOfTxs")?.parse::<u32>().ok());
        let batch_count = counts.reduce(u32::saturating_add);
        let mut transactions: Vec<Transaction> = Vec::new();
        for (n, one) in details().flat_map(|details| details.all("TxDtls")).enumerate() {
            let place = format!("{place}/NtryDtls/TxDtls[{}]", n.saturating_add(1));
            transactions.push(self.transaction(one, direction, currency, &place));
        }
        // The amount of the only one is the entry's, whatever was sent in whichever currency.
        if let ([only], true) = (transactions.as_mut_slice(), batch_count.is_none_or(|count| count == 1)) {
            (only.amount, only.currency) = (Some(amount), None);
        }
        Some(Entry {
            key: String::new(),
            account: common.account.clone(),
            currency,
            amount,
            direction,
            reversal,
            status: status?,
            booked_on,
            value_on,
            told_on: common.told_on,
            servicer_reference,
            note,
            batch_count,
            transactions,
        })
    }

    fn amount(&mut self, under: Element<'_>, path: &str, place: &str, required: bool) -> Option<(i64, Currency)> {
        let place_here = format!("{place}/{path}");
        let Some(element) = under.at(path) else {
            if required {
                self.fields.wrong(
                    &place_here,
                    "required",
                    "missing; write the amount with its currency, such as <Amt Ccy=\"EUR\">120.00</Amt>",
                );
            }
            return None;
        };
        let Some(code) = element.attribute("Ccy") else {
            self.fields.wrong(&format!("{place_here}/@Ccy"), "required", "missing; write the currency, such as EUR");
            return None;
        };
        let currency = self.fields.currency(&format!("{place_here}/@Ccy"), code)?;
        let amount = self.fields.amount(Some(under), place, path, currency)?;
        if amount < 0 {
            self.fields.wrong(&place_here, "out_of_range", "negative; the sign stands in CdtDbtInd");
            return None;
        }
        Some((amount, currency))
    }

    fn direction(&mut self, under: Element<'_>, place: &str) -> Option<Direction> {
        match under.text_at("CdtDbtInd") {
            Some("CRDT") => Some(Direction::Credit),
            Some("DBIT") => Some(Direction::Debit),
            other => {
                let found = other.map_or_else(|| "missing".to_owned(), |other| format!("{:?}", short(other)));
                self.fields.wrong(&format!("{place}/CdtDbtInd"), "wrong_format", format!("{found}; write CRDT or DBIT"));
                None
            }
        }
    }

    fn status(&mut self, entry: Element<'_>, place: &str) -> Option<EntryStatus> {
        match entry.text_at("Sts/Cd").or_else(|| entry.text_at("Sts/Prtry")).or_else(|| entry.text_at("Sts")) {
            Some("BOOK") => Some(EntryStatus::Booked),
            Some("PDNG" | "FUTR") => Some(EntryStatus::Pending),
            // A status of the bank's own is none that counts.
            Some(_) => Some(EntryStatus::Information),
            None if entry.at("Sts").is_some_and(|status| status.elements().next().is_some()) => {
                self.fields.wrong(&format!("{place}/Sts"), "wrong_format", "no Cd and no Prtry; write <Cd>BOOK</Cd>");
                None
            }
            None if self.format == BankFormat::Camt052 => Some(EntryStatus::Pending),
            None => Some(EntryStatus::Booked),
        }
    }

    /// A date, or the day of a moment in the bank's own zone.
    fn day(&mut self, entry: Element<'_>, place: &str, path: &str) -> Option<NaiveDate> {
        let under = entry.at(path)?;
        let place = format!("{place}/{path}");
        self.fields.date(Some(under), &place, "Dt").or_else(|| self.fields.date(Some(under), &place, "DtTm"))
    }

    fn transaction(&mut self, details: Element<'_>, of_entry: Direction, of_account: Currency, place: &str) -> Transaction {
        let direction = if details.at("CdtDbtInd").is_some() { self.direction(details, place) } else { None };
        let own = self.amount(details, "Amt", place, false);
        // `TxAmt` is what was moved on this account, `InstdAmt` what was asked for, perhaps in another currency and before charges.
        let moved = || details.at("AmtDtls/TxAmt").map(|amount| (amount, format!("{place}/AmtDtls/TxAmt")));
        let amount = own.or_else(|| moved().and_then(|(under, place)| self.amount(under, "Amt", &place, false)));
        let fields = &mut self.fields;
        let references = details.at("Refs");
        let mut reference = |path: &str| said(fields.text(references, &[path]));
        let mut transaction = Transaction {
            amount: amount.map(|(amount, _)| amount),
            currency: amount.map(|(_, currency)| currency).filter(|currency| *currency != of_account),
            end_to_end_id: reference("EndToEndId"),
            transaction_id: reference("TxId"),
            servicer_reference: reference("AcctSvcrRef"),
            uetr: reference("UETR"),
            mandate_id: reference("MndtId"),
            ..Transaction::new(direction.unwrap_or(of_entry))
        };
        let parties = details.at("RltdPties");
        transaction.debtor = counterparty(fields, parties, "Dbtr");
        transaction.creditor = counterparty(fields, parties, "Cdtr");
        transaction.ultimate_debtor = said(fields.text(parties, &["UltmtDbtr/Pty/Nm", "UltmtDbtr/Nm"]));
        let reason = ["Rsn/Cd", "Rsn/Prtry", "AddtlInf"];
        transaction.return_reason = fields.text(details.at("RtrInf"), &reason).or_else(|| fields.text(details.at("RjctInf"), &reason));
        remittance(fields, details, &mut transaction, place);
        transaction
    }
}

fn counterparty(fields: &mut Fields, parties: Option<Element<'_>>, name: &str) -> Counterparty {
    let names = [format!("{name}/Pty/Nm"), format!("{name}/Nm"), format!("{name}/Agt/FinInstnId/Nm")];
    let accounts = [format!("{name}Acct/Id/IBAN"), format!("{name}Acct/Id/Othr/Id")];
    Counterparty {
        name: said(fields.text(parties, &names.each_ref().map(String::as_str))),
        account: fields.text(parties, &accounts.each_ref().map(String::as_str)).map(|account| compact(&account)),
    }
}

/// What the payer says: references and document numbers as data, and all words put together.
fn remittance(fields: &mut Fields, details: Element<'_>, transaction: &mut Transaction, place: &str) {
    let mut words = Pieces::default();
    for information in details.all("RmtInf") {
        for piece in information.all("Ustrd").filter_map(Element::text) {
            words.add(piece);
        }
        for structured in information.all("Strd") {
            transaction.structured_references.extend(said(fields.text(Some(structured), &["CdtrRefInf/Ref"])));
            for document in structured.all("RfrdDocInf") {
                transaction.documents.extend(said(fields.text(Some(document), &["Nb"])));
            }
            for piece in structured.all("AddtlRmtInf").filter_map(Element::text) {
                words.end();
                words.add(piece);
            }
        }
    }
    match words.text {
        text if text.chars().count() > MAX_TEXT => {
            fields.wrong(&format!("{place}/RmtInf"), "too_long", format!("at most {MAX_TEXT} characters"));
        }
        text => transaction.text = Some(text).filter(|text| !text.is_empty()),
    }
}

/// A text that came in pieces.
#[derive(Default)]
pub(super) struct Pieces {
    pub(super) text: String,
    /// Whether the last piece was cut off where it was full.
    full: bool,
}

impl Pieces {
    fn add(&mut self, piece: &str) {
        let Some(clean) = said(Some(crate::domain::import::text::line(piece))).filter(|clean| !clean.is_empty()) else { return };
        if !self.text.is_empty() && !self.full {
            self.text.push(' ');
        }
        self.text.push_str(&clean);
        self.full = piece.chars().count() >= PIECE;
    }

    /// What follows is another text.
    const fn end(&mut self) {
        self.full = false;
    }
}
