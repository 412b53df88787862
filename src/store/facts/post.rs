//! How letters travel: whether an account carries them, and where they go. Creditors without such an account cost one small statement, and nobody's address is read.

use std::collections::HashMap;

use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl};

use crate::{
    domain::{
        contact::Channel,
        customer::Address,
        ids::{CustomerId, TenantId},
        locale::Jurisdiction,
        post::Post,
    },
    error::Result,
    store::{Conn, Json, provider_accounts, schema::customers, tenants},
};

/// The post of those customers for whom it is not done by hand. An address that names no country is in the customer's own, which is the creditor's unless told otherwise.
pub(super) fn load(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<HashMap<CustomerId, Post>> {
    if !provider_accounts::carries(conn, tenant, Channel::Letter)? {
        return Ok(HashMap::new());
    }
    let creditor = tenants::find(conn, tenant)?;
    let Some(country) = creditor.jurisdiction.home() else { return Ok(HashMap::new()) };
    let rows: Vec<(CustomerId, Json<Address>, Jurisdiction)> = customers::table
        .filter(customers::tenant_id.eq(tenant).and(customers::id.eq_any(ids.to_vec())))
        .select((customers::id, customers::address, customers::jurisdiction))
        .load(conn)?;
    let letterhead = &creditor.settings.letterhead.address;
    let post = |(id, address, place): (CustomerId, Json<Address>, Jurisdiction)| {
        (id, Post::between(letterhead, country, &address, place.home().unwrap_or(country)))
    };
    Ok(rows.into_iter().map(post).collect())
}
