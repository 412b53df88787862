//! Rows of a table by a mapping: customers, invoices with their customer and perhaps their payment, or payments.
//!
//! Not here: reading files. Invariants: every cell that cannot be read is named with its column and its value; the same row and mapping
//! always give the same external ids, so that a file may be imported again.

mod mapping;
mod style;

use chrono::NaiveDate;

use super::{amount::minor, job::ImportProblem};
use crate::domain::{
    change::Change,
    customer::{Address, NewContact, NewCustomer},
    external::{ExternalKey, Pairs},
    ids::WrongId,
    ledger::{
        InvoiceKind,
        invoice::NewInvoice,
        settlement::{NewPayment, NewSettlement},
    },
    money::Currency,
    tenant::AddressLine,
};

pub use mapping::{CustomerColumns, InvoiceColumns, Mapping, PaymentColumns};
pub use style::{delimiter, settled};

/// What one row says.
#[derive(Debug, Clone)]
pub enum Row {
    /// Who owes, what, and what was paid of it, if anything. What the payment settles is known once the invoice has an id.
    Invoice(Box<(NewCustomer, NewInvoice, Option<NewSettlement>)>),
    /// A customer.
    Customer(Box<NewCustomer>),
    /// A payment of a known customer.
    Payment(Box<NewSettlement>),
}

impl Row {
    /// How people call what the row is about.
    pub fn reference(&self) -> &str {
        match self {
            Self::Invoice(row) => &row.1.number,
            Self::Customer(customer) => &customer.name,
            Self::Payment(payment) => payment.external_id.as_deref().unwrap_or_default(),
        }
    }

    /// The day from which it is known: a customer is known from the beginning.
    pub fn since(&self) -> Option<NaiveDate> {
        match self {
            Self::Invoice(row) => Some(row.1.issue_date),
            Self::Customer(_) => None,
            Self::Payment(payment) => Some(payment.settled_on),
        }
    }
}

impl Mapping {
    /// Reads a row.
    ///
    /// # Errors
    /// One problem per cell that cannot be read.
    pub fn read(&self, headings: &[String], cells: &[&str]) -> Result<Row, Vec<ImportProblem>> {
        let mut cells = Cells { headings, cells, problems: Vec::new() };
        let read = match (&self.invoice, &self.payment) {
            (Some(columns), _) => self.invoice(&mut cells, columns).map(|row| Row::Invoice(Box::new(row))),
            (None, Some(columns)) => self.payment(&mut cells, columns).map(|row| Row::Payment(Box::new(row))),
            (None, None) => self.customer(&mut cells).map(|row| Row::Customer(Box::new(row))),
        };
        match read {
            Some(read) if cells.problems.is_empty() => Ok(read),
            _ => Err(cells.problems),
        }
    }

    /// How people call a row that cannot be read whole: its invoice's number, or the name of what it is about.
    pub fn reference(&self, headings: &[String], cells: &[&str]) -> String {
        let payment = self.payment.as_ref().and_then(|one| one.external_id.as_ref());
        let column = self.invoice.as_ref().map(|one| &one.number).or(payment).or(self.customer.name.as_ref());
        let place = column.and_then(|column| headings.iter().position(|one| one == column));
        let cell = place.and_then(|place| cells.get(place)).map_or("", |cell| cell.trim());
        cell.chars().filter(|one| !one.is_control()).take(200).collect()
    }

    /// Every cell is read before any is given up, so that one pass names all problems.
    fn invoice(&self, cells: &mut Cells<'_>, columns: &InvoiceColumns) -> Option<(NewCustomer, NewInvoice, Option<NewSettlement>)> {
        let customer = self.customer(cells);
        let (external_id, number) = (cells.text(&columns.external_id, 190), cells.text(&columns.number, 60));
        let issue_date = self.date(cells, &columns.issue_date);
        // A due date or terms may be absent: the customer's or the tenant's terms then say when it is due.
        let due_date = cells.filled(&columns.due_date).map(|column| self.date(cells, column));
        let terms_id = cells.filled(&columns.terms_id);
        let terms_id = terms_id.map(|column| cells.parsed(column, |text| text.parse().map_err(|error: WrongId| error.to_string())));
        let currency = self.currency(cells, columns.currency.as_ref());
        let total = currency.and_then(|currency| self.amount(cells, &columns.amount, currency));
        let order_reference = cells.optional(&columns.order_reference, 100);
        let structured_reference = cells.optional(&columns.structured_reference, 40);
        let paid = self.payment.as_ref().map(|payment| self.paid(cells, payment, currency));
        let (customer, external_id, currency, total) = (customer?, external_id?, currency?, total?);
        let invoice = NewInvoice {
            customer_id: None,
            customer: customer.key(),
            source: Some(self.source.clone()),
            external_id: Some(external_id),
            number: number?,
            kind: InvoiceKind::Invoice,
            issue_date: issue_date?,
            currency,
            total,
            net: None,
            tax: None,
            due_date: due_date.flatten(),
            dated_by_terms: false,
            terms_id: terms_id.flatten(),
            order_date: None,
            delivery_date: None,
            instalments: Vec::new(),
            order_reference,
            credit_decision_id: None,
            delivery_reference: None,
            structured_reference,
            payment_link: None,
            metadata: Pairs::default(),
            late_interest: None,
            fixed_sum: None,
            documents: Vec::new(),
        };
        let payment = match paid {
            Some(paid) => paid?.map(|(date, amount)| self.settled(&invoice, date, amount.unwrap_or(total))),
            None => None,
        };
        Some((customer, invoice, payment))
    }

