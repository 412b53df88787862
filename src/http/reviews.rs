//! `/v1/reviews`: customers to look at, why, since when, and what there is to do. Each is a task of kind `review`, seen from the customer's side.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
};
use crate::{
    actions,
    domain::{
        credit::{
            limitation::{PERIODS, Period},
            request::ReviewDone,
            review::{ReviewAction, offer},
        },
        dunning::reminder::{TaskKind, TaskState},
        ids::{CustomerId, ReminderId, TaskId},
        money::Currency,
    },
    store::{
        self,
        tasks::{Filter, Task},
    },
};

/// A customer to look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewView {
    /// Always `review`.
    #[schema(max_length = 20, example = "review")]
    pub object: &'static str,
    /// The review's id: that of its task.
    pub id: TaskId,
    /// Whom to look at.
    pub customer_id: CustomerId,
    /// In which account.
    pub currency: Option<Currency>,
    /// Why, as a word: `limit_reached`, `score_fell`, `limit_expired`, `guarantee_expired`, `promise_broken_twice`, `limitation_near`, `no_recipient`,
    /// `unallocated_cash`, `delivery_failed`, `outcome_unknown`, `unwritable`, or what a provider reported of an address.
    #[schema(max_length = 60, example = "limit_reached")]
    pub reason: String,
    /// Why, in words.
    #[schema(max_length = 200)]
    pub explanation: &'static str,
    /// What there is to do.
    pub action: ReviewAction,
    /// The reminder that it is about.
    pub reminder_id: Option<ReminderId>,
    /// Who looks.
    #[schema(max_length = 100)]
    pub owner: Option<String>,
    /// Where it stands.
    pub state: TaskState,
    /// What was found.
    #[schema(max_length = 4000)]
    pub note: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it was done.
    pub done_at: Option<DateTime<Utc>>,
}

impl From<Task> for ReviewView {
    fn from(row: Task) -> Self {
        let reason = row.reason.unwrap_or_default();
        let (explanation, action) = offer(&reason);
        Self {
            object: "review",
            id: row.id,
            customer_id: row.customer_id,
            currency: row.currency,
            reason,
            explanation,
            action,
            reminder_id: row.reminder_id,
            owner: row.owner,
            state: row.state,
            note: row.notes,
            since: row.created_at.0,
            done_at: row.completed_at.map(|at| at.0),
        }
    }
}

/// Which reviews to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReviewQuery {
    /// Only about this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this state; `open` unless told otherwise.
    pub state: Option<TaskState>,
    /// Only for this reason.
    #[param(min_length = 1, max_length = 60)]
    pub reason: Option<String>,
}

/// List reviews
///
/// Customers to look at, in the order in which the reasons arose.
#[utoipa::path(operation_id = "listReviews", tag = "Credit", params(PageQuery, ReviewQuery), responses((status = 200, description = "A page", body = Page<ReviewView>)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/reviews")]
pub async fn list(call: Call<(), ReviewQuery>) -> Answer {
    let window = call.window()?;
    let ReviewQuery { customer_id, state, reason, .. } = call.query.clone();
    let filter = Filter { customer_id, state: state.or(Some(TaskState::Open)), kind: Some(TaskKind::Review), reason, ..Filter::default() };
    let rows = call
        .read(move |conn, tenant| store::tasks::list(conn, tenant, &filter, window.after().map(|id| (id, None)), window.fetch()))
        .await?;
    call.page(window, rows, |row| row.id.uuid(), ReviewView::from).await
}

/// Finish a review
///
/// Somebody looked; the note says what was found. What credit control raised stays quiet for 30 days, even if its cause persists.
#[utoipa::path(operation_id = "finishReview", tag = "Credit", params(("review_id" = TaskId, Path, description = "The review")), request_body = ReviewDone, responses((status = 200, description = "Done", body = ReviewView)), security(("api_key" = ["reminders:write"])))]
#[post("/v1/reviews/{review_id}/done")]
pub async fn done(call: Call<ReviewDone>) -> Answer {
    let (id, note) = (call.id("review_id")?, call.body.note.clone());
    call.act(StatusCode::OK, move |act| actions::tasks::reviewed(act, id, &note).map(ReviewView::from)).await
}

/// The limitation periods that are warned of.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitationPeriods {
    /// Always `limitation_periods`.
    #[schema(max_length = 20, example = "limitation_periods")]
    pub object: &'static str,
    /// Days before the date on which a review is raised.
    #[schema(minimum = 1)]
    pub warning_days: u64,
    /// Each with its source. When one begins and what interrupts it is disputed from case to case: they warn, and decide nothing.
    #[schema(max_items = 200)]
    pub periods: Vec<Period>,
}

/// List limitation periods
///
/// After how long a claim may be lost, by jurisdiction and kind of debtor, with sources. Where the creditor's law and the debtor's differ, the earlier date is
/// warned of.
#[utoipa::path(operation_id = "listLimitationPeriods", tag = "Credit", responses((status = 200, description = "The periods", body = LimitationPeriods)), security(("api_key" = ["credit:read"])))]
#[get("/v1/limitation-periods")]
pub async fn limitation_periods(call: Call) -> Answer {
    let warning_days = crate::domain::credit::limitation::WARNING_DAYS;
    call.ok(&LimitationPeriods { object: "limitation_periods", warning_days, periods: PERIODS.to_vec() })
}
