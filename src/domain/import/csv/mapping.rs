//! Which column of a table feeds which field: what a creditor says once, and keeps under a name.
//!
//! Not here: reading cells. What a mapping leaves open (delimiter, dates, decimals) is found out from the table, or asked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{customer::CustomerKind, external::ExternalKey, import::job::ImportKind, invalid::Faults, money::Currency};

/// Which column feeds which field, and how its cells are written. A column is named as in the table's first row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"source": "sage", "date_format": "%d/%m/%Y", "decimal_separator": ",", "currency": "EUR",
    "customer": {"external_id": "Code client", "name": "Client", "email": "Courriel"},
    "invoice": {"external_id": "Facture", "number": "Facture", "issue_date": "Date", "due_date": "Échéance", "amount": "Montant TTC"},
    "payment": {"date": "Payée le"}}))]
pub struct Mapping {
    /// The name under which external ids are kept.
    #[schema(min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9_.-]+$")]
    pub source: String,
    /// How dates are written, in `strftime` words; found out if absent. A table whose dates can be read in two ways is refused until it is given.
    #[serde(default)]
    #[schema(min_length = 2, max_length = 30, example = "%d/%m/%Y")]
    pub date_format: Option<String>,
    /// What stands before the decimals, `.` or `,`; found out if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1, pattern = "^[.,]$", example = ",")]
    pub decimal_separator: Option<char>,
    /// What stands between cells; found out if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1, pattern = "^[,;|\t]$", example = ";")]
    pub delimiter: Option<char>,
    /// The currency of every amount, unless a column gives it.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What every customer is in the eyes of the law.
    #[serde(default = "business")]
    #[schema(default = "business")]
    pub customer_kind: CustomerKind,
    /// Who owes, or paid.
    pub customer: CustomerColumns,
    /// What is owed. Without it the table is one of customers, or, with `payment`, of payments.
    #[serde(default)]
    pub invoice: Option<InvoiceColumns>,
    /// When the invoice was settled, if the table says so; in a table of payments, each payment.
    #[serde(default)]
    pub payment: Option<PaymentColumns>,
}

const fn business() -> CustomerKind {
    CustomerKind::Business
}

/// Columns of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerColumns {
    /// Your own name for the customer: unique.
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: String,
    /// The debtor's name; needed but for a table of payments.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// The customer number, as letters show it.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub number: Option<String>,
    /// A person there.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub contact_name: Option<String>,
    /// Where e-mail goes.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub email: Option<String>,
    /// A telephone number in E.164 form.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub phone: Option<String>,
    /// Your own segment.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub segment: Option<String>,
    /// Language, as a code of two letters.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub language: Option<String>,
    /// Street and house.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub street: Option<String>,
    /// Postal code.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub postal_code: Option<String>,
    /// Town.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2; its law protects the customer.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub country: Option<String>,
    /// VAT identifier.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub vat_id: Option<String>,
    /// Registration number: SIREN, BCE/KBO, HRB.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub registration_number: Option<String>,
}

/// Columns of the invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceColumns {
    /// Your own name for the invoice: unique.
    #[schema(min_length = 1, max_length = 200)]
    pub external_id: String,
    /// The number printed on it.
    #[schema(min_length = 1, max_length = 200)]
    pub number: String,
    /// The date printed on it.
    #[schema(min_length = 1, max_length = 200)]
    pub issue_date: String,
    /// The last day on which it is paid in time. Where the cell is empty, terms decide.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub due_date: Option<String>,
    /// The id of its terms.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub terms_id: Option<String>,
    /// What is owed, tax included.
    #[schema(min_length = 1, max_length = 200)]
    pub amount: String,
    /// Its currency, as an ISO 4217 code.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub currency: Option<String>,
    /// The debtor's order number.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub order_reference: Option<String>,
    /// What is to be quoted with a transfer.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub structured_reference: Option<String>,
}

/// Columns of the payment. An empty date means: not paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentColumns {
    /// The day on which it was paid.
    #[schema(min_length = 1, max_length = 200)]
    pub date: String,
    /// How much; the whole invoice if there is no such column.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub amount: Option<String>,
    /// Your own name for the payment: unique. Needed in a table of payments.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub external_id: Option<String>,
    /// What the payer wrote.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reference: Option<String>,
    /// Its currency, in a table of payments.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub currency: Option<String>,
}

impl Mapping {
    /// What a table is that it fits.
    pub const fn kind(&self) -> ImportKind {
        match (&self.invoice, &self.payment) {
            (Some(_), _) => ImportKind::Invoices,
            (None, Some(_)) => ImportKind::Payments,
            (None, None) => ImportKind::Customers,
        }
    }

