//! Reminders that did not reach their recipient, for good: what a decision may make up for on the step's other channel.
//!
//! A registered letter that was refused, or not fetched in time, is none of them: many laws treat it as good as delivered, and whether this one is, a person judges.
//! Few are: only what was sent lately is looked at, and the rest of a row is read for those alone whose message failed.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{BoolExpressionMethods, ExpressionMethods, QueryDsl, RunQueryDsl};

use super::Key;
use crate::{
    domain::{
        contact::Channel,
        delivery::DeliveryStatus,
        dunning::{account::Unreached, reminder::ReminderState},
        ids::{CustomerId, InstalmentId, ReminderId, TenantId},
    },
    error::{Error, Result},
    store::{
        Conn, Ts, reminders as rows,
        schema::{messages, reminders},
    },
};

/// For how long a reminder that failed is made up for; after that the next step says more.
const LATELY: TimeDelta = TimeDelta::days(7);

/// Whether a reminder is one whose failure would count.
pub(super) fn may_be(state: ReminderState, channel: Channel, decided_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let sent = channel.is_sent() || channel == Channel::Letter;
    matches!(state, ReminderState::Failed | ReminderState::Completed) && sent && now - decided_at < LATELY
}

/// The newest failed reminder of each account among `late`, unless another has stood in for it.
pub(super) fn load(conn: &mut Conn, tenant: TenantId, late: &[ReminderId], now: DateTime<Utc>) -> Result<HashMap<Key, Unreached>> {
    let failed = failed(conn, tenant, late)?;
    if failed.is_empty() {
        return Ok(HashMap::new());
    }
    let mut found: HashMap<Key, Unreached> = HashMap::new();
    let failed = rows::find_all(conn, tenant, &failed)?;
    let others = occurrences(conn, tenant, failed.iter().map(|row| row.customer_id).collect(), now)?;
    for row in failed {
        let same = |other: &Occurrence| (other.0, &other.1, other.2) == (row.carrying_instalment_id, &row.step_key, row.cycle);
        if others.iter().filter(|other| same(other)).count() > 1 {
            continue;
        }
        let lines = row.instalments.iter().map(|line| (line.instalment_id, line.advances_to.clone().zip(line.cycle)));
        let missed = Unreached {
            reminder: row.id,
            cycle: u32::try_from(row.cycle).map_err(Error::internal)?,
            channel: row.channel,
            carrying: row.carrying_instalment_id,
            lines: lines.collect(),
            at: row.decided_at.0,
            step_key: row.step_key,
        };
        let newest = found.entry((row.customer_id, row.currency)).or_insert_with(|| missed.clone());
        if newest.at < missed.at {
            *newest = missed;
        }
    }
    Ok(found)
}

/// Those of the reminders that were refused for good, or reported not to have arrived.
fn failed(conn: &mut Conn, tenant: TenantId, late: &[ReminderId]) -> Result<Vec<ReminderId>> {
    if late.is_empty() {
        return Ok(Vec::new());
    }
    let statuses = [DeliveryStatus::BouncedHard, DeliveryStatus::Undelivered, DeliveryStatus::Suppressed, DeliveryStatus::Failed];
    let named: Vec<Option<ReminderId>> = late.iter().copied().map(Some).collect();
    let reported: Vec<Option<ReminderId>> = messages::table
        .filter(messages::tenant_id.eq(tenant).and(messages::reminder_id.eq_any(named)))
        .filter(messages::delivery_status.eq_any(statuses.map(Some)))
        .select(messages::reminder_id)
        .load(conn)?;
    let refused: Vec<ReminderId> = reminders::table
        .filter(reminders::tenant_id.eq(tenant).and(reminders::id.eq_any(late.to_vec())))
        .filter(reminders::state.eq(ReminderState::Failed).and(reminders::reason.eq(Some("rejected"))))
        .select(reminders::id)
        .load(conn)?;
    Ok(reported.into_iter().flatten().chain(refused).collect::<BTreeSet<_>>().into_iter().collect())
}

/// Carrying instalment, step, cycle.
type Occurrence = (InstalmentId, String, i32);

/// What the customers were reminded of lately, one for each time that it was said.
fn occurrences(conn: &mut Conn, tenant: TenantId, customers: Vec<CustomerId>, now: DateTime<Utc>) -> Result<Vec<Occurrence>> {
    Ok(reminders::table
        .filter(reminders::tenant_id.eq(tenant).and(reminders::customer_id.eq_any(customers)))
        .filter(reminders::state.ne(ReminderState::Cancelled).and(reminders::decided_at.gt(Ts(now - LATELY))))
        .select((reminders::carrying_instalment_id, reminders::step_key, reminders::cycle))
        .load(conn)?)
}