    fn customer(&self, cells: &mut Cells<'_>) -> Option<NewCustomer> {
        let columns = &self.customer;
        let external_id = cells.text(&columns.external_id, 200);
        let name = columns.name.as_ref().and_then(|column| cells.text(column, 140));
        let (number, segment) = (cells.optional(&columns.number, 60), cells.optional(&columns.segment, 60));
        let person = cells.optional(&columns.contact_name, 140);
        let email = cells.filled(&columns.email).and_then(|column| cells.parsed(column, str::parse));
        let phone = cells.filled(&columns.phone).and_then(|column| cells.parsed(column, str::parse));
        let language = cells.filled(&columns.language).and_then(|column| cells.parsed(column, |text| text.to_lowercase().parse()));
        let country = cells.filled(&columns.country).and_then(|column| cells.parsed(column, |text| text.to_uppercase().parse()));
        let address = Address {
            lines: cells.optional(&columns.street, 100).into_iter().map(AddressLine).collect(),
            postal_code: cells.optional(&columns.postal_code, 20),
            city: cells.optional(&columns.city, 100),
            country: country.as_ref().map(ToString::to_string),
        };
        let numbers = [("vat_id", &columns.vat_id), ("registration_number", &columns.registration_number)];
        let identifiers = numbers.into_iter().filter_map(|(name, column)| Some((name.to_owned(), cells.optional(column, 100)?))).collect();
        let name = name?;
        let reachable = email.is_some() || phone.is_some() || person.is_some();
        let contact = NewContact {
            name: person.unwrap_or_else(|| name.clone()),
            role: None,
            email,
            phone,
            language: None,
            opted_out: Vec::new(),
            primary: false,
        };
        Some(NewCustomer {
            source: Some(self.source.clone()),
            external_id: Some(external_id?),
            number,
            name,
            kind: self.customer_kind,
            jurisdiction: country,
            language,
            time_zone: None,
            segment,
            score: None,
            company: Default::default(),
            policy_id: None,
            interest: Change::Keep,
            terms_id: Change::Keep,
            identifiers: Pairs(identifiers),
            address,
            metadata: Pairs::default(),
            contacts: if reachable { vec![contact] } else { Vec::new() },
        })
    }

    /// When and how much was paid: `Some(None)` for nothing, `None` for a cell that cannot be read.
    fn paid(
        &self,
        cells: &mut Cells<'_>,
        columns: &PaymentColumns,
        currency: Option<Currency>,
    ) -> Option<Option<(NaiveDate, Option<i64>)>> {
        if cells.raw(&columns.date).is_empty() {
            return Some(None);
        }
        let date = self.date(cells, &columns.date);
        let amount = match &columns.amount {
            Some(column) => Some(self.amount(cells, column, currency?)?),
            None => None,
        };
        if amount == Some(0) {
            return Some(None);
        }
        Some(Some((date?, amount)))
    }

    /// What was paid of an invoice, by the invoice's own name.
    fn settled(&self, invoice: &NewInvoice, received_on: NaiveDate, amount: i64) -> NewSettlement {
        let name = invoice.external_id.as_deref().unwrap_or_default();
        self.new_payment(invoice.customer.clone(), format!("{name}:settled"), invoice.currency, amount, received_on, None)
    }

    /// A row of a table of payments.
    fn payment(&self, cells: &mut Cells<'_>, columns: &PaymentColumns) -> Option<NewSettlement> {
        let customer = cells.text(&self.customer.external_id, 200);
        let name = columns.external_id.as_ref().and_then(|column| cells.text(column, 200));
        let date = self.date(cells, &columns.date);
        let currency = self.currency(cells, columns.currency.as_ref());
        let amount = currency.and_then(|currency| self.amount(cells, columns.amount.as_ref()?, currency));
        let reference = cells.optional(&columns.reference, 200);
        if amount == Some(0) {
            cells.wrong(columns.amount.as_deref().unwrap_or_default(), "a payment of nothing");
        }
        let customer = ExternalKey { source: self.source.clone(), external_id: customer? };
        Some(self.new_payment(Some(customer), name?, currency?, amount?, date?, reference))
    }

