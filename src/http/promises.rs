//! `/v1/promises`: what customers promised to pay, and what became of it.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    subject::Look,
};
use crate::{
    actions,
    domain::{
        contact::Channel,
        ids::{ContactId, CustomerId, InstalmentId, PromiseId, TaskId, TenantId},
        ledger::promise::{NewPromise, PromiseState},
        money::Currency,
    },
    error::Result,
    store::{
        self, Conn,
        promises::{Filter, Promise, PromiseSort},
    },
};

/// A promise to pay.
#[derive(Debug, Serialize, ToSchema)]
pub struct PromiseView {
    /// Always `promise`.
    #[schema(max_length = 20, example = "promise")]
    pub object: &'static str,
    /// The promise's id.
    pub id: PromiseId,
    /// Who promised.
    pub customer_id: CustomerId,
    /// Of the amounts.
    pub currency: Currency,
    /// How much was promised, in minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// What it covers: left in peace while it is open.
    #[schema(max_items = 10_000)]
    pub instalment_ids: Vec<InstalmentId>,
    /// The day on which it was said.
    pub made_on: NaiveDate,
    /// The day promised.
    pub due_on: NaiveDate,
    /// The last day on which a payment keeps it: the grace is the tenant's of the day on which it was said.
    pub ends_on: NaiveDate,
    /// Who said it.
    #[schema(max_length = 140)]
    pub said_by: Option<String>,
    /// The person at the customer who said it.
    pub contact_id: Option<ContactId>,
    /// How it was said.
    pub channel: Option<Channel>,
    /// The task in which it was said.
    pub task_id: Option<TaskId>,
    /// What became of it: judged from the payments, by their dates; late news about a payment may change it.
    pub state: PromiseState,
    /// What came in time when it was last judged, in minor units.
    #[schema(minimum = 0)]
    pub received: i64,
    /// The day on which it was found broken, if it ever was.
    pub broken_on: Option<NaiveDate>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

type Whole = (Promise, Vec<InstalmentId>);

impl From<Whole> for PromiseView {
    fn from((row, instalment_ids): Whole) -> Self {
        Self {
            object: "promise",
            id: row.id,
            customer_id: row.customer_id,
            currency: row.currency,
            amount: row.amount_minor,
            instalment_ids,
            made_on: row.made_on,
            due_on: row.due_on,
            ends_on: row.ends_on,
            said_by: row.said_by,
            contact_id: row.contact_id,
            channel: row.channel,
            task_id: row.task_id,
            state: row.state,
            received: row.received_minor,
            broken_on: row.breached_on,
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

fn whole(conn: &mut Conn, tenant: TenantId, rows: Vec<Promise>) -> Result<Vec<Whole>> {
    let ids: Vec<PromiseId> = rows.iter().map(|row| row.id).collect();
    let mut covered = store::promises::covered(conn, tenant, &ids)?;
    let one = |row: Promise| {
        let of = covered.remove(&row.id).unwrap_or_default();
        (row, of)
    };
    Ok(rows.into_iter().map(one).collect())
}

fn view(conn: &mut Conn, tenant: TenantId, row: Promise) -> Result<PromiseView> {
    let covered = store::promises::covered(conn, tenant, &[row.id])?.remove(&row.id).unwrap_or_default();
    Ok((row, covered).into())
}

/// Which promises to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PromiseQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state.
    pub state: Option<PromiseState>,
    /// In which order.
    pub sort: Option<PromiseSort>,
}

/// Record a promise
///
/// What it covers is left in peace until its day and the tenant's grace are over. Whether it was kept is judged from the payments; of one that was broken
/// the next reminder speaks.
#[utoipa::path(operation_id = "recordPromise", tag = "Silences", request_body = NewPromise, responses((status = 201, description = "Recorded", body = PromiseView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/promises")]
pub async fn create(call: Call<NewPromise>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| {
        let row = actions::promises::record(act, &new)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// List promises
///
/// In the order in which they were recorded, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listPromises", tag = "Silences", params(PageQuery, PromiseQuery), responses((status = 200, description = "A page", body = Page<PromiseView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/promises")]
pub async fn list(call: Call<(), PromiseQuery>) -> Answer {
    let window = call.window()?;
    let PromiseQuery { customer_id, state, sort, .. } = call.query;
    let filter = Filter { customer_id, state, sort };
    let day = call.sorted_after()?;
    let after = window.after().map(|id| (id, day));
    let rows = call
        .read(move |conn, tenant| {
            let rows = store::promises::list(conn, tenant, &filter, after, window.fetch())?;
            whole(conn, tenant, rows)
        })
        .await?;
    let is_by_due = sort.is_some_and(PromiseSort::is_by_due);
    call.page(window, rows, |(row, _)| (row.id.uuid(), is_by_due.then(|| row.due_on.to_string())), PromiseView::from).await
}

/// Get a promise
///
/// With what it covers, and what became of it.
#[utoipa::path(operation_id = "getPromise", tag = "Silences", params(("promise_id" = PromiseId, Path, description = "The promise")), responses((status = 200, description = "The promise", body = PromiseView)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/promises/{promise_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<PromiseView> {
    let id = look.id("promise_id")?;
    let row = store::promises::find(look.conn, look.tenant, id)?;
    view(look.conn, look.tenant, row)
}

/// Withdraw a promise
///
/// Takes back one that was recorded by mistake, or that another replaces; it counts neither as kept nor as broken. Doing it again changes nothing.
#[utoipa::path(operation_id = "withdrawPromise", tag = "Silences", params(("promise_id" = PromiseId, Path, description = "The promise to take back")), responses((status = 200, description = "Withdrawn", body = PromiseView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/promises/{promise_id}/withdraw")]
pub async fn withdraw(call: Call) -> Answer {
    let id = call.id("promise_id")?;
    call.act(StatusCode::OK, move |act| {
        let row = actions::promises::withdraw(act, id)?;
        view(act.conn, act.tenant, row)
    })
    .await
}
