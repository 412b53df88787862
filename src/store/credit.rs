//! What customers' credit stands at, how their accounts pay, and what their scores were.
//!
//! The memory of an account is changed only under its lock. A customer's row is shared by several acts (the planner's score, a score set by hand, the
//! watch list), so each writes its own columns and no others.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable,
    SelectableHelper,
    dsl::{max, sql},
    sql_types::{BigInt, Date},
    upsert::excluded,
};

use super::{
    Conn, Json, Ts,
    customers::BATCH,
    facts::Key,
    schema::{credit_profiles, customers, instalments, payment_habits, score_history},
};
use crate::{
    domain::{
        company::Company,
        credit::{
            habit::Habit,
            profile::PayerProfile,
            score::{Inputs, NEUTRAL, ScoreLine, ScoreSource},
        },
        customer::CustomerKind,
        ids::{AssessmentId, CustomerId, TenantId},
        money::Currency,
    },
    each,
    error::{Error, Result},
    insert_all,
};

/// What a customer's credit stands at; a customer without a row is as one whose columns are all empty.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = credit_profiles, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct CreditProfile {
    pub tenant_id: TenantId,
    pub customer_id: CustomerId,
    pub score: Option<i32>,
    pub profile: Option<PayerProfile>,
    pub assessed_at: Option<Ts>,
    pub override_score: Option<i32>,
    pub override_reason: Option<String>,
    pub override_until: Option<Ts>,
    pub override_by: Option<String>,
    pub watch_reason: Option<String>,
    pub watched_at: Option<Ts>,
}

impl CreditProfile {
    /// That of a customer of whom nothing is on record.
    pub const fn blank(tenant_id: TenantId, customer_id: CustomerId) -> Self {
        Self {
            tenant_id,
            customer_id,
            score: None,
            profile: None,
            assessed_at: None,
            override_score: None,
            override_reason: None,
            override_until: None,
            override_by: None,
            watch_reason: None,
            watched_at: None,
        }
    }

    /// The computed score as it was last written.
    pub fn computed(&self) -> u8 {
        self.score.and_then(|score| u8::try_from(score).ok()).unwrap_or(NEUTRAL)
    }

    /// The score set by hand, while it holds, and until when.
    pub fn overridden(&self, now: DateTime<Utc>) -> Option<(u8, DateTime<Utc>)> {
        let until = self.override_until.map(|until| until.0).filter(|until| *until > now)?;
        Some((u8::try_from(self.override_score?).ok()?, until))
    }

    /// The score that holds: the one set by hand, else the one that the creditor gave with the customer's record, else the computed one.
    pub fn holds(&self, given: Option<i32>, computed: u8, now: DateTime<Utc>) -> (u8, ScoreSource) {
        if let Some((score, _)) = self.overridden(now) {
            return (score, ScoreSource::Override);
        }
        match given.and_then(|score| u8::try_from(score).ok()) {
            Some(score) => (score, ScoreSource::Given),
            None => (computed, ScoreSource::Computed),
        }
    }
}

/// A score that differed from the one before.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = score_history, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Assessment {
    pub tenant_id: TenantId,
    pub id: AssessmentId,
    pub customer_id: CustomerId,
    pub score: i32,
    pub profile: Option<PayerProfile>,
    pub inputs: Json<Inputs>,
    pub lines: Json<Vec<ScoreLine>>,
    pub assessed_at: Ts,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = payment_habits, treat_none_as_default_value = false)]
struct HabitRow {
    tenant_id: TenantId,
    customer_id: CustomerId,
    currency: Currency,
    habit: Json<Habit>,
}

/// What customers' credit stands at; those without a row are absent.
pub fn profiles(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<HashMap<CustomerId, CreditProfile>> {
    let rows: Vec<CreditProfile> = credit_profiles::table
        .filter(credit_profiles::tenant_id.eq(tenant).and(credit_profiles::customer_id.eq_any(customers.to_vec())))
        .select(CreditProfile::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.customer_id, row)).collect())
}

