//! What requests with an `Idempotency-Key` did, in the transaction in which they did it.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{Conn, Ts, schema::idempotency_records};
use crate::{domain::ids::TenantId, error::Result};

/// A first answer, to be given again.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_records, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Record {
    pub tenant_id: TenantId,
    pub key_digest: Vec<u8>,
    pub fingerprint: Vec<u8>,
    pub status: i32,
    pub body: String,
    pub created_at: Ts,
    pub expires_at: Ts,
}

/// The record of a key that has not expired.
pub fn find(conn: &mut Conn, tenant: TenantId, key_digest: &[u8], now: DateTime<Utc>) -> Result<Option<Record>> {
    Ok(idempotency_records::table
        .filter(
            idempotency_records::tenant_id
                .eq(tenant)
                .and(idempotency_records::key_digest.eq(key_digest))
                .and(idempotency_records::expires_at.gt(Ts(now))),
        )
        .select(Record::as_select())
        .first(conn)
        .optional()?)
}

/// Writes a record, and forgets those of the tenant that have expired: there are as many of them as were written a month ago at this pace.
pub fn insert(conn: &mut Conn, record: &Record) -> Result<()> {
    let expired = idempotency_records::tenant_id.eq(record.tenant_id).and(idempotency_records::expires_at.le(record.created_at));
    diesel::delete(idempotency_records::table.filter(expired)).execute(conn)?;
    diesel::insert_into(idempotency_records::table).values(record).execute(conn)?;
    Ok(())
}
