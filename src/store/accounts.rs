//! Accounts: one customer in one currency, and the moment at which it must be looked at.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper, upsert::excluded,
};

use super::{Conn, Ts, schema::accounts};
use crate::{
    domain::{
        ids::{CustomerId, PolicyId, TenantId},
        money::Currency,
    },
    error::Result,
};

/// An account's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Account {
    pub tenant_id: TenantId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub policy_id: Option<PolicyId>,
    pub policy_version: Option<i32>,
    pub next_action_at: Option<Ts>,
}

/// Makes the accounts due at `now`: something changed, and only the planner knows what follows. The update also takes the account's lock, which a
/// dispatch needs too: whichever commits first is seen by the other.
pub fn wake(conn: &mut Conn, tenant: TenantId, touched: &BTreeSet<(CustomerId, Currency)>, now: DateTime<Utc>) -> Result<()> {
    // In key order, so that two transactions cannot wait for each other.
    let rows: Vec<Account> = touched
        .iter()
        .map(|&(customer_id, currency)| Account {
            tenant_id: tenant,
            customer_id,
            currency,
            policy_id: None,
            policy_version: None,
            next_action_at: Some(Ts(now)),
        })
        .collect();
    for part in rows.chunks(500) {
        let insert = diesel::insert_into(accounts::table)
            .values(part)
            .on_conflict((accounts::tenant_id, accounts::customer_id, accounts::currency))
            .do_update()
            .set(accounts::next_action_at.eq(excluded(accounts::next_action_at)));
        match conn {
            Conn::Pg(pg) => insert.execute(pg)?,
            Conn::Sqlite(sqlite) => insert_each(sqlite, part)?,
        };
    }
    Ok(())
}

/// SQLite takes an upsert of one row at a time through diesel.
fn insert_each(sqlite: &mut diesel::SqliteConnection, rows: &[Account]) -> Result<usize> {
    for row in rows {
        diesel::insert_into(accounts::table)
            .values(row)
            .on_conflict((accounts::tenant_id, accounts::customer_id, accounts::currency))
            .do_update()
            .set(accounts::next_action_at.eq(excluded(accounts::next_action_at)))
            .execute(sqlite)?;
    }
    Ok(rows.len())
}

/// An account, if anything was ever owed in it.
pub fn find(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<Option<Account>> {
    use diesel::OptionalExtension;
    Ok(accounts::table
        .filter(accounts::tenant_id.eq(tenant).and(accounts::customer_id.eq(customer)).and(accounts::currency.eq(currency)))
        .select(Account::as_select())
        .first(conn)
        .optional()?)
}
