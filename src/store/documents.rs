//! Documents beside invoices and customers: which file they are, or where else they live.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Ts, customers::BATCH, schema::documents};
use crate::{
    domain::{
        ids::{CustomerId, DocumentId, FileId, InvoiceId, TenantId},
        ledger::document::MediaType,
    },
    each,
    error::{Error, Result},
};

/// A document's row, without its bytes. One that lives elsewhere has a `url`; one that is kept here a file, its size and its digest.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = documents, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Document {
    pub tenant_id: TenantId,
    pub id: DocumentId,
    pub invoice_id: Option<InvoiceId>,
    pub customer_id: Option<CustomerId>,
    pub name: String,
    pub media_type: MediaType,
    pub size: Option<i64>,
    pub sha256: Option<Vec<u8>>,
    pub url: Option<String>,
    pub file_id: Option<FileId>,
    pub created_at: Ts,
}

impl Document {
    /// Where its bytes are.
    ///
    /// # Errors
    /// It lives elsewhere.
    pub fn file(&self) -> Result<FileId> {
        self.file_id.ok_or(Error::NotFound("document content"))
    }
}

/// Adds documents.
pub fn insert(conn: &mut Conn, rows: &[Document]) -> Result<()> {
    for part in rows.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(documents::table).values(part).execute(c))?;
    }
    Ok(())
}

/// One document.
pub fn find(conn: &mut Conn, tenant: TenantId, id: DocumentId) -> Result<Document> {
    documents::table
        .filter(documents::tenant_id.eq(tenant).and(documents::id.eq(id)))
        .select(Document::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("document"))
}

/// The documents of an invoice.
pub fn of_invoice(conn: &mut Conn, tenant: TenantId, invoice: InvoiceId) -> Result<Vec<Document>> {
    Ok(documents::table
        .filter(documents::tenant_id.eq(tenant).and(documents::invoice_id.eq(invoice)))
        .order(documents::id.asc())
        .select(Document::as_select())
        .load(conn)?)
}

/// The documents of invoices, oldest first.
pub fn of_invoices(conn: &mut Conn, tenant: TenantId, invoices: &[InvoiceId]) -> Result<Vec<Document>> {
    let named: Vec<Option<InvoiceId>> = invoices.iter().copied().map(Some).collect();
    Ok(documents::table
        .filter(documents::tenant_id.eq(tenant).and(documents::invoice_id.eq_any(named)))
        .order(documents::id.asc())
        .select(Document::as_select())
        .load(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this invoice.
    pub invoice_id: Option<InvoiceId>,
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
}

/// Documents after `after`, oldest first.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<DocumentId>, limit: i64) -> Result<Vec<Document>> {
    let mut query =
        documents::table.filter(documents::tenant_id.eq(tenant)).select(Document::as_select()).order(documents::id.asc()).into_boxed();
    if let Some(invoice) = filter.invoice_id {
        query = query.filter(documents::invoice_id.eq(invoice));
    }
    if let Some(customer) = filter.customer_id {
        query = query.filter(documents::customer_id.eq(customer));
    }
    if let Some(after) = after {
        query = query.filter(documents::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}
