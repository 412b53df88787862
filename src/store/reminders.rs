//! Reminders: occurrences of steps. A partial unique index makes one step happen once per account, carrying instalment and cycle.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Json, Ts,
    order::{self, CreationSort, in_order},
    schema::{instalments, reminders},
};
use crate::{
    domain::{
        contact::Channel,
        dunning::reminder::{ListedInstalment, ReminderState},
        ids::{ContactId, CustomerId, InstalmentId, PolicyId, ReminderId, TenantId},
        money::Currency,
    },
    error::{Error, Result},
    insert_all,
};

/// A reminder's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = reminders, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Reminder {
    pub tenant_id: TenantId,
    pub id: ReminderId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub carrying_instalment_id: InstalmentId,
    pub policy_id: PolicyId,
    pub policy_version: i32,
    pub step_key: String,
    pub cycle: i32,
    pub channel: Channel,
    pub template: String,
    pub formal: bool,
    pub contact_id: Option<ContactId>,
    pub state: ReminderState,
    pub reason: Option<String>,
    pub total_minor: i64,
    pub instalments: Json<Vec<ListedInstalment>>,
    pub due_at: Ts,
    pub decided_at: Ts,
    pub completed_at: Option<Ts>,
}

/// Adds reminders.
pub fn insert(conn: &mut Conn, rows: &[Reminder]) -> Result<()> {
    insert_all!(conn, rows, Reminder in reminders {
        tenant_id, id, customer_id, currency, carrying_instalment_id, policy_id, policy_version, step_key, cycle, channel,
        template, formal, contact_id, state, reason, total_minor, instalments, due_at, decided_at, completed_at,
    });
    Ok(())
}

/// One reminder.
pub fn find(conn: &mut Conn, tenant: TenantId, id: ReminderId) -> Result<Reminder> {
    reminders::table
        .filter(reminders::tenant_id.eq(tenant).and(reminders::id.eq(id)))
        .select(Reminder::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("reminder"))
}

/// Many reminders.
pub fn find_all(conn: &mut Conn, tenant: TenantId, ids: &[ReminderId]) -> Result<Vec<Reminder>> {
    Ok(reminders::table
        .filter(reminders::tenant_id.eq(tenant).and(reminders::id.eq_any(ids.to_vec())))
        .select(Reminder::as_select())
        .load(conn)?)
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<ReminderState>,
    /// Only of this step.
    pub step_key: Option<String>,
    /// In which order; as they came, without one.
    pub sort: Option<CreationSort>,
}

/// Reminders in their order, after `after`.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: Option<ReminderId>, limit: i64) -> Result<Vec<Reminder>> {
    let mut query = reminders::table.filter(reminders::tenant_id.eq(tenant)).select(Reminder::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(reminders::customer_id.eq(customer));
    }
    if let Some(state) = filter.state {
        query = query.filter(reminders::state.eq(state));
    }
    if let Some(step) = &filter.step_key {
        query = query.filter(reminders::step_key.eq(step.clone()));
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    Ok(in_order!(query, reminders::id, down, after.map(|id| (id, ()))).limit(limit).load(conn)?)
}

/// Moves a reminder on; `reason` says why, where that is not plain.
pub fn set_state(conn: &mut Conn, tenant: TenantId, id: ReminderId, state: ReminderState, reason: Option<&str>) -> Result<()> {
    diesel::update(reminders::table.filter(reminders::tenant_id.eq(tenant).and(reminders::id.eq(id))))
        .set((reminders::state.eq(state), reminders::reason.eq(reason)))
        .execute(conn)?;
    Ok(())
}

/// Writes what is claimed after all, as re-read before the sending.
pub fn set_lines(conn: &mut Conn, tenant: TenantId, id: ReminderId, lines: &[ListedInstalment], total_minor: i64) -> Result<()> {
    diesel::update(reminders::table.filter(reminders::tenant_id.eq(tenant).and(reminders::id.eq(id))))
        .set((reminders::instalments.eq(Json(lines.to_vec())), reminders::total_minor.eq(total_minor)))
        .execute(conn)?;
    Ok(())
}

/// Completes a reminder at the moment of actual contact, and carries its instalments on to the steps it did for them.
pub fn complete(conn: &mut Conn, tenant: TenantId, reminder: &Reminder, at: DateTime<Utc>) -> Result<()> {
    diesel::update(reminders::table.filter(reminders::tenant_id.eq(tenant).and(reminders::id.eq(reminder.id))))
        .set((
            reminders::state.eq(ReminderState::Completed),
            reminders::completed_at.eq(Some(Ts(at))),
            reminders::reason.eq(None::<String>),
        ))
        .execute(conn)?;
    for line in reminder.instalments.iter() {
        let (Some(step), Some(cycle)) = (&line.advances_to, line.cycle) else { continue };
        let cycle = i32::try_from(cycle).map_err(Error::internal)?;
        let target = instalments::table.filter(instalments::tenant_id.eq(tenant).and(instalments::id.eq(line.instalment_id)));
        // A repetition keeps the moment of the step's first completion: the spacing to the next step counts from there.
        if cycle > 1 {
            diesel::update(target)
                .set((instalments::step_cycle.eq(Some(cycle)), instalments::last_completed_at.eq(Some(Ts(at)))))
                .execute(conn)?;
        } else {
            diesel::update(target)
                .set((
                    instalments::step_key.eq(Some(step)),
                    instalments::step_cycle.eq(Some(cycle)),
                    instalments::first_completed_at.eq(Some(Ts(at))),
                    instalments::last_completed_at.eq(Some(Ts(at))),
                ))
                .execute(conn)?;
        }
    }
    Ok(())
}
