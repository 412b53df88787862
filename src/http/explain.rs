//! Why a customer is or is not contacted: the decision's own reasons, asked without deciding anything.

use actix_web::get;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions,
    domain::{
        dunning::explain::{self, Explanation},
        ids::{CustomerId, InstalmentId, InvoiceId, PolicyId, TenantId},
        money::Currency,
    },
    error::Result,
    store::{self, Conn},
};

/// The policy behind a decision.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyUsed {
    /// Which.
    pub id: PolicyId,
    /// In which version: an account stays on the one under which its reminders began.
    #[schema(minimum = 1)]
    pub version: i32,
    /// Its name.
    #[schema(max_length = 100)]
    pub name: String,
}

/// One account, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountExplanation {
    /// What is owed in this currency.
    pub currency: Currency,
    /// The policy that decides; absent if none fits, which a statement with the rule `no_policy` says.
    pub policy: Option<PolicyUsed>,
    /// What is decided now, and why.
    pub explanation: Explanation,
}

/// A customer, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerExplanation {
    /// Always `customer_explanation`.
    #[schema(max_length = 30, example = "customer_explanation")]
    pub object: &'static str,
    /// Whom it is about.
    pub customer_id: CustomerId,
    /// The tenant's present, for which it holds.
    pub at: DateTime<Utc>,
    /// Each account: one for each currency in which anything was ever owed, or the one asked for.
    #[schema(max_items = 200)]
    pub accounts: Vec<AccountExplanation>,
}

/// An invoice, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvoiceExplanation {
    /// Always `invoice_explanation`.
    #[schema(max_length = 30, example = "invoice_explanation")]
    pub object: &'static str,
    /// What it is about.
    pub invoice_id: InvoiceId,
    /// Who owes it.
    pub customer_id: CustomerId,
    /// The tenant's present, for which it holds.
    pub at: DateTime<Utc>,
    /// The account that it belongs to; of the statements, those about this invoice and those about the account as a whole.
    pub account: AccountExplanation,
}

/// Which account to explain.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// Only the account in this currency.
    pub currency: Option<Currency>,
}

/// An account explained, and its open instalments with their invoices.
fn account(
    conn: &mut Conn,
    tenant: TenantId,
    key: (CustomerId, Currency),
    now: DateTime<Utc>,
) -> Result<(AccountExplanation, Vec<(InvoiceId, InstalmentId)>)> {
    let calendar = store::tenants::find(conn, tenant)?.calendar();
    let row = store::accounts::find(conn, tenant, key.0, key.1)?;
    let loaded = store::facts::load_one(conn, tenant, key, now)?;
    let open = loaded.account.instalments.iter().map(|one| (one.invoice_id, one.id)).collect();
    let (policy, explanation) = match actions::planning::policy_of(conn, tenant, row.as_ref(), &loaded)? {
        Some((id, version, policy)) => {
            let explanation = explain::explain(&loaded.account, &policy, &calendar, now);
            (Some(PolicyUsed { id, version, name: policy.name }), explanation)
        }
        None => (None, explain::without_policy(&loaded.account, &calendar, now)),
    };
    Ok((AccountExplanation { currency: key.1, policy, explanation }, open))
}

/// Explain a customer
///
/// Why it is or is not contacted now, what would be sent next and when, with the rule behind each statement. Computed by the function that decides; nothing is sent.
#[utoipa::path(operation_id = "explainCustomer", tag = "Reminders", params(("customer_id" = CustomerId, Path, description = "The customer"), ExplainQuery), responses((status = 200, description = "The reasons", body = CustomerExplanation)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/customers/{customer_id}/explain")]
pub async fn customer(call: Call<(), ExplainQuery>) -> Answer {
    let customer_id: CustomerId = call.id("customer_id")?;
    let (wall, asked) = (call.wall(), call.query.currency);
    let view = call
        .read(move |conn, tenant| {
            store::customers::find(conn, tenant, customer_id)?;
            let at = actions::present(conn, tenant, wall)?;
            let currencies = match asked {
                Some(currency) => vec![currency],
                None => store::accounts::of_customer(conn, tenant, customer_id)?.into_iter().map(|row| row.currency).collect(),
            };
            let explained = currencies.into_iter().map(|currency| account(conn, tenant, (customer_id, currency), at).map(|(one, _)| one));
            let accounts = explained.collect::<Result<Vec<_>>>()?;
            Ok(CustomerExplanation { object: "customer_explanation", customer_id, at, accounts })
        })
        .await?;
    call.ok(&view)
}

/// Explain an invoice
///
/// As for its customer, with the statements that concern this invoice and those that concern the account as a whole.
#[utoipa::path(operation_id = "explainInvoice", tag = "Reminders", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), responses((status = 200, description = "The reasons", body = InvoiceExplanation)), security(("api_key" = ["reminders:read"])))]
#[get("/v1/invoices/{invoice_id}/explain")]
pub async fn invoice(call: Call) -> Answer {
    let invoice_id: InvoiceId = call.id("invoice_id")?;
    let wall = call.wall();
    let view = call
        .read(move |conn, tenant| {
            let invoice = store::invoices::find(conn, tenant, invoice_id)?;
            let at = actions::present(conn, tenant, wall)?;
            let (whole, open) = account(conn, tenant, (invoice.customer_id, invoice.currency), at)?;
            let open: Vec<InstalmentId> = open.into_iter().filter(|(of, _)| *of == invoice_id).map(|(_, id)| id).collect();
            let explanation = whole.explanation.about(&invoice.number, &open);
            let account = AccountExplanation { explanation, ..whole };
            Ok(InvoiceExplanation { object: "invoice_explanation", invoice_id, customer_id: invoice.customer_id, at, account })
        })
        .await?;
    call.ok(&view)
}
