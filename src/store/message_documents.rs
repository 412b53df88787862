//! Which documents belong to a message: the letter as it was handed over, and what proves its way.
//!
//! Invariant: of one kind, the same bytes belong to a message once.

use diesel::{BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper};

use super::{Conn, Ts, schema::message_documents};
use crate::{
    domain::{
        delivery::PaperKind,
        ids::{DocumentId, MessageId, TenantId},
    },
    error::Result,
};

/// A document of a message.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_documents, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct MessageDocument {
    pub tenant_id: TenantId,
    pub message_id: MessageId,
    pub kind: PaperKind,
    pub sha256: Vec<u8>,
    pub document_id: DocumentId,
    pub created_at: Ts,
}

/// Whether a message has such a document.
pub fn exists(conn: &mut Conn, tenant: TenantId, message: MessageId, kind: PaperKind, sha256: &[u8]) -> Result<bool> {
    let of_message = message_documents::tenant_id.eq(tenant).and(message_documents::message_id.eq(message));
    let same = message_documents::kind.eq(kind).and(message_documents::sha256.eq(sha256));
    let count: i64 = message_documents::table.filter(of_message.and(same)).count().get_result(conn)?;
    Ok(count > 0)
}

/// Joins a document to a message.
pub fn insert(conn: &mut Conn, row: &MessageDocument) -> Result<()> {
    diesel::insert_into(message_documents::table).values(row).execute(conn)?;
    Ok(())
}

/// The documents of a message, oldest first.
pub fn of_message(conn: &mut Conn, tenant: TenantId, message: MessageId) -> Result<Vec<MessageDocument>> {
    Ok(message_documents::table
        .filter(message_documents::tenant_id.eq(tenant).and(message_documents::message_id.eq(message)))
        .order((message_documents::created_at.asc(), message_documents::document_id.asc()))
        .select(MessageDocument::as_select())
        .load(conn)?)
}
