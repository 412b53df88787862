//! Contacts: people at a customer, in the order in which they are written to.

use diesel::{
    AsChangeset, BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
};

use super::{Conn, Json, Ts, customers::BATCH, schema::contacts};
use crate::{
    domain::{
        contact::{Channel, Email, Phone},
        ids::{ContactId, CustomerId, TenantId},
        locale::Language,
    },
    each,
    error::{Error, Result},
};

/// A contact's row.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contacts, treat_none_as_default_value = false, treat_none_as_null = true, primary_key(tenant_id, id))]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Contact {
    pub tenant_id: TenantId,
    pub id: ContactId,
    pub customer_id: CustomerId,
    pub position: i32,
    pub is_primary: bool,
    pub name: String,
    pub role: Option<String>,
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    pub language: Option<Language>,
    pub opted_out: Json<Vec<Channel>>,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub is_of_source: bool,
}

/// Adds contacts.
pub fn insert(conn: &mut Conn, rows: &[Contact]) -> Result<()> {
    for part in rows.chunks(BATCH) {
        each!(conn, |c| diesel::insert_into(contacts::table).values(part).execute(c))?;
    }
    Ok(())
}

/// Replaces a contact's row.
pub fn update(conn: &mut Conn, row: &Contact) -> Result<()> {
    diesel::update(contacts::table.filter(contacts::tenant_id.eq(row.tenant_id).and(contacts::id.eq(row.id)))).set(row).execute(conn)?;
    Ok(())
}

/// One contact of a customer.
pub fn find(conn: &mut Conn, tenant: TenantId, customer: CustomerId, id: ContactId) -> Result<Contact> {
    contacts::table
        .filter(contacts::tenant_id.eq(tenant).and(contacts::customer_id.eq(customer)).and(contacts::id.eq(id)))
        .select(Contact::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("contact"))
}

/// The contacts of these customers, in order.
pub fn of_customers(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<Vec<Contact>> {
    let mut found = Vec::new();
    for part in customers.chunks(BATCH) {
        let rows: Vec<Contact> = contacts::table
            .filter(contacts::tenant_id.eq(tenant).and(contacts::customer_id.eq_any(part.to_vec())))
            .order((contacts::customer_id.asc(), contacts::position.asc(), contacts::id.asc()))
            .select(Contact::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    Ok(found)
}

/// Nobody of the customer is written to first any more.
pub fn clear_primary(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<()> {
    diesel::update(contacts::table.filter(contacts::tenant_id.eq(tenant).and(contacts::customer_id.eq(customer))))
        .set(contacts::is_primary.eq(false))
        .execute(conn)?;
    Ok(())
}

/// This contact, and no other of the customer, is the one that his source tells of.
pub fn set_of_source(conn: &mut Conn, row: &Contact) -> Result<()> {
    diesel::update(contacts::table.filter(contacts::tenant_id.eq(row.tenant_id).and(contacts::customer_id.eq(row.customer_id))))
        .set(contacts::is_of_source.eq(contacts::id.eq(row.id)))
        .execute(conn)?;
    Ok(())
}

/// Removes a contact.
pub fn delete(conn: &mut Conn, tenant: TenantId, id: ContactId) -> Result<()> {
    diesel::delete(contacts::table.filter(contacts::tenant_id.eq(tenant).and(contacts::id.eq(id)))).execute(conn)?;
    Ok(())
}
