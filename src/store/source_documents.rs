//! Documents of other systems: what of each was applied last, and what was recorded on its word alone.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
};

use super::{
    Conn, Ts,
    schema::{allocations, settlements, source_documents},
};
use crate::{
    domain::{
        external::ExternalKey,
        ids::{DirectDebitId, HoldId, InvoiceId, TenantId},
        ledger::settlement::SettlementKind,
        push::SourceKind,
    },
    each,
    error::Result,
};

/// A document's row.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = source_documents, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, source, kind, external_id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct SourceDocument {
    pub tenant_id: TenantId,
    pub source: String,
    pub kind: SourceKind,
    pub external_id: String,
    /// What was left of it, as its source said last.
    pub left_minor: i64,
    /// How many settlements were recorded on its word.
    pub stand_ins: i32,
    pub source_updated_at: Option<Ts>,
    pub direct_debit_id: Option<DirectDebitId>,
    pub hold_id: Option<HoldId>,
    pub updated_at: Ts,
}

/// What is known of a document.
pub fn find(conn: &mut Conn, tenant: TenantId, kind: SourceKind, key: &ExternalKey) -> Result<Option<SourceDocument>> {
    Ok(source_documents::table
        .filter(source_documents::tenant_id.eq(tenant).and(source_documents::source.eq(&key.source)))
        .filter(source_documents::kind.eq(kind).and(source_documents::external_id.eq(&key.external_id)))
        .select(SourceDocument::as_select())
        .first(conn)
        .optional()?)
}

/// Writes what is known of a document now. Its account is locked by the caller.
pub fn write(conn: &mut Conn, row: &SourceDocument) -> Result<()> {
    let added = each!(conn, |c| diesel::insert_into(source_documents::table).values(row).on_conflict_do_nothing().execute(c))?;
    if added == 0 {
        let whose = source_documents::tenant_id.eq(row.tenant_id).and(source_documents::source.eq(&row.source));
        let which = source_documents::kind.eq(row.kind).and(source_documents::external_id.eq(&row.external_id));
        diesel::update(source_documents::table.filter(whose.and(which))).set(row).execute(conn)?;
    }
    Ok(())
}

/// What payments settle of an invoice, in minor units.
pub fn paid(conn: &mut Conn, tenant: TenantId, invoice: InvoiceId) -> Result<i64> {
    let of = allocations::tenant_id.eq(settlements::tenant_id).and(allocations::settlement_id.eq(settlements::id));
    let amounts: Vec<i64> = settlements::table
        .inner_join(allocations::table.on(of))
        .filter(settlements::tenant_id.eq(tenant).and(settlements::kind.eq(SettlementKind::Payment)))
        .filter(allocations::tenant_id.eq(tenant).and(allocations::invoice_id.eq(invoice)))
        .select(allocations::amount_minor)
        .load(conn)?;
    Ok(amounts.into_iter().fold(0, i64::saturating_add))
}
