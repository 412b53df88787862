//! `/v1/customers/{customer_id}/credit` and its limit, and `/v1/guarantees`: what a customer is trusted with, and who answers for it.

use std::collections::BTreeSet;

use actix_web::{get, http::StatusCode, post, put};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    page::{Page, PageQuery},
    scores::WatchView,
    subject::Look,
};
use crate::{
    actions,
    domain::{
        credit::{
            decision::{Exposure, Limit},
            request::{GuaranteeKind, LimitChange, NewGuarantee},
        },
        ids::{CustomerId, GuaranteeId, TenantId},
        money::Currency,
    },
    error::Result,
    store::{self, Conn, guarantees::Guarantee, limits::CreditLimit},
};

/// A credit limit.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitView {
    /// In minor units.
    #[schema(minimum = 0)]
    pub limit: i64,
    /// Its last day; absent: until it is changed.
    pub valid_until: Option<NaiveDate>,
    /// Why it was set.
    #[schema(max_length = 500)]
    pub reason: String,
    /// Who set it: a key's id.
    #[schema(max_length = 64)]
    pub set_by: String,
    /// When.
    pub updated_at: DateTime<Utc>,
}

impl From<&CreditLimit> for LimitView {
    fn from(row: &CreditLimit) -> Self {
        Self {
            limit: row.limit_minor,
            valid_until: row.valid_until,
            reason: row.reason.clone(),
            set_by: row.set_by.clone(),
            updated_at: row.updated_at.0,
        }
    }
}

/// What a customer is trusted with in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditAccount {
    /// The currency.
    pub currency: Currency,
    /// The limit, valid or not.
    pub limit: Option<LimitView>,
    /// What is owed and reserved.
    pub exposure: Exposure,
    /// What is left of the limit, in minor units; absent without a valid one.
    #[schema(minimum = 0)]
    pub available: Option<i64>,
    /// Guarantees in force, in minor units.
    #[schema(minimum = 0)]
    pub guaranteed: i64,
}

/// What a customer is trusted with.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditView {
    /// Always `credit`.
    #[schema(max_length = 20, example = "credit")]
    pub object: &'static str,
    /// Whose.
    pub customer_id: CustomerId,
    /// The score that holds.
    #[schema(minimum = 1, maximum = 5)]
    pub score: u8,
    /// Why and since when the customer is on the watch list; absent if it is not.
    pub watch: Option<WatchView>,
    /// What the tenant's checklist wants and the record lacks, by the names of the fields.
    #[schema(max_items = 300, schema_with = super::customers::missing)]
    pub missing: Vec<String>,
    /// By currency: wherever something was ever owed, decided or limited.
    #[schema(max_items = 200)]
    pub accounts: Vec<CreditAccount>,
    /// The tenant's present, for which it holds.
    pub at: DateTime<Utc>,
}

fn view(conn: &mut Conn, partition: TenantId, id: CustomerId, now: DateTime<Utc>) -> Result<CreditView> {
    let row = store::customers::find(conn, partition, id)?;
    let tenant = store::tenants::find(conn, partition)?;
    let today = tenant.calendar().today(now);
    let limits = store::limits::of_customers(conn, partition, &[id])?;
    let guarantees = store::guarantees::standing(conn, partition, &[id])?;
    let known = store::accounts::of_customer(conn, partition, id)?.into_iter().map(|row| row.currency);
    let currencies: BTreeSet<Currency> =
        known.chain(limits.iter().map(|row| row.currency)).chain(guarantees.iter().map(|row| row.currency)).collect();
    let profile = store::credit::profile(conn, partition, id)?;
    let computed = actions::credit::assess(conn, &tenant, &[id], now)?.remove(&id).map_or(profile.computed(), |one| one.score.value);
    let people = store::contacts::of_customers(conn, partition, &[id])?;
    let mut accounts = Vec::with_capacity(currencies.len());
    for currency in currencies {
        let exposure = actions::credit::decisions::standing(conn, &tenant, (id, currency), now)?.exposure;
        let limit = limits.iter().find(|limit| limit.currency == currency);
        let valid = limit.map(Limit::from).filter(|limit| limit.is_valid(today));
        let in_force = guarantees.iter().filter(|one| one.currency == currency && one.is_in_force(today));
        accounts.push(CreditAccount {
            currency,
            limit: limit.map(LimitView::from),
            exposure,
            available: valid.map(|limit| limit.minor.saturating_sub(exposure.counted_minor).max(0)),
            guaranteed: in_force.fold(0, |sum, one| sum.saturating_add(one.amount_minor)),
        });
    }
    let missing = actions::credit::decisions::missing(
        &tenant.settings.credit,
        &row,
        people.iter().any(|one| one.email.is_some()),
        people.iter().any(|one| one.phone.is_some()),
    );
    Ok(CreditView {
        object: "credit",
        customer_id: id,
        score: profile.holds(row.score, computed, now).0,
        watch: WatchView::of(&profile),
        missing,
        accounts,
        at: now,
    })
}