    /// The rules that no schema can say and that need no table.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        if ExternalKey::from_path(&self.source, "x").is_err() {
            faults.add("/source", "wrong_format", "write 1 to 50 letters, digits, dots, hyphens or underscores");
        }
        if self.decimal_separator.is_some_and(|one| !matches!(one, '.' | ',')) {
            faults.add("/decimal_separator", "unknown_value", "write . or ,");
        }
        if self.delimiter.is_some_and(|one| !one.is_ascii() || one == '"' || one.is_ascii_alphanumeric()) {
            faults.add("/delimiter", "unknown_value", "write a single plain character: a comma, a semicolon, a tab or |");
        }
        let kind = self.kind();
        if self.customer.name.is_none() && kind != ImportKind::Payments {
            faults.add("/customer/name", "required", "name the column that holds the customer's name");
        }
        let in_a_column = self.invoice.as_ref().is_some_and(|one| one.currency.is_some())
            || self.payment.as_ref().is_some_and(|one| kind == ImportKind::Payments && one.currency.is_some());
        if self.currency.is_none() && !in_a_column && kind != ImportKind::Customers {
            faults.add("/currency", "required", "no currency: give currency, or the column that holds it");
        }
        if let (ImportKind::Payments, Some(payment)) = (kind, &self.payment) {
            for (name, column) in [("amount", &payment.amount), ("external_id", &payment.external_id)] {
                if column.is_none() {
                    faults.add(format!("/payment/{name}"), "required", "a table of payments has such a column");
                }
            }
        }
        faults
    }

    /// What stands in the way of reading a table with these headings.
    ///
    /// # Errors
    /// Columns that are missing, beside what [`Mapping::check`] finds.
    pub fn fits(&self, headings: &[String]) -> Result<(), Faults> {
        let mut faults = self.check();
        for (field, column) in self.columns() {
            if !headings.iter().any(|one| one == column) {
                let there: Vec<&str> = headings.iter().take(50).map(String::as_str).collect();
                faults.add(field, "not_found", format!("no column {column:?} in the file; it has {}", there.join(", ")));
            }
        }
        faults.or(())
    }

    /// The fields with their columns, by JSON Pointer.
    fn columns(&self) -> impl Iterator<Item = (String, &String)> {
        let customer = &self.customer;
        let mut all = vec![("/customer/external_id", Some(&customer.external_id))];
        all.extend([
            ("/customer/name", customer.name.as_ref()),
            ("/customer/number", customer.number.as_ref()),
            ("/customer/contact_name", customer.contact_name.as_ref()),
            ("/customer/email", customer.email.as_ref()),
            ("/customer/phone", customer.phone.as_ref()),
            ("/customer/segment", customer.segment.as_ref()),
            ("/customer/language", customer.language.as_ref()),
            ("/customer/street", customer.street.as_ref()),
            ("/customer/postal_code", customer.postal_code.as_ref()),
            ("/customer/city", customer.city.as_ref()),
            ("/customer/country", customer.country.as_ref()),
            ("/customer/vat_id", customer.vat_id.as_ref()),
            ("/customer/registration_number", customer.registration_number.as_ref()),
        ]);
        if let Some(invoice) = &self.invoice {
            all.extend([
                ("/invoice/external_id", Some(&invoice.external_id)),
                ("/invoice/number", Some(&invoice.number)),
                ("/invoice/issue_date", Some(&invoice.issue_date)),
                ("/invoice/amount", Some(&invoice.amount)),
                ("/invoice/due_date", invoice.due_date.as_ref()),
                ("/invoice/terms_id", invoice.terms_id.as_ref()),
                ("/invoice/currency", invoice.currency.as_ref()),
                ("/invoice/order_reference", invoice.order_reference.as_ref()),
                ("/invoice/structured_reference", invoice.structured_reference.as_ref()),
            ]);
        }
        if let Some(payment) = &self.payment {
            all.extend([
                ("/payment/date", Some(&payment.date)),
                ("/payment/amount", payment.amount.as_ref()),
                ("/payment/external_id", payment.external_id.as_ref()),
                ("/payment/reference", payment.reference.as_ref()),
                ("/payment/currency", payment.currency.as_ref()),
            ]);
        }
        all.into_iter().filter_map(|(field, column)| Some((field.to_owned(), column?)))
    }

    /// The columns that hold dates.
    pub(super) fn date_columns(&self) -> Vec<&String> {
        let invoice = self.invoice.iter().flat_map(|one| std::iter::once(&one.issue_date).chain(&one.due_date));
        invoice.chain(self.payment.iter().map(|one| &one.date)).collect()
    }

    /// The columns that hold amounts.
    pub(super) fn amount_columns(&self) -> Vec<&String> {
        self.invoice.iter().map(|one| &one.amount).chain(self.payment.iter().filter_map(|one| one.amount.as_ref())).collect()
    }
}
