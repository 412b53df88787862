//! What each day's text messages came to: one row for the day, which whoever takes some holds, and one for each number.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, Insertable, JoinOnDsl, QueryDsl, RunQueryDsl};

use super::{
    Conn, Ts,
    schema::{accounts, contacts, messages, text_days, text_numbers},
};
use crate::{
    domain::{
        delivery::MessageState,
        ids::{CustomerId, MessageId, ReminderId, TenantId},
        money::Currency,
        texts::{Day, TextLimit},
    },
    each,
    error::Result,
};

#[derive(Insertable)]
#[diesel(table_name = text_days)]
struct DayRow {
    tenant_id: TenantId,
    day: NaiveDate,
    segments: i64,
}

#[derive(Insertable)]
#[diesel(table_name = text_numbers)]
struct NumberRow<'a> {
    tenant_id: TenantId,
    day: NaiveDate,
    address: &'a str,
    messages: i32,
}

/// What a day has come to, as far as these numbers are concerned; nobody else adds to it before this transaction ends. The first of a day forgets the numbers of those before.
pub fn open(conn: &mut Conn, tenant: TenantId, day: NaiveDate, addresses: &[String]) -> Result<Day> {
    let row = DayRow { tenant_id: tenant, day, segments: 0 };
    let fresh = each!(conn, |c| diesel::insert_into(text_days::table).values(&row).on_conflict_do_nothing().execute(c))? == 1;
    if fresh {
        let past = text_numbers::table.filter(text_numbers::tenant_id.eq(tenant).and(text_numbers::day.lt(day)));
        diesel::delete(past).execute(conn)?;
    }
    let here = text_days::table.filter(text_days::tenant_id.eq(tenant).and(text_days::day.eq(day))).select(text_days::segments);
    let segments = match conn {
        Conn::Pg(pg) => here.for_update().first(pg)?,
        Conn::Sqlite(sqlite) => here.first(sqlite)?,
    };
    let numbers = text_numbers::table
        .filter(text_numbers::tenant_id.eq(tenant).and(text_numbers::day.eq(day)).and(text_numbers::address.eq_any(addresses.to_vec())))
        .select((text_numbers::address, text_numbers::messages))
        .load::<(String, i32)>(conn)?;
    Ok(Day { segments, numbers: numbers.into_iter().collect::<HashMap<_, _>>() })
}

/// The accounts of every customer where somebody has a number: whom a change of the countries concerns.
pub fn accounts_with_numbers(conn: &mut Conn, tenant: TenantId) -> Result<Vec<(CustomerId, Currency)>> {
    let joined = accounts::tenant_id.eq(contacts::tenant_id).and(accounts::customer_id.eq(contacts::customer_id));
    Ok(contacts::table
        .inner_join(accounts::table.on(joined))
        .filter(contacts::tenant_id.eq(tenant).and(contacts::phone.is_not_null()))
        .select((accounts::customer_id, accounts::currency))
        .distinct()
        .load(conn)?)
}

/// Writes what a day that was opened in this transaction has come to.
pub fn close(conn: &mut Conn, tenant: TenantId, day: NaiveDate, was: &Day, is: &Day) -> Result<()> {
    diesel::update(text_days::table.filter(text_days::tenant_id.eq(tenant).and(text_days::day.eq(day))))
        .set(text_days::segments.eq(is.segments))
        .execute(conn)?;
    for (address, messages) in is.numbers.iter().filter(|(address, messages)| was.numbers.get(*address) != Some(*messages)) {
        let row = NumberRow { tenant_id: tenant, day, address, messages: *messages };
        if was.numbers.contains_key(address) {
            let here = text_numbers::tenant_id.eq(tenant).and(text_numbers::day.eq(day)).and(text_numbers::address.eq(address));
            diesel::update(text_numbers::table.filter(here)).set(text_numbers::messages.eq(messages)).execute(conn)?;
        } else {
            diesel::insert_into(text_numbers::table).values(&row).execute(conn)?;
        }
    }
    Ok(())
}

/// Notes on a message that waits which limit it waits for.
pub fn note(conn: &mut Conn, tenant: TenantId, id: MessageId, limit: &str) -> Result<()> {
    diesel::update(messages::table.filter(messages::tenant_id.eq(tenant).and(messages::id.eq(id))))
        .set(messages::failure.eq(Some(limit)))
        .execute(conn)?;
    Ok(())
}

/// Which of these reminders wait for the sake of a limit, and until when.
pub fn put_off(conn: &mut Conn, tenant: TenantId, reminders: &[ReminderId]) -> Result<HashMap<ReminderId, (TextLimit, DateTime<Utc>)>> {
    let named: Vec<Option<ReminderId>> = reminders.iter().copied().map(Some).collect();
    let rows: Vec<(Option<ReminderId>, Option<String>, Option<Ts>)> = messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::reminder_id.eq_any(named)))
        .filter(messages::state.eq(MessageState::Prepared).and(messages::failure.is_not_null()))
        .select((messages::reminder_id, messages::failure, messages::next_attempt_at))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(reminder, note, at)| Some((reminder?, (note?.parse().ok()?, at?.0)))).collect())
}
