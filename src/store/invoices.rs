//! Invoices. Their parts are in [`instalments`](super::instalments).

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
    dsl::sql,
    sql_types::{Bool, Text},
};

use super::{
    Conn, Json, Ts,
    customers::BATCH,
    names,
    schema::{disputes, instalments, invoices, promise_instalments, promises},
    types::DbUuid,
};
use crate::{
    domain::{
        external::{ExternalKey, Pairs},
        ids::{CustomerId, InvoiceId, TenantId, TermsId},
        import::matching::bare,
        ledger::{
            InvoiceKind,
            dispute::DisputeState,
            interest::{FixedSum, LateInterest},
            invoice::InvoiceStatus,
            promise::PromiseState,
            proposal::Named,
            terms::{Copied, Dates, DueDateSource, Terms, split::Amounts},
        },
        money::Currency,
        search::{beginning_with, folded},
    },
    error::{Error, Result},
    insert_all,
};

/// An invoice's row. Its balance is the sum of its instalments' balances.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoices, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are; units and meaning stand on the domain's types")]
pub struct Invoice {
    pub tenant_id: TenantId,
    pub id: InvoiceId,
    pub customer_id: CustomerId,
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub number: String,
    pub kind: InvoiceKind,
    pub status: InvoiceStatus,
    pub issue_date: NaiveDate,
    pub currency: Currency,
    pub net_minor: Option<i64>,
    pub tax_minor: Option<i64>,
    pub total_minor: i64,
    pub balance_minor: i64,
    pub order_reference: Option<String>,
    pub delivery_reference: Option<String>,
    pub structured_reference: Option<String>,
    pub payment_link: Option<String>,
    pub metadata: Json<Pairs>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub late_interest: Option<Json<LateInterest>>,
    pub fixed_sum: Option<Json<FixedSum>>,
    pub order_date: Option<NaiveDate>,
    pub delivery_date: Option<NaiveDate>,
    pub due_date_source: DueDateSource,
    pub terms_id: Option<TermsId>,
    pub terms_version: Option<i32>,
    pub terms: Option<Json<Terms>>,
    /// The number as payers' words are searched for it; none for one that they would quote by chance.
    pub bare_number: Option<String>,
    /// The structured reference, likewise.
    pub bare_reference: Option<String>,
}

impl Invoice {
    /// As payers' words are searched for it under the number and the reference that it now has.
    pub fn searchable(self) -> Self {
        Self { bare_number: bare(&self.number), bare_reference: self.structured_reference.as_deref().and_then(bare), ..self }
    }

    /// What it comes to.
    pub const fn amounts(&self) -> Amounts {
        Amounts { total: self.total_minor, net: self.net_minor, currency: self.currency }
    }

    /// The dates that its terms may count from.
    pub const fn dates(&self) -> Dates {
        Dates { issue: self.issue_date, order: self.order_date, delivery: self.delivery_date }
    }

    /// The terms that it was recorded under, as they were then.
    pub fn copied(&self) -> Option<Copied> {
        Some(Copied { terms_id: self.terms_id?, version: self.terms_version?, document: self.terms.clone()?.0 })
    }

    /// Its name in another system, if it has one.
    pub fn key(&self) -> Option<ExternalKey> {
        ExternalKey::of(self.source.as_deref(), self.external_id.as_deref())
    }
}

/// Adds invoices.
pub fn insert(conn: &mut Conn, rows: &[Invoice]) -> Result<()> {
    insert_all!(conn, rows, Invoice in invoices {
        tenant_id, id, customer_id, source, external_id, number, kind, status, issue_date, currency, net_minor, tax_minor, total_minor, balance_minor, order_reference, delivery_reference, structured_reference, payment_link, metadata, version, created_at, updated_at, late_interest, fixed_sum, order_date, delivery_date, due_date_source, terms_id, terms_version, terms, bare_number, bare_reference,
    });
    Ok(())
}

/// Replaces an invoice's row.
pub fn update(conn: &mut Conn, row: &Invoice) -> Result<()> {
    diesel::update(invoices::table.filter(invoices::tenant_id.eq(row.tenant_id).and(invoices::id.eq(row.id)))).set(row).execute(conn)?;
    Ok(())
}

/// Takes `paid` off an invoice's balance (or gives it back, if negative), and sets its status by what is left. The caller holds the
/// account's lock.
pub fn settle(conn: &mut Conn, tenant: TenantId, id: InvoiceId, paid: i64, now: Ts) -> Result<()> {
    let row = find(conn, tenant, id)?;
    let balance_minor = row.balance_minor.checked_sub(paid).filter(|left| (0..=row.total_minor).contains(left));
    let balance_minor = balance_minor.ok_or_else(|| Error::internal(format!("{id}: {paid} does not fit its balance")))?;
    diesel::update(invoices::table.filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq(id))))
        .set((
            invoices::balance_minor.eq(balance_minor),
            invoices::status.eq(InvoiceStatus::of(balance_minor)),
            invoices::version.eq(row.version.saturating_add(1)),
            invoices::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// One invoice.
pub fn find(conn: &mut Conn, tenant: TenantId, id: InvoiceId) -> Result<Invoice> {
    invoices::table
        .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq(id)))
        .select(Invoice::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("invoice"))
}