    fn new_payment(
        &self,
        customer: Option<ExternalKey>,
        external_id: String,
        currency: Currency,
        amount: i64,
        received_on: NaiveDate,
        reference: Option<String>,
    ) -> NewSettlement {
        let (source, external_id) = (Some(self.source.clone()), Some(external_id));
        let (metadata, method, customer_id, allocations, allocate) = (Pairs::default(), None, None, None, None);
        NewPayment {
            customer_id,
            customer,
            source,
            external_id,
            currency,
            amount,
            received_on,
            method,
            reference,
            metadata,
            allocations,
            allocate,
        }
        .into()
    }

    fn currency(&self, cells: &mut Cells<'_>, column: Option<&String>) -> Option<Currency> {
        match column {
            Some(column) => cells.parsed(column, str::parse::<Currency>),
            None => self.currency,
        }
    }

    fn date(&self, cells: &mut Cells<'_>, column: &str) -> Option<NaiveDate> {
        let format = self.date_format.as_deref().unwrap_or("%Y-%m-%d");
        cells.parsed(column, |text| NaiveDate::parse_from_str(text, format).map_err(|_| format!("not a date written as {format}")))
    }

    fn amount(&self, cells: &mut Cells<'_>, column: &str, currency: Currency) -> Option<i64> {
        cells.parsed(column, |text| minor(text, self.decimal_separator.unwrap_or('.'), currency))
    }
}

/// The cells of one row by their headings, and what is wrong with them.
struct Cells<'a> {
    headings: &'a [String],
    cells: &'a [&'a str],
    problems: Vec<ImportProblem>,
}

impl<'a> Cells<'a> {
    fn raw(&self, column: &str) -> &'a str {
        let place = self.headings.iter().position(|one| one == column);
        place.and_then(|place| self.cells.get(place)).map_or("", |cell| cell.trim())
    }

    fn wrong(&mut self, column: &str, problem: impl Into<String>) {
        let value = Some(self.raw(column).chars().take(200).collect());
        self.problems.push(ImportProblem { place: column.to_owned(), value, detail: problem.into() });
    }

    fn parsed<T>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        parse(self.raw(column)).map_err(|problem| self.wrong(column, problem)).ok()
    }

    /// The column, if there is one and its cell is not empty.
    fn filled<'c>(&self, column: &'c Option<String>) -> Option<&'c String> {
        column.as_ref().filter(|column| !self.raw(column).is_empty())
    }

    fn text(&mut self, column: &str, max: usize) -> Option<String> {
        let text = self.bounded(column, max);
        if text.is_none() && self.raw(column).is_empty() {
            self.wrong(column, "is empty");
        }
        text
    }

    fn optional(&mut self, column: &Option<String>, max: usize) -> Option<String> {
        column.as_ref().and_then(|column| self.bounded(column, max))
    }

    fn bounded(&mut self, column: &str, max: usize) -> Option<String> {
        let text = self.raw(column);
        if text.chars().count() > max || text.chars().any(char::is_control) {
            self.wrong(column, format!("at most {max} characters, without control characters"));
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few hundred tables, or for as many seconds as `RELANCE_FUZZ_SECONDS` says.
    #[test]
    fn foreign_tables_are_read_or_refused() {
        use proptest::{prelude::*, test_runner::TestRunner};

        let mapping: Mapping = toml::from_str(
            "source = \"old\"\ndate_format = \"%d/%m/%Y\"\ndecimal_separator = \",\"\ncurrency = \"EUR\"\n[customer]\nexternal_id = \"a\"\nname = \"b\"\nemail = \"c\"\n\
             [invoice]\nexternal_id = \"d\"\nnumber = \"d\"\nissue_date = \"e\"\ndue_date = \"f\"\namount = \"g\"\n[payment]\ndate = \"h\"\n",
        )
        .unwrap();
        let headings: Vec<String> = "abcdefgh".chars().map(String::from).collect();
        let seconds = std::env::var("RELANCE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        let cell = prop_oneof!["[0-9]{1,2}/[0-9]{1,2}/[0-9]{1,5}", "-?[0-9 ]{0,25},?[0-9]{0,5}", "\\PC{0,20}", ".{0,20}"];
        let table = (proptest::collection::vec(cell, 0..12), ".{0,40}", proptest::collection::vec("[a-i]", 0..10));
        loop {
            let mut runner = TestRunner::new(proptest::test_runner::Config { failure_persistence: None, ..Default::default() });
            let read = |(cells, line, other): (Vec<String>, String, Vec<String>)| {
                let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                let rows = [cells.iter().map(|cell| (*cell).to_owned()).collect()];
                let _ = (delimiter(&line), mapping.fits(&other), mapping.read(&headings, &cells), mapping.read(&other, &cells));
                let open = Mapping { date_format: None, decimal_separator: None, ..mapping.clone() };
                if let Ok(settled) = settled(&open, &headings, &rows) {
                    let _ = settled.read(&headings, &cells);
                }
                Ok(())
            };
            runner.run(&table, read).unwrap();
            if std::time::Instant::now() >= end {
                return;
            }
        }
    }
}
