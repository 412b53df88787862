//! People whom an identity provider named, by the id under which the journal knows them.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable, RunQueryDsl,
    Selectable, SelectableHelper,
};

use super::{Conn, Ts, schema::people};
use crate::{
    domain::ids::{IdentityProviderId, PersonId, TenantId},
    error::{Error, Result},
};

/// A person's row; `subject` is the issuer's name for them, and empty once they are forgotten.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = people, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Person {
    pub tenant_id: TenantId,
    pub id: PersonId,
    pub provider_id: IdentityProviderId,
    pub subject: Option<String>,
    pub created_at: Ts,
    pub last_seen_at: Ts,
    pub blocked_at: Option<Ts>,
}

/// Adds a person.
pub fn insert(conn: &mut Conn, row: &Person) -> Result<()> {
    diesel::insert_into(people::table).values(row).execute(conn)?;
    Ok(())
}

/// One person.
pub fn find(conn: &mut Conn, tenant: TenantId, id: PersonId) -> Result<Person> {
    people::table
        .filter(people::tenant_id.eq(tenant).and(people::id.eq(id)))
        .select(Person::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("person"))
}

/// The person whom a provider calls this.
pub fn find_by_subject(conn: &mut Conn, tenant: TenantId, provider: IdentityProviderId, subject: &str) -> Result<Option<Person>> {
    Ok(people::table
        .filter(people::tenant_id.eq(tenant).and(people::provider_id.eq(provider)).and(people::subject.eq(subject)))
        .select(Person::as_select())
        .first(conn)
        .optional()?)
}

/// People after `after`, in the order in which they came.
pub fn list(
    conn: &mut Conn,
    tenant: TenantId,
    provider: Option<IdentityProviderId>,
    after: Option<PersonId>,
    limit: i64,
) -> Result<Vec<Person>> {
    let mut query = people::table.filter(people::tenant_id.eq(tenant)).select(Person::as_select()).order(people::id.asc()).into_boxed();
    if let Some(provider) = provider {
        query = query.filter(people::provider_id.eq(provider));
    }
    if let Some(after) = after {
        query = query.filter(people::id.gt(after));
    }
    Ok(query.limit(limit).load(conn)?)
}

/// What these people's providers call them, as long as that is known.
pub fn subjects(conn: &mut Conn, tenant: TenantId, ids: &[PersonId]) -> Result<Vec<(PersonId, String)>> {
    Ok(people::table
        .filter(people::tenant_id.eq(tenant).and(people::id.eq_any(ids.to_vec())).and(people::subject.is_not_null()))
        .select((people::id, people::subject.assume_not_null()))
        .load(conn)?)
}

/// Keeps a person out from `at` on, or lets them in again.
pub fn set_blocked(conn: &mut Conn, tenant: TenantId, id: PersonId, at: Option<DateTime<Utc>>) -> Result<()> {
    diesel::update(people::table.filter(people::tenant_id.eq(tenant).and(people::id.eq(id))))
        .set(people::blocked_at.eq(at.map(Ts)))
        .execute(conn)?;
    Ok(())
}

/// Forgets who a person was.
pub fn forget(conn: &mut Conn, tenant: TenantId, id: PersonId) -> Result<()> {
    diesel::update(people::table.filter(people::tenant_id.eq(tenant).and(people::id.eq(id))))
        .set(people::subject.eq(None::<String>))
        .execute(conn)?;
    Ok(())
}

/// Notes that a person was here.
pub fn seen(conn: &mut Conn, tenant: TenantId, id: PersonId, at: DateTime<Utc>) -> Result<()> {
    diesel::update(people::table.filter(people::tenant_id.eq(tenant).and(people::id.eq(id))))
        .set(people::last_seen_at.eq(Ts(at)))
        .execute(conn)?;
    Ok(())
}