/// One invoice by the name that another system gave it.
pub fn find_by_key(conn: &mut Conn, tenant: TenantId, key: &ExternalKey) -> Result<Invoice> {
    let mut found = find_by_keys(conn, tenant, std::slice::from_ref(key))?;
    found.remove(key).ok_or(Error::NotFound("invoice"))
}

/// Those of the names that are known, with their invoices.
pub fn find_by_keys(conn: &mut Conn, tenant: TenantId, keys: &[ExternalKey]) -> Result<HashMap<ExternalKey, Invoice>> {
    let ids: Vec<InvoiceId> = names::ids(conn, tenant, "invoices", keys)?.into_values().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for part in ids.chunks(BATCH) {
        found.extend(of_ids(conn, tenant, part)?.into_iter().filter_map(|row| Some((row.key()?, row))));
    }
    Ok(found)
}

/// How payers may name these invoices.
pub fn named(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId]) -> Result<Vec<Named>> {
    let mut found = Vec::new();
    for part in ids.chunks(BATCH) {
        let rows: Vec<(InvoiceId, String, Option<String>)> = invoices::table
            .filter(invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(part.to_vec())))
            .order(invoices::id.asc())
            .select((invoices::id, invoices::number, invoices::structured_reference))
            .load(conn)?;
        found.extend(rows.into_iter().map(|(invoice_id, number, structured_reference)| Named { invoice_id, number, structured_reference }));
    }
    Ok(found)
}

/// Those of the ids that are there, at most a page of them.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[InvoiceId]) -> Result<Vec<Invoice>> {
    let here = invoices::tenant_id.eq(tenant).and(invoices::id.eq_any(ids.to_vec()));
    Ok(invoices::table.filter(here).select(Invoice::as_select()).load(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "each is a column, or says what is open about an invoice; the bounds on due dates look at instalments with something left to pay"
)]
pub struct Filter {
    pub customer_id: Option<CustomerId>,
    pub status: Option<InvoiceStatus>,
    pub currency: Option<Currency>,
    pub number: Option<String>,
    pub source: Option<String>,
    pub external_id: Option<String>,
    pub due_from: Option<NaiveDate>,
    pub due_to: Option<NaiveDate>,
    pub disputed: Option<bool>,
    pub promised: Option<bool>,
    /// The beginning of the number, of the external id or of the customer's name; capitals do not matter, nor a name's accents.
    pub prefix: Option<String>,
}

crate::words! {
    /// The order of invoices.
    pub enum InvoiceSort {
        /// As they were recorded, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By the due date of the first instalment, the earliest first.
        DueDate = "due_date",
        /// The latest first.
        LatestDue = "-due_date",
    }
}

impl InvoiceSort {
    /// Whether a place in it is a due date before it is an id.
    pub const fn is_by_due_date(self) -> bool {
        matches!(self, Self::DueDate | Self::LatestDue)
    }
}

/// Those whose number, external id or customer's name begins so: each by its own index, and none of them twice.
macro_rules! beginning {
    ($prefix:expr, $tenant:expr) => {{
        let ((plain, past_plain), (name, past_name)) = (beginning_with(&$prefix.to_ascii_lowercase()), beginning_with(&folded($prefix)));
        sql::<Bool>("invoices.id IN (SELECT id FROM invoices WHERE tenant_id = ")
            .bind::<DbUuid, _>($tenant)
            .sql(" AND number_key >= ")
            .bind::<Text, _>(plain.clone())
            .sql(" AND number_key < ")
            .bind::<Text, _>(past_plain.clone())
            .sql(" UNION SELECT id FROM invoices WHERE tenant_id = ")
            .bind::<DbUuid, _>($tenant)
            .sql(" AND external_key >= ")
            .bind::<Text, _>(plain)
            .sql(" AND external_key < ")
            .bind::<Text, _>(past_plain)
            .sql(" UNION SELECT i.id FROM customers c JOIN invoices i ON i.tenant_id = c.tenant_id AND i.customer_id = c.id WHERE c.tenant_id = ")
            .bind::<DbUuid, _>($tenant)
            .sql(" AND c.name_key >= ")
            .bind::<Text, _>(name)
            .sql(" AND c.name_key < ")
            .bind::<Text, _>(past_name)
            .sql(")")
    }};
}

