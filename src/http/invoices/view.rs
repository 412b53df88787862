//! An invoice as callers see it, with its instalments and documents.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        external::Pairs,
        ids::{CustomerId, InstalmentId, InvoiceId, TenantId},
        ledger::{
            InvoiceKind,
            interest::{FixedSum, LateInterest},
            invoice::InvoiceStatus,
            terms::{Copied, DueDateSource, split::Discount},
        },
        money::Currency,
    },
    error::Result,
    store::{self, Conn, instalments::Instalment, invoices::Invoice},
};

/// A part of an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstalmentView {
    /// The instalment's id.
    pub id: InstalmentId,
    /// The last day on which it is paid in time.
    pub due_date: NaiveDate,
    /// In minor units.
    #[schema(minimum = 0)]
    pub amount: i64,
    /// What is left of it, in minor units.
    #[schema(minimum = 0)]
    pub balance: i64,
    /// The policy's step that was last completed for it, if any.
    #[schema(max_length = 60)]
    pub last_step: Option<String>,
    /// What paying it early saves, as the terms offer it.
    pub discount: Option<Discount>,
}

/// An invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceView {
    /// Always `invoice`.
    #[schema(max_length = 20, example = "invoice")]
    pub object: &'static str,
    /// The invoice's id.
    pub id: InvoiceId,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// The system that `external_id` comes from.
    #[schema(max_length = 50)]
    pub source: Option<String>,
    /// That system's name for it.
    #[schema(max_length = 200)]
    pub external_id: Option<String>,
    /// The number printed on it.
    #[schema(max_length = 60)]
    pub number: String,
    /// What it asks for.
    pub kind: InvoiceKind,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// The date printed on it.
    pub issue_date: NaiveDate,
    /// Of all its amounts.
    pub currency: Currency,
    /// What is owed, tax included, in minor units.
    #[schema(minimum = 0)]
    pub total: i64,
    /// The part before tax, in minor units.
    #[schema(minimum = 0)]
    pub net: Option<i64>,
    /// The tax in it, in minor units.
    #[schema(minimum = 0)]
    pub tax: Option<i64>,
    /// What is left to pay, in minor units: the sum of its instalments' balances.
    #[schema(minimum = 0)]
    pub balance: i64,
    /// Its parts, in order.
    #[schema(max_items = 60)]
    pub instalments: Vec<InstalmentView>,
    /// What the due dates come from.
    pub due_date_source: DueDateSource,
    /// The terms that it was recorded under, as they were then.
    pub terms: Option<Copied>,
    /// The date of the order.
    pub order_date: Option<NaiveDate>,
    /// The date of the delivery.
    pub delivery_date: Option<NaiveDate>,
    /// The debtor's order number.
    #[schema(max_length = 100)]
    pub order_reference: Option<String>,
    /// The delivery slip's number.
    #[schema(max_length = 100)]
    pub delivery_reference: Option<String>,
    /// The reference to give with a transfer.
    #[schema(max_length = 40)]
    pub structured_reference: Option<String>,
    /// The page where it can be paid.
    #[schema(max_length = 500)]
    pub payment_link: Option<String>,
    /// The interest it asks for when paid late; `null`: what the law gives.
    pub late_interest: Option<LateInterest>,
    /// The fixed sum it asks for when paid late; `null`: what the law gives.
    pub fixed_sum: Option<FixedSum>,
    /// The creditor's own notes.
    pub metadata: Pairs,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// An invoice and its parts; parts that a later version no longer has are not shown.
pub type Whole = (Invoice, Vec<Instalment>);

impl From<Whole> for InvoiceView {
    fn from((row, parts): Whole) -> Self {
        let shown = |part: &Instalment| part.amount_minor > 0 || row.total_minor == 0;
        Self {
            terms: row.copied(),
            due_date_source: row.due_date_source,
            order_date: row.order_date,
            delivery_date: row.delivery_date,
            object: "invoice",
            id: row.id,
            customer_id: row.customer_id,
            instalments: parts.into_iter().filter(shown).map(InstalmentView::from).collect(),
            source: row.source,
            external_id: row.external_id,
            number: row.number,
            kind: row.kind,
            status: row.status,
            issue_date: row.issue_date,
            currency: row.currency,
            total: row.total_minor,
            net: row.net_minor,
            tax: row.tax_minor,
            balance: row.balance_minor,
            order_reference: row.order_reference,
            delivery_reference: row.delivery_reference,
            structured_reference: row.structured_reference,
            payment_link: row.payment_link,
            late_interest: row.late_interest.map(|clause| clause.0),
            fixed_sum: row.fixed_sum.map(|clause| clause.0),
            metadata: row.metadata.0,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

impl From<Instalment> for InstalmentView {
    fn from(row: Instalment) -> Self {
        let discount = row.discount();
        Self { id: row.id, due_date: row.due_date, amount: row.amount_minor, balance: row.balance_minor, last_step: row.step_key, discount }
    }
}

/// Invoices with their parts.
pub fn with_parts(conn: &mut Conn, tenant: TenantId, rows: Vec<Invoice>) -> Result<Vec<Whole>> {
    let ids: Vec<InvoiceId> = rows.iter().map(|row| row.id).collect();
    let mut parts = HashMap::<InvoiceId, Vec<Instalment>>::new();
    for part in store::instalments::of_invoices(conn, tenant, &ids)? {
        parts.entry(part.invoice_id).or_default().push(part);
    }
    let whole = |row: Invoice| {
        let own = parts.remove(&row.id).unwrap_or_default();
        (row, own)
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// One invoice as callers see it.
pub fn view(conn: &mut Conn, tenant: TenantId, row: Invoice) -> Result<InvoiceView> {
    let parts = store::instalments::of_invoices(conn, tenant, &[row.id])?;
    Ok((row, parts).into())
}
