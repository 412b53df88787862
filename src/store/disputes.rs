//! Disputes: amounts that customers contest.

use chrono::NaiveDate;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper, dsl::sql, expression::SqlLiteral, sql_types::Date,
};

use super::{
    Conn, Json, Ts,
    order::{self, After, in_order},
    schema::disputes,
};
use crate::{
    domain::{
        ids::{CustomerId, DisputeId, DocumentId, InvoiceId, TaskId, TenantId},
        ledger::{
            dispute::{DisputeOutcome, DisputeReason, DisputeState},
            settlement::SettlementId,
        },
        money::Currency,
    },
    error::{Error, Result},
};

/// A dispute's row; without an amount it is about the whole invoice.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = disputes, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Dispute {
    pub tenant_id: TenantId,
    pub id: DisputeId,
    pub customer_id: CustomerId,
    pub invoice_id: InvoiceId,
    pub currency: Currency,
    pub amount_minor: Option<i64>,
    pub reason: DisputeReason,
    pub note: Option<String>,
    pub documents: Json<Vec<DocumentId>>,
    pub owner: Option<String>,
    pub respond_by: Option<NaiveDate>,
    pub state: DisputeState,
    pub outcome: Option<DisputeOutcome>,
    pub credited_minor: Option<i64>,
    pub credit_note_id: Option<SettlementId>,
    pub resolution: Option<String>,
    pub opened_on: NaiveDate,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub resolved_at: Option<Ts>,
    pub task_id: Option<TaskId>,
}

/// Adds a dispute.
pub fn insert(conn: &mut Conn, row: &Dispute) -> Result<()> {
    diesel::insert_into(disputes::table).values(row).execute(conn)?;
    Ok(())
}

/// One dispute.
pub fn find(conn: &mut Conn, tenant: TenantId, id: DisputeId) -> Result<Dispute> {
    disputes::table
        .filter(disputes::tenant_id.eq(tenant).and(disputes::id.eq(id)))
        .select(Dispute::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("dispute"))
}

/// Replaces a dispute's row. The caller holds the account's lock.
pub fn update(conn: &mut Conn, row: &Dispute) -> Result<()> {
    diesel::update(disputes::table.filter(disputes::tenant_id.eq(row.tenant_id).and(disputes::id.eq(row.id)))).set(row).execute(conn)?;
    Ok(())
}

/// The open disputes of an invoice.
pub fn open_of_invoice(conn: &mut Conn, tenant: TenantId, invoice: InvoiceId) -> Result<Vec<Dispute>> {
    Ok(disputes::table
        .filter(disputes::tenant_id.eq(tenant).and(disputes::invoice_id.eq(invoice)).and(disputes::state.eq(DisputeState::Open)))
        .order(disputes::id.asc())
        .select(Dispute::as_select())
        .load(conn)?)
}

crate::words! {
    /// The order of disputes.
    pub enum DisputeSort {
        /// As they came, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By the last day to answer, the earliest first; those without one come last.
        RespondBy = "respond_by",
        /// The latest day first; those without one come before it.
        LastToRespond = "-respond_by",
    }
}

impl DisputeSort {
    /// Whether a place in it is a day before it is an id.
    pub const fn is_by_respond_by(self) -> bool {
        matches!(self, Self::RespondBy | Self::LastToRespond)
    }
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only about this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only in this state.
    pub state: Option<DisputeState>,
    /// In which order; as they came, without one.
    pub sort: Option<DisputeSort>,
}

/// Stands for the last day to answer where there is none.
pub const SOMETIME: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// The last day to answer, as its index has it.
fn answered_by() -> SqlLiteral<Date> {
    sql("COALESCE(disputes.respond_by, '9999-12-31')")
}

/// Disputes in an order, after a place in it.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: After<DisputeId, NaiveDate>, limit: i64) -> Result<Vec<Dispute>> {
    let mut query = disputes::table.filter(disputes::tenant_id.eq(tenant)).select(Dispute::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(disputes::customer_id.eq(customer));
    }
    if let Some(invoice) = filter.invoice_id {
        query = query.filter(disputes::invoice_id.eq(invoice));
    }
    if let Some(state) = filter.state {
        query = query.filter(disputes::state.eq(state));
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    let query = if filter.sort.is_some_and(DisputeSort::is_by_respond_by) {
        in_order!(query, answered_by(), disputes::id, down, after)
    } else {
        in_order!(query, disputes::id, down, after)
    };
    Ok(query.limit(limit).load(conn)?)
}
