//! Tasks: what people are asked to do.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, RunQueryDsl, Selectable, SelectableHelper,
};

use super::{
    Conn, Ts,
    order::{self, After, in_order},
    schema::tasks,
};
use crate::{
    domain::{
        dunning::reminder::{TaskKind, TaskOutcome, TaskState},
        ids::{ContactId, CustomerId, ReminderId, TaskId, TenantId},
        money::Currency,
    },
    error::{Error, Result},
};

/// A task's row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "columns say what they are")]
pub struct Task {
    pub tenant_id: TenantId,
    pub id: TaskId,
    pub kind: TaskKind,
    pub reason: Option<String>,
    pub customer_id: CustomerId,
    pub currency: Option<Currency>,
    pub reminder_id: Option<ReminderId>,
    pub contact_id: Option<ContactId>,
    pub state: TaskState,
    pub script: Option<String>,
    pub due_at: Ts,
    pub owner: Option<String>,
    pub outcome: Option<TaskOutcome>,
    pub notes: Option<String>,
    pub version: i64,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub completed_at: Option<Ts>,
}

/// Adds a task; an open review for the same reason is left alone, and `false` returned.
pub fn insert(conn: &mut Conn, row: &Task) -> Result<bool> {
    if row.kind == TaskKind::Review {
        let open: i64 = tasks::table
            .filter(tasks::tenant_id.eq(row.tenant_id).and(tasks::customer_id.eq(row.customer_id)).and(tasks::currency.eq(row.currency)))
            .filter(tasks::kind.eq(TaskKind::Review).and(tasks::state.eq(TaskState::Open)).and(tasks::reason.eq(&row.reason)))
            .count()
            .get_result(conn)?;
        if open > 0 {
            return Ok(false);
        }
    }
    diesel::insert_into(tasks::table).values(row).execute(conn)?;
    Ok(true)
}

/// One task.
pub fn find(conn: &mut Conn, tenant: TenantId, id: TaskId) -> Result<Task> {
    tasks::table
        .filter(tasks::tenant_id.eq(tenant).and(tasks::id.eq(id)))
        .select(Task::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::NotFound("task"))
}

/// The reviews of customers that are open, or were done since a moment: whom, in which currency, why.
pub fn reviewed_since(
    conn: &mut Conn,
    tenant: TenantId,
    customers: &[CustomerId],
    since: DateTime<Utc>,
) -> Result<HashSet<(CustomerId, Option<Currency>, String)>> {
    let rows: Vec<(CustomerId, Option<Currency>, Option<String>)> = tasks::table
        .filter(tasks::tenant_id.eq(tenant).and(tasks::customer_id.eq_any(customers.to_vec())).and(tasks::kind.eq(TaskKind::Review)))
        .filter(tasks::state.eq(TaskState::Open).or(tasks::completed_at.ge(Some(Ts(since)))))
        .select((tasks::customer_id, tasks::currency, tasks::reason))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(customer, currency, reason)| Some((customer, currency, reason?))).collect())
}

crate::words! {
    /// The order of tasks.
    pub enum TaskSort {
        /// As they came, the oldest first.
        CreatedAt = "created_at",
        /// The newest first.
        Newest = "-created_at",
        /// By the moment at which they are due, the earliest first.
        Due = "due_at",
        /// The latest first.
        LatestDue = "-due_at",
    }
}

impl TaskSort {
    /// Whether a place in it is a moment before it is an id.
    pub const fn is_by_due(self) -> bool {
        matches!(self, Self::Due | Self::LatestDue)
    }
}

/// What a listing asks for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only about this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<TaskState>,
    /// Only of this kind.
    pub kind: Option<TaskKind>,
    /// Only reviews for this reason.
    pub reason: Option<String>,
    /// Only of this owner.
    pub owner: Option<String>,
    /// Only due by then.
    pub due_by: Option<DateTime<Utc>>,
    /// In which order; as they came, without one.
    pub sort: Option<TaskSort>,
}

/// Tasks in an order, after a place in it.
pub fn list(conn: &mut Conn, tenant: TenantId, filter: &Filter, after: After<TaskId, DateTime<Utc>>, limit: i64) -> Result<Vec<Task>> {
    let mut query = tasks::table.filter(tasks::tenant_id.eq(tenant)).select(Task::as_select()).into_boxed();
    if let Some(customer) = filter.customer_id {
        query = query.filter(tasks::customer_id.eq(customer));
    }
    if let Some(state) = filter.state {
        query = query.filter(tasks::state.eq(state));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(tasks::kind.eq(kind));
    }
    if let Some(reason) = &filter.reason {
        query = query.filter(tasks::reason.eq(Some(reason.clone())));
    }
    if let Some(owner) = &filter.owner {
        query = query.filter(tasks::owner.eq(Some(owner.clone())));
    }
    if let Some(due_by) = filter.due_by {
        query = query.filter(tasks::due_at.le(Ts(due_by)));
    }
    let down = filter.sort.is_some_and(|sort| order::is_down(sort.as_str()));
    let query = if filter.sort.is_some_and(TaskSort::is_by_due) {
        let after = after.map(|(id, at)| (id, at.map(Ts)));
        in_order!(query, tasks::due_at, tasks::id, down, after)
    } else {
        in_order!(query, tasks::id, down, after)
    };
    Ok(query.limit(limit).load(conn)?)
}

/// Replaces what may change; [`Error::Race`] if somebody changed it since it was read.
pub fn update(conn: &mut Conn, row: &Task) -> Result<()> {
    let before = row.version.saturating_sub(1);
    let changed =
        diesel::update(tasks::table.filter(tasks::tenant_id.eq(row.tenant_id).and(tasks::id.eq(row.id)).and(tasks::version.eq(before))))
            .set((
                tasks::state.eq(row.state),
                tasks::owner.eq(&row.owner),
                tasks::outcome.eq(row.outcome),
                tasks::notes.eq(&row.notes),
                tasks::due_at.eq(row.due_at),
                tasks::version.eq(row.version),
                tasks::updated_at.eq(row.updated_at),
                tasks::completed_at.eq(row.completed_at),
            ))
            .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(Error::Race) }
}