/// What one customer's credit stands at.
pub fn profile(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<CreditProfile> {
    Ok(profiles(conn, tenant, &[customer])?.remove(&customer).unwrap_or_else(|| CreditProfile::blank(tenant, customer)))
}

/// Makes sure that a customer has a row to write to.
pub fn ensure(conn: &mut Conn, tenant: TenantId, customer: CustomerId) -> Result<()> {
    let row = CreditProfile::blank(tenant, customer);
    each!(conn, |c| diesel::insert_into(credit_profiles::table).values(&row).on_conflict_do_nothing().execute(c))?;
    Ok(())
}

/// Writes computed scores and profiles, and leaves what people decided as it is.
pub fn set_scores(conn: &mut Conn, assessed: &[Assessment]) -> Result<()> {
    let row = |one: &Assessment| CreditProfile {
        score: Some(one.score),
        profile: one.profile,
        assessed_at: Some(one.assessed_at),
        ..CreditProfile::blank(one.tenant_id, one.customer_id)
    };
    let rows: Vec<CreditProfile> = assessed.iter().map(row).collect();
    let written = || {
        (
            credit_profiles::score.eq(excluded(credit_profiles::score)),
            credit_profiles::profile.eq(excluded(credit_profiles::profile)),
            credit_profiles::assessed_at.eq(excluded(credit_profiles::assessed_at)),
        )
    };
    let key = (credit_profiles::tenant_id, credit_profiles::customer_id);
    for part in rows.chunks(BATCH) {
        match conn {
            Conn::Pg(pg) => {
                diesel::insert_into(credit_profiles::table).values(part).on_conflict(key).do_update().set(written()).execute(pg)?;
            }
            // SQLite takes an upsert of one row at a time through diesel.
            Conn::Sqlite(sqlite) => {
                for row in part {
                    diesel::insert_into(credit_profiles::table).values(row).on_conflict(key).do_update().set(written()).execute(sqlite)?;
                }
            }
        }
    }
    Ok(())
}

/// Writes, or takes away, the score set by hand.
pub fn set_override(conn: &mut Conn, row: &CreditProfile) -> Result<()> {
    diesel::update(credit_profiles::table.filter(of(row.tenant_id, row.customer_id)))
        .set((
            credit_profiles::override_score.eq(row.override_score),
            credit_profiles::override_reason.eq(&row.override_reason),
            credit_profiles::override_until.eq(row.override_until),
            credit_profiles::override_by.eq(&row.override_by),
        ))
        .execute(conn)?;
    Ok(())
}

/// Puts a customer on the watch list, or takes it off.
pub fn set_watch(conn: &mut Conn, row: &CreditProfile) -> Result<()> {
    diesel::update(credit_profiles::table.filter(of(row.tenant_id, row.customer_id)))
        .set((credit_profiles::watch_reason.eq(&row.watch_reason), credit_profiles::watched_at.eq(row.watched_at)))
        .execute(conn)?;
    Ok(())
}

/// Adds to the history.
pub fn insert_history(conn: &mut Conn, rows: &[Assessment]) -> Result<()> {
    insert_all!(conn, rows, Assessment in score_history { tenant_id, id, customer_id, score, profile, inputs, lines, assessed_at });
    Ok(())
}

/// A customer's history, the newest first.
pub fn history(conn: &mut Conn, tenant: TenantId, customer: CustomerId, limit: i64) -> Result<Vec<Assessment>> {
    Ok(score_history::table
        .filter(score_history::tenant_id.eq(tenant).and(score_history::customer_id.eq(customer)))
        .order(score_history::id.desc())
        .select(Assessment::as_select())
        .limit(limit)
        .load(conn)?)
}

/// The best scores that customers came to since a moment.
pub fn best_since(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId], since: DateTime<Utc>) -> Result<HashMap<CustomerId, i32>> {
    let rows: Vec<(CustomerId, Option<i32>)> = score_history::table
        .filter(score_history::tenant_id.eq(tenant).and(score_history::customer_id.eq_any(customers.to_vec())))
        .filter(score_history::assessed_at.ge(Ts(since)))
        .group_by(score_history::customer_id)
        .select((score_history::customer_id, max(score_history::score)))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(customer, best)| Some((customer, best?))).collect())
}

