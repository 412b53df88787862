//! `/v1/customers`: debtors' records.

use std::collections::HashMap;

use actix_web::{get, http::StatusCode, patch, post, put};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Call,
    call::Answer,
    contacts::ContactView,
    external::{self, KeyPath},
    page::{CountQuery, Page, PageQuery},
    subject::Look,
};
use crate::{
    actions::{
        self,
        put::{IfKnown, Put, only},
    },
    domain::{
        company::Company,
        credit::settings::CreditSettings,
        customer::{Address, CustomerChange, CustomerKind, NewCustomer},
        external::Pairs,
        ids::{CustomerId, PolicyId, TenantId, TermsId},
        ledger::interest::InterestHandling,
        locale::{Jurisdiction, Language},
    },
    error::Result,
    store::{
        self, Conn,
        contacts::Contact,
        customers::{Customer, CustomerSort},
    },
};

/// A debtor, with the people there.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerView {
    /// Always `customer`.
    #[schema(max_length = 20, example = "customer")]
    pub object: &'static str,
    /// The customer's id.
    pub id: CustomerId,
    /// The system that `external_id` comes from.
    #[schema(max_length = 50)]
    pub source: Option<String>,
    /// That system's name for it.
    #[schema(max_length = 200)]
    pub external_id: Option<String>,
    /// The customer number.
    #[schema(max_length = 60)]
    pub number: Option<String>,
    /// The debtor's name.
    #[schema(max_length = 140)]
    pub name: String,
    /// Which law protects it.
    pub kind: CustomerKind,
    /// Where it is.
    pub jurisdiction: Jurisdiction,
    /// Its language; absent means the tenant's.
    pub language: Option<Language>,
    /// IANA zone in which it is contacted; absent means the tenant's.
    #[schema(max_length = 50)]
    pub time_zone: Option<String>,
    /// The creditor's own segment.
    #[schema(max_length = 60)]
    pub segment: Option<String>,
    /// Your own score, 1 (very risky) to 5 (safe), if you gave one; the one that holds is at `/score`.
    #[schema(minimum = 1, maximum = 5)]
    pub score: Option<i32>,
    /// The policy assigned to it, if any.
    pub policy_id: Option<PolicyId>,
    /// What is done about late-payment interest; `null`: the policy decides.
    pub interest: Option<InterestHandling>,
    /// The payment terms assigned to it, if any.
    pub terms_id: Option<TermsId>,
    /// Registration, tax and other numbers.
    pub identifiers: Pairs,
    /// Postal address.
    pub address: Address,
    /// Who a business is.
    pub company: Company,
    /// The creditor's own notes.
    pub metadata: Pairs,
    /// People there, in the order in which they are written to.
    #[schema(max_items = 50)]
    pub contacts: Vec<ContactView>,
    /// What the tenant's checklist wants and the record lacks, by the names of the fields.
    #[schema(max_items = 300, schema_with = missing)]
    pub missing: Vec<String>,
    /// Counts the changes.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// The schema of what a record lacks.
pub(super) fn missing() -> utoipa::openapi::schema::Array {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
    let name = ObjectBuilder::new().schema_type(Type::String).max_length(Some(60)).examples([serde_json::json!("identifiers/vat_id")]);
    let about = "What the tenant's checklist wants and the record lacks, by the names of the fields.";
    ArrayBuilder::new().description(Some(about)).items(name).max_items(Some(300)).build()
}