/// Those of `$invoices`, the table or a join of it, that a filter lets through.
macro_rules! matching {
    ($invoices:expr, $tenant:expr, $filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = $invoices.filter(invoices::tenant_id.eq($tenant)).into_boxed();
        if let Some(customer) = filter.customer_id {
            query = query.filter(invoices::customer_id.eq(customer));
        }
        if let Some(status) = filter.status {
            query = query.filter(invoices::status.eq(status));
        }
        if let Some(currency) = filter.currency {
            query = query.filter(invoices::currency.eq(currency));
        }
        if let Some(number) = &filter.number {
            let here = sql::<Bool>("invoices.number_key = ").bind::<Text, _>(number.to_ascii_lowercase());
            query = query.filter(here).filter(invoices::number.eq(number.clone()));
        }
        if let Some(prefix) = &filter.prefix {
            query = query.filter(beginning!(prefix, $tenant));
        }
        if let Some(source) = &filter.source {
            query = query.filter(invoices::source.eq(source.clone()));
        }
        if let Some(name) = &filter.external_id {
            query = query.filter(invoices::external_id.eq(name.clone()));
        }
        if filter.due_from.is_some() || filter.due_to.is_some() {
            let (from, to) = (filter.due_from.unwrap_or(EARLIEST), filter.due_to.unwrap_or(LATEST));
            let due = instalments::table
                .filter(instalments::tenant_id.eq($tenant).and(instalments::balance_minor.gt(0)))
                .filter(instalments::due_date.ge(from).and(instalments::due_date.le(to)))
                .select(instalments::invoice_id);
            query = query.filter(invoices::id.eq_any(due));
        }
        let disputed = disputes::table
            .filter(disputes::tenant_id.eq($tenant).and(disputes::state.eq(DisputeState::Open)))
            .select(disputes::invoice_id);
        query = match filter.disputed {
            Some(true) => query.filter(invoices::id.eq_any(disputed)),
            Some(false) => query.filter(invoices::id.ne_all(disputed)),
            None => query,
        };
        let covers = promise_instalments::tenant_id.eq(promises::tenant_id).and(promise_instalments::promise_id.eq(promises::id));
        let covered = instalments::tenant_id.eq(promises::tenant_id).and(instalments::id.eq(promise_instalments::instalment_id));
        let promised = promises::table
            .inner_join(promise_instalments::table.on(covers))
            .inner_join(instalments::table.on(covered))
            .filter(promises::tenant_id.eq($tenant).and(promises::state.eq(PromiseState::Open)))
            .select(instalments::invoice_id);
        match filter.promised {
            Some(true) => query.filter(invoices::id.eq_any(promised)),
            Some(false) => query.filter(invoices::id.ne_all(promised)),
            None => query,
        }
    }};
}

/// How many a filter lets through.
pub fn count(conn: &mut Conn, tenant: TenantId, filter: &Filter) -> Result<i64> {
    Ok(matching!(invoices::table, tenant, filter).count().get_result(conn)?)
}

/// Invoices in an order, after a place in it: an id, and the due date that it was sorted by, if it was.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    filter: &Filter,
    sort: InvoiceSort,
    after: Option<(InvoiceId, Option<NaiveDate>)>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    if sort.is_by_due_date() {
        return list_by_due_date(conn, tenant, filter, sort == InvoiceSort::LatestDue, after, limit);
    }
    let query = matching!(invoices::table, tenant, filter).select(Invoice::as_select()).limit(limit);
    let after = after.map(|(id, _)| id);
    Ok(match (sort == InvoiceSort::Newest, after) {
        (false, None) => query.order(invoices::id.asc()).load(conn)?,
        (false, Some(id)) => query.filter(invoices::id.gt(id)).order(invoices::id.asc()).load(conn)?,
        (true, None) => query.order(invoices::id.desc()).load(conn)?,
        (true, Some(id)) => query.filter(invoices::id.lt(id)).order(invoices::id.desc()).load(conn)?,
    })
}

/// Every invoice has a first instalment, whose index is read in its order.
fn list_by_due_date(
    conn: &mut Conn,
    tenant: TenantId,
    filter: &Filter,
    latest_first: bool,
    after: Option<(InvoiceId, Option<NaiveDate>)>,
    limit: i64,
) -> Result<Vec<Invoice>> {
    let first = diesel::alias!(instalments as first);
    let (of, due, invoice) =
        (first.field(instalments::tenant_id), first.field(instalments::due_date), first.field(instalments::invoice_id));
    let is_first = of.eq(tenant).and(invoice.eq(invoices::id)).and(first.field(instalments::position).eq(0));
    let mut query = matching!(invoices::table.inner_join(first.on(is_first)), tenant, filter).select(Invoice::as_select()).limit(limit);
    if let Some((id, Some(day))) = after {
        // The bound alone says where to begin in the index; what it lets in of its day is left out by the id.
        query = match latest_first {
            false => query.filter(due.ge(day)).filter(due.gt(day).or(invoice.gt(id))),
            true => query.filter(due.le(day)).filter(due.lt(day).or(invoice.lt(id))),
        };
    }
    Ok(match latest_first {
        false => query.order((due.asc(), invoice.asc())).load(conn)?,
        true => query.order((due.desc(), invoice.desc())).load(conn)?,
    })
}

/// Bounds of a due date that both databases can compare.
const EARLIEST: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
const LATEST: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};