/// How the accounts of customers pay.
pub fn habits(conn: &mut Conn, tenant: TenantId, customers: &[CustomerId]) -> Result<HashMap<CustomerId, Vec<Habit>>> {
    let rows: Vec<(CustomerId, Json<Habit>)> = payment_habits::table
        .filter(payment_habits::tenant_id.eq(tenant).and(payment_habits::customer_id.eq_any(customers.to_vec())))
        .order((payment_habits::customer_id, payment_habits::currency))
        .select((payment_habits::customer_id, payment_habits::habit))
        .load(conn)?;
    let mut habits = HashMap::<CustomerId, Vec<Habit>>::new();
    for (customer, habit) in rows {
        habits.entry(customer).or_default().push(habit.0);
    }
    Ok(habits)
}

/// How one account pays. The caller holds its lock.
pub fn habit(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency) -> Result<Habit> {
    let row: Option<Json<Habit>> = payment_habits::table
        .filter(
            payment_habits::tenant_id.eq(tenant).and(payment_habits::customer_id.eq(customer)).and(payment_habits::currency.eq(currency)),
        )
        .select(payment_habits::habit)
        .first(conn)
        .optional()?;
    Ok(row.unwrap_or_default().0)
}

/// Writes how an account pays. The caller holds its lock.
pub fn set_habit(conn: &mut Conn, tenant: TenantId, customer: CustomerId, currency: Currency, habit: Habit) -> Result<()> {
    let row = HabitRow { tenant_id: tenant, customer_id: customer, currency, habit: Json(habit) };
    each!(conn, |c| diesel::insert_into(payment_habits::table)
        .values(&row)
        .on_conflict((payment_habits::tenant_id, payment_habits::customer_id, payment_habits::currency))
        .do_update()
        .set(payment_habits::habit.eq(excluded(payment_habits::habit)))
        .execute(c))?;
    Ok(())
}

/// What a score needs of a customer's record.
#[derive(Debug, Clone, Queryable)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Subject {
    pub id: CustomerId,
    pub kind: CustomerKind,
    pub company: Json<Company>,
}

/// What scores need of customers' records.
pub fn subjects(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<Vec<Subject>> {
    Ok(customers::table
        .filter(customers::tenant_id.eq(tenant).and(customers::id.eq_any(ids.to_vec())))
        .order(customers::id)
        .select((customers::id, customers::kind, customers::company))
        .load(conn)?)
}

/// What is open in each account of customers, and what of it was due before `today`, in minor units.
pub fn open(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId], today: NaiveDate) -> Result<Vec<(Key, i64, i64)>> {
    let overdue = sql::<BigInt>("CAST(SUM(CASE WHEN due_date < ").bind::<Date, _>(today).sql(" THEN balance_minor ELSE 0 END) AS BIGINT)");
    let rows: Vec<(CustomerId, Currency, i64, i64)> = instalments::table
        .filter(instalments::tenant_id.eq(tenant).and(instalments::customer_id.eq_any(ids.to_vec())).and(instalments::balance_minor.gt(0)))
        .group_by((instalments::customer_id, instalments::currency))
        .select((instalments::customer_id, instalments::currency, sql::<BigInt>("CAST(SUM(balance_minor) AS BIGINT)"), overdue))
        .load(conn)?;
    Ok(rows.into_iter().map(|(customer, currency, open, overdue)| ((customer, currency), open, overdue)).collect())
}

/// The score that a customer's record gives, if any.
pub fn given(conn: &mut Conn, tenant: TenantId, id: CustomerId) -> Result<Option<i32>> {
    customers::table
        .filter(customers::tenant_id.eq(tenant).and(customers::id.eq(id)))
        .select(customers::score)
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("customer"))
}

#[diesel::dsl::auto_type]
fn of(tenant: TenantId, customer: CustomerId) -> _ {
    credit_profiles::tenant_id.eq(tenant).and(credit_profiles::customer_id.eq(customer))
}