impl CustomerView {
    fn new(row: Customer, contacts: Vec<Contact>, settings: &CreditSettings) -> Self {
        let (has_email, has_phone) = (contacts.iter().any(|one| one.email.is_some()), contacts.iter().any(|one| one.phone.is_some()));
        Self {
            missing: actions::credit::decisions::missing(settings, &row, has_email, has_phone),
            object: "customer",
            id: row.id,
            source: row.source,
            external_id: row.external_id,
            number: row.number,
            name: row.name,
            kind: row.kind,
            jurisdiction: row.jurisdiction,
            language: row.language,
            time_zone: row.time_zone,
            segment: row.segment,
            score: row.score,
            policy_id: row.policy_id,
            interest: row.interest,
            terms_id: row.terms_id,
            identifiers: row.identifiers.0,
            address: row.address.0,
            company: row.company.0,
            metadata: row.metadata.0,
            contacts: contacts.into_iter().map(ContactView::from).collect(),
            version: row.version,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// Which customers to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CustomerQuery {
    /// The beginning of the name or of the number; capitals do not matter, nor a name's accents.
    #[param(min_length = 1, max_length = 140)]
    pub q: Option<String>,
    /// Only this kind.
    pub kind: Option<CustomerKind>,
    /// Only this segment.
    #[param(max_length = 60)]
    pub segment: Option<String>,
    /// Only this source.
    #[param(max_length = 50)]
    pub source: Option<String>,
    /// Only this external id.
    #[param(max_length = 200)]
    pub external_id: Option<String>,
    /// `true`: only those on the watch list.
    pub watched: Option<bool>,
    /// Only those with an account whose next action is due before this moment.
    pub next_action_before: Option<DateTime<Utc>>,
    /// In which order.
    pub sort: Option<CustomerSort>,
}

impl From<&CustomerQuery> for store::customers::Filter {
    fn from(query: &CustomerQuery) -> Self {
        Self {
            prefix: query.q.clone(),
            kind: query.kind,
            segment: query.segment.clone(),
            source: query.source.clone(),
            external_id: query.external_id.clone(),
            watched: query.watched.unwrap_or(false),
            next_action_before: query.next_action_before,
        }
    }
}

/// Customers as callers see them.
pub(super) fn views(conn: &mut Conn, tenant: TenantId, rows: Vec<Customer>) -> Result<Vec<CustomerView>> {
    let settings = store::tenants::find(conn, tenant)?.settings.0.credit;
    let ids: Vec<CustomerId> = rows.iter().map(|row| row.id).collect();
    let mut people = HashMap::<CustomerId, Vec<Contact>>::new();
    for contact in store::contacts::of_customers(conn, tenant, &ids)? {
        people.entry(contact.customer_id).or_default().push(contact);
    }
    Ok(rows
        .into_iter()
        .map(|row| (people.remove(&row.id).unwrap_or_default(), row))
        .map(|(people, row)| CustomerView::new(row, people, &settings))
        .collect())
}

fn view(conn: &mut Conn, tenant: TenantId, row: Customer) -> Result<CustomerView> {
    let contacts = store::contacts::of_customers(conn, tenant, &[row.id])?;
    let settings = store::tenants::find(conn, tenant)?.settings.0.credit;
    Ok(CustomerView::new(row, contacts, &settings))
}

/// Create a customer
///
/// With the people there. Its jurisdiction is the tenant's unless another is given.
#[utoipa::path(operation_id = "createCustomer", tag = "Customers", request_body = NewCustomer, responses((status = 201, description = "Recorded", body = CustomerView)), security(("api_key" = ["customers:write"])))]
#[post("/v1/customers")]
pub async fn create(call: Call<NewCustomer>) -> Answer {
    let new = call.body.clone();
    call.act(StatusCode::CREATED, move |act| {
        let Put { row, .. } = only(actions::customers::put(act, std::slice::from_ref(&new), IfKnown::Refuse)?)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// List customers
///
/// In the order in which they were recorded, unless `sort` says otherwise.
#[utoipa::path(operation_id = "listCustomers", tag = "Customers", params(PageQuery, CountQuery, CustomerQuery), responses((status = 200, description = "A page", body = Page<CustomerView>)), security(("api_key" = ["customers:read"])))]
#[get("/v1/customers")]
pub async fn list(call: Call<(), CustomerQuery>) -> Answer {
    let (window, name, filter) = (call.window()?, call.sorted_after::<String>()?, (&call.query).into());
    let sort = call.query.sort.unwrap_or(CustomerSort::CreatedAt);
    let (rows, total) = call
        .read(move |conn, tenant| {
            let after = window.after().map(|id| (id, name));
            let rows = store::customers::list(conn, tenant, &filter, sort, after, window.fetch())?;
            let total = window.counts.then(|| store::customers::count(conn, tenant, &filter)).transpose()?;
            Ok((views(conn, tenant, rows)?, total))
        })
        .await?;
    let place = |view: &CustomerView| (view.id.uuid(), sort.is_by_name().then(|| view.name.clone()));
    call.page(window.of(total), rows, place, |view| view).await
}

/// Get a customer
///
/// With the people there.
#[utoipa::path(operation_id = "getCustomer", tag = "Customers", params(("customer_id" = CustomerId, Path, description = "The customer")), responses((status = 200, description = "The customer", body = CustomerView)), security(("api_key" = ["customers:read"])))]
#[get("/v1/customers/{customer_id}")]
pub async fn find(call: Call) -> Answer {
    call.show(current).await
}

/// Those of the ids that are there.
///
/// # Errors
/// The store's.
pub fn of_ids(conn: &mut Conn, tenant: TenantId, ids: &[CustomerId]) -> Result<Vec<CustomerView>> {
    let rows = store::customers::of_ids(conn, tenant, ids)?;
    views(conn, tenant, rows)
}

/// As it is shown.
///
/// # Errors
/// When it is not there.
pub fn current(look: &mut Look<'_>) -> Result<CustomerView> {
    let id = look.id("customer_id")?;
    let row = store::customers::find(look.conn, look.tenant, id)?;
    view(look.conn, look.tenant, row)
}

/// Change a customer
///
/// Absent fields stay as they are. What is not sent yet follows.
#[utoipa::path(operation_id = "updateCustomer", tag = "Customers", params(("customer_id" = CustomerId, Path, description = "The customer")), request_body = CustomerChange, responses((status = 200, description = "As it is now", body = CustomerView)), security(("api_key" = ["customers:write"])))]
#[patch("/v1/customers/{customer_id}")]
pub async fn change(call: Call<CustomerChange>) -> Answer {
    let (id, change) = (call.id("customer_id")?, call.body.clone());
    call.act(StatusCode::OK, move |act| {
        let row = actions::customers::change(act, id, &change)?;
        view(act.conn, act.tenant, row)
    })
    .await
}

/// Get a customer by its external id
///
/// By the name that another system gave it.
#[utoipa::path(operation_id = "getCustomerByExternalId", tag = "Customers", params(("source" = String, Path, description = "The other system", min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9._-]+$"), ("external_id" = String, Path, description = "Its name for the customer", max_length = 200, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]+$")), responses((status = 200, description = "The customer", body = CustomerView)), security(("api_key" = ["customers:read"])))]
#[get("/v1/customers/by-external-id/{source}/{external_id}")]
pub async fn find_by_key(call: Call) -> Answer {
    call.show(current_by_key).await
}

/// As it is shown by its external id.
///
/// # Errors
/// When it is not there.
pub fn current_by_key(look: &mut Look<'_>) -> Result<CustomerView> {
    let key = external::key_in(look)?;
    let row = store::customers::find_by_key(look.conn, look.tenant, &key)?;
    view(look.conn, look.tenant, row)
}

/// Record a customer by its external id
///
/// Creates it, or brings it up to date with what is given. People are recognised by e-mail, else by telephone, else by name; nobody is removed.
#[utoipa::path(operation_id = "putCustomerByExternalId", tag = "Customers", params(("source" = String, Path, description = "The other system", min_length = 1, max_length = 50, pattern = "^[A-Za-z0-9._-]+$"), ("external_id" = String, Path, description = "Its name for the customer", max_length = 200, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]+$")), request_body = NewCustomer, responses((status = 201, description = "Recorded", body = CustomerView), (status = 200, description = "Known, and as it is now", body = CustomerView)), security(("api_key" = ["customers:write"])))]
#[put("/v1/customers/by-external-id/{source}/{external_id}")]
pub async fn put_by_key(call: Call<NewCustomer>, path: KeyPath) -> Answer {
    let key = external::key(&path)?;
    external::same(&key, call.body.source.as_deref(), call.body.external_id.as_deref())?;
    let new = NewCustomer { source: Some(key.source), external_id: Some(key.external_id), ..call.body.clone() };
    call.act_as(move |act| {
        let Put { row, outcome } = only(actions::customers::put(act, std::slice::from_ref(&new), IfKnown::Update)?)?;
        Ok((external::status(outcome), view(act.conn, act.tenant, row)?))
    })
    .await
}