/// Get a customer's credit
///
/// Its limits, what is owed, reserved and guaranteed, and what is not known of it.
#[utoipa::path(operation_id = "getCredit", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), responses((status = 200, description = "The credit", body = CreditView)), security(("api_key" = ["credit:read"])))]
#[get("/v1/customers/{customer_id}/credit")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<CreditView> {
    let id = look.id("customer_id")?;
    let now = actions::present(look.conn, look.tenant, look.wall)?;
    view(look.conn, look.tenant, id, now)
}

/// Set a credit limit
///
/// In one currency; without `limit`, the limit is taken away. It is audited.
#[utoipa::path(operation_id = "setCreditLimit", tag = "Credit", params(("customer_id" = CustomerId, Path, description = "The customer")), request_body = LimitChange, responses((status = 200, description = "As it is now", body = CreditView)), security(("api_key" = ["credit:override"])))]
#[put("/v1/customers/{customer_id}/credit-limit")]
pub async fn set_limit(call: Call<LimitChange>) -> Answer {
    let (id, wanted) = (call.id("customer_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        actions::credit::control::set_limit(act, id, &wanted)?;
        view(act.conn, act.tenant, id, act.now)
    })
    .await
}

/// A guarantee.
#[derive(Debug, Serialize, ToSchema)]
pub struct GuaranteeView {
    /// Always `guarantee`.
    #[schema(max_length = 20, example = "guarantee")]
    pub object: &'static str,
    /// The guarantee's id.
    pub id: GuaranteeId,
    /// For whom.
    pub customer_id: CustomerId,
    /// What it is.
    pub kind: GuaranteeKind,
    /// Who answers.
    #[schema(max_length = 140)]
    pub guarantor: String,
    /// Of which currency.
    pub currency: Currency,
    /// Up to which amount, in minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// Its first day.
    pub valid_from: NaiveDate,
    /// Its last day; absent: until it is released.
    pub expires_on: Option<NaiveDate>,
    /// The guarantor's own number.
    #[schema(max_length = 100)]
    pub reference: Option<String>,
    /// When it was given back.
    pub released_at: Option<DateTime<Utc>>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

impl From<Guarantee> for GuaranteeView {
    fn from(row: Guarantee) -> Self {
        Self {
            object: "guarantee",
            id: row.id,
            customer_id: row.customer_id,
            kind: row.kind,
            guarantor: row.guarantor,
            currency: row.currency,
            amount: row.amount_minor,
            valid_from: row.valid_from,
            expires_on: row.expires_on,
            reference: row.reference,
            released_at: row.released_at.map(|at| at.0),
            created_at: row.created_at.0,
        }
    }
}

/// Which things of customers to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfCustomerQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
}

/// Create a guarantee
///
/// While it is in force it counts for the score, beside what is open in its currency.
#[utoipa::path(operation_id = "createGuarantee", tag = "Credit", request_body = NewGuarantee, responses((status = 201, description = "Recorded", body = GuaranteeView)), security(("api_key" = ["credit:write"])))]
#[post("/v1/guarantees")]
pub async fn create_guarantee(call: Call<NewGuarantee>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| actions::credit::control::guarantee(act, &new).map(GuaranteeView::from)).await
}

/// List guarantees
///
/// In the order in which they were recorded; also those that have expired or were released.
#[utoipa::path(operation_id = "listGuarantees", tag = "Credit", params(PageQuery, OfCustomerQuery), responses((status = 200, description = "A page", body = Page<GuaranteeView>)), security(("api_key" = ["credit:read"])))]
#[get("/v1/guarantees")]
pub async fn list_guarantees(call: Call<(), OfCustomerQuery>) -> Answer {
    let (window, customer) = (call.window()?, call.query.customer_id);
    let rows = call.read(move |conn, tenant| store::guarantees::list(conn, tenant, customer, window.after(), window.fetch())).await?;
    call.page(window, rows, |row| row.id.uuid(), GuaranteeView::from).await
}

/// Get a guarantee
///
/// As it was recorded, and whether it was released.
#[utoipa::path(operation_id = "getGuarantee", tag = "Credit", params(("guarantee_id" = GuaranteeId, Path, description = "The guarantee")), responses((status = 200, description = "The guarantee", body = GuaranteeView)), security(("api_key" = ["credit:read"])))]
#[get("/v1/guarantees/{guarantee_id}")]
pub async fn find_guarantee(call: Call) -> Answer {
    call.show(current_guarantee).await
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current_guarantee(look: &mut Look<'_>) -> Result<GuaranteeView> {
    let id = look.id("guarantee_id")?;
    store::guarantees::find(look.conn, look.tenant, id).map(GuaranteeView::from)
}

/// Release a guarantee
///
/// It was given back, and counts no more. Doing it again changes nothing. It is audited.
#[utoipa::path(operation_id = "releaseGuarantee", tag = "Credit", params(("guarantee_id" = GuaranteeId, Path, description = "The guarantee")), responses((status = 200, description = "Released", body = GuaranteeView)), security(("api_key" = ["credit:write"])))]
#[post("/v1/guarantees/{guarantee_id}/release")]
pub async fn release_guarantee(call: Call) -> Answer {
    let id = call.id("guarantee_id")?;
    call.act(StatusCode::OK, move |act| actions::credit::control::release_guarantee(act, id).map(GuaranteeView::from)).await
}
