//! Accounts: one customer in one currency, and the moment at which it must be looked at.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
    pg::sql_types::Array, sql_query, sql_types::Text, upsert::excluded,
};

use super::{
    Conn, Json, Ts,
    schema::{accounts, customers},
    types::{DbUuid, UtcTs},
};
use crate::{
    domain::{
        dunning::plan::Suppressed,
        ids::{CustomerId, PolicyId, TenantId},
        money::Currency,
    },
    each,
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
    pub foreseen_at: Option<Ts>,
    pub suppressed: Option<Json<Vec<Suppressed>>>,
}

impl Account {
    /// One that nobody has looked at yet.
    const fn begun(tenant_id: TenantId, (customer_id, currency): (CustomerId, Currency), next_action_at: Option<Ts>) -> Self {
        Self {
            tenant_id,
            customer_id,
            currency,
            policy_id: None,
            policy_version: None,
            next_action_at,
            foreseen_at: None,
            suppressed: None,
        }
    }
}

/// Makes the accounts due at `now`: something changed, and only the planner knows what follows. The update also takes the account's lock, which a
/// dispatch needs too: whichever commits first is seen by the other.
pub fn wake(conn: &mut Conn, tenant: TenantId, touched: &BTreeSet<(CustomerId, Currency)>, now: DateTime<Utc>) -> Result<()> {
    // In key order, so that two transactions cannot wait for each other.
    match conn {
        Conn::Pg(pg) if !touched.is_empty() => {
            sql_query(
                "INSERT INTO accounts (tenant_id, customer_id, currency, next_action_at) SELECT $1, customer_id, currency, $2 \
                 FROM unnest($3, $4) AS woken (customer_id, currency) \
                 ON CONFLICT (tenant_id, customer_id, currency) DO UPDATE SET next_action_at = excluded.next_action_at",
            )
            .bind::<DbUuid, _>(tenant)
            .bind::<UtcTs, _>(Ts(now))
            .bind::<Array<DbUuid>, _>(touched.iter().map(|(customer, _)| *customer).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(touched.iter().map(|(_, currency)| *currency).collect::<Vec<_>>())
            .execute(pg)?;
        }
        Conn::Pg(_) => {}
        Conn::Sqlite(sqlite) => {
            for &key in touched {
                let row = Account::begun(tenant, key, Some(Ts(now)));
                diesel::insert_into(accounts::table)
                    .values(row)
                    .on_conflict((accounts::tenant_id, accounts::customer_id, accounts::currency))
                    .do_update()
                    .set(accounts::next_action_at.eq(excluded(accounts::next_action_at)))
                    .execute(sqlite)?;
            }
        }
    }
    Ok(())
}

/// The open reminders of accounts are done: each is looked at when that was foreseen, or at `now` where nothing was, and no later than it already wanted.
/// The locks are taken as [`wake`] takes them.
pub fn rest(conn: &mut Conn, tenant: TenantId, done: &BTreeSet<(CustomerId, Currency)>, now: DateTime<Utc>) -> Result<()> {
    match conn {
        Conn::Pg(pg) if !done.is_empty() => {
            sql_query(
                "INSERT INTO accounts AS a (tenant_id, customer_id, currency, next_action_at) SELECT $1, customer_id, currency, $2 \
                 FROM unnest($3, $4) AS done (customer_id, currency) ON CONFLICT (tenant_id, customer_id, currency) \
                 DO UPDATE SET next_action_at = LEAST(a.next_action_at, COALESCE(a.foreseen_at, excluded.next_action_at)), foreseen_at = NULL",
            )
            .bind::<DbUuid, _>(tenant)
            .bind::<UtcTs, _>(Ts(now))
            .bind::<Array<DbUuid>, _>(done.iter().map(|(customer, _)| *customer).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(done.iter().map(|(_, currency)| *currency).collect::<Vec<_>>())
            .execute(pg)?;
        }
        Conn::Pg(_) => {}
        Conn::Sqlite(sqlite) => {
            for (customer_id, currency) in done {
                sql_query(
                    "UPDATE accounts SET next_action_at = MIN(COALESCE(next_action_at, foreseen_at, ?2), COALESCE(foreseen_at, ?2)), foreseen_at = NULL \
                     WHERE tenant_id = ?1 AND customer_id = ?3 AND currency = ?4",
                )
                .bind::<DbUuid, _>(tenant)
                .bind::<UtcTs, _>(Ts(now))
                .bind::<DbUuid, _>(*customer_id)
                .bind::<Text, _>(*currency)
                .execute(sqlite)?;
            }
        }
    }
    Ok(())
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

/// Every account of a customer.
pub fn of_customer(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<Vec<Account>> {
    Ok(accounts::table
        .filter(accounts::tenant_id.eq(tenant).and(accounts::customer_id.eq(customer)))
        .order(accounts::currency.asc())
        .select(Account::as_select())
        .load(conn)?)
}

/// Accounts whose moment has come, locked against every other planner together with their customers: who is contacted about one account must be seen by whoever
/// decides about another. What somebody else holds is left for the next look.
pub fn due(conn: &mut Conn, tenant: TenantId, now: DateTime<Utc>, limit: i64) -> Result<Vec<Account>> {
    let query = accounts::table
        .filter(accounts::tenant_id.eq(tenant).and(accounts::next_action_at.le(Some(Ts(now)))))
        .order(accounts::next_action_at.asc())
        .limit(limit);
    Ok(match conn {
        Conn::Pg(pg) => {
            let mut rows: Vec<Account> = query.for_update().skip_locked().load(pg)?;
            let ids: Vec<CustomerId> = rows.iter().map(|row| row.customer_id).collect();
            let held: HashSet<CustomerId> = customers::table
                .filter(customers::tenant_id.eq(tenant).and(customers::id.eq_any(ids)))
                .select(customers::id)
                .for_no_key_update()
                .skip_locked()
                .load(pg)?
                .into_iter()
                .collect();
            rows.retain(|row| held.contains(&row.customer_id));
            rows
        }
        // The one writer holds every lock.
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    })
}

/// Takes the locks of accounts, in key order: until the end of the transaction nothing that touches them can commit.
pub fn lock(conn: &mut Conn, tenant: TenantId, keys: &BTreeSet<(CustomerId, Currency)>) -> Result<Vec<Account>> {
    let customers: Vec<CustomerId> = keys.iter().map(|(customer, _)| *customer).collect();
    let query = accounts::table
        .filter(accounts::tenant_id.eq(tenant).and(accounts::customer_id.eq_any(customers)))
        .order((accounts::customer_id.asc(), accounts::currency.asc()));
    Ok(match conn {
        Conn::Pg(pg) => query.for_update().load(pg)?,
        Conn::Sqlite(sqlite) => query.load(sqlite)?,
    })
}

/// Takes the lock of one account, which begins here if nothing was ever owed in it.
pub fn hold(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<()> {
    let row = Account::begun(tenant, (customer, currency), None);
    each!(conn, |c| diesel::insert_into(accounts::table).values(&row).on_conflict_do_nothing().execute(c))?;
    let here = accounts::tenant_id.eq(tenant).and(accounts::customer_id.eq(customer)).and(accounts::currency.eq(currency));
    if let Conn::Pg(pg) = conn {
        // The one writer of SQLite holds every lock.
        accounts::table.filter(here).for_update().load::<Account>(pg)?;
    }
    Ok(())
}

/// Writes what a planner found: the policy that the account is on, when to look again, and when once its reminder is done.
pub fn planned(conn: &mut Conn, row: &Account) -> Result<()> {
    diesel::update(accounts::table.filter(
        accounts::tenant_id.eq(row.tenant_id).and(accounts::customer_id.eq(row.customer_id)).and(accounts::currency.eq(row.currency)),
    ))
    .set((
        accounts::policy_id.eq(row.policy_id),
        accounts::policy_version.eq(row.policy_version),
        accounts::next_action_at.eq(row.next_action_at),
        accounts::foreseen_at.eq(row.foreseen_at),
        accounts::suppressed.eq(&row.suppressed),
    ))
    .execute(conn)?;
    Ok(())
}

/// The next moment at which an account is to be looked at.
pub fn next_due(conn: &mut Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    use diesel::OptionalExtension;
    let at: Option<Option<Ts>> = accounts::table
        .filter(accounts::tenant_id.eq(tenant).and(accounts::next_action_at.is_not_null()))
        .order(accounts::next_action_at.asc())
        .select(accounts::next_action_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(|at| at.0))
}
