//! `/v1/invoices/{id}/interest` and `/v1/customers/{id}/interest`: what late payment has come to, line by line; what is charged of it, and what
//! is given up.

use std::collections::BTreeMap;

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions::{self, interest::Assessed},
    domain::{
        calendar::local,
        ids::{ChargeId, CustomerId, InvoiceId, TenantId},
        invalid::Faults,
        ledger::interest::{
            ChargeBasis, ChargeKind, FixedSum, Imputation, InterestHandling, InterestLine, LateInterest, NewCharge, NewWaiver, Owed,
        },
        locale::Jurisdiction,
        money::Currency,
    },
    error::Result,
    store::{self, Conn, charges::Charge, tenants::Tenant},
};

/// How far ahead interest is computed.
const AHEAD: Months = Months::new(12);

/// Up to which day.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InterestQuery {
    /// The last day that is computed, at most a year from now; today if absent.
    pub until: Option<NaiveDate>,
}

/// Interest or fixed sums in figures, in minor units.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct OwedView {
    /// What has accrued since the first day late.
    #[schema(minimum = 0)]
    pub accrued: i64,
    /// What of that was charged or waived.
    #[schema(minimum = 0)]
    pub charged: i64,
    /// What has accrued and is neither charged nor waived.
    #[schema(minimum = 0)]
    pub uncharged: i64,
    /// What is left to pay of charges.
    #[schema(minimum = 0)]
    pub balance: i64,
    /// What is owed: `uncharged` and `balance`.
    #[schema(minimum = 0)]
    pub owed: i64,
}

impl OwedView {
    fn of(accrued: i64, owed: Owed) -> Self {
        Self { accrued, charged: owed.charged, uncharged: owed.uncharged, balance: owed.balance, owed: owed.total() }
    }

    fn add(&mut self, other: &Self) {
        self.accrued = self.accrued.saturating_add(other.accrued);
        self.charged = self.charged.saturating_add(other.charged);
        self.uncharged = self.uncharged.saturating_add(other.uncharged);
        self.balance = self.balance.saturating_add(other.balance);
        self.owed = self.owed.saturating_add(other.owed);
    }
}

/// Interest, or a fixed sum, claimed in a figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChargeView {
    /// Always `charge`.
    #[schema(max_length = 20, example = "charge")]
    pub object: &'static str,
    /// The charge's id.
    pub id: ChargeId,
    /// On which invoice.
    pub invoice_id: InvoiceId,
    /// What it claims.
    pub kind: ChargeKind,
    /// Of all its amounts.
    pub currency: Currency,
    /// The last day that it covers.
    pub accrued_until: NaiveDate,
    /// In minor units.
    #[schema(minimum = 0)]
    pub amount: i64,
    /// What is left to pay, in minor units.
    #[schema(minimum = 0)]
    pub balance: i64,
    /// What was given up, in minor units.
    #[schema(minimum = 0)]
    pub waived: i64,
    /// Why it was given up.
    #[schema(max_length = 300)]
    pub reason: Option<String>,
    /// The computation as it was.
    pub computation: ChargeBasis,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Charge> for ChargeView {
    fn from(row: Charge) -> Self {
        Self {
            object: "charge",
            id: row.id,
            invoice_id: row.invoice_id,
            kind: row.kind,
            currency: row.currency,
            accrued_until: row.accrued_until,
            amount: row.amount_minor,
            balance: row.balance_minor,
            waived: row.waived_minor,
            reason: row.reason,
            computation: row.computation.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        }
    }
}

/// Charges of one invoice.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChargesView {
    /// Always `charges`.
    #[schema(max_length = 20, example = "charges")]
    pub object: &'static str,
    /// Interest, then the fixed sum.
    #[schema(max_items = 1000)]
    pub charges: Vec<ChargeView>,
}

impl From<Vec<Charge>> for ChargesView {
    fn from(rows: Vec<Charge>) -> Self {
        Self { object: "charges", charges: rows.into_iter().map(ChargeView::from).collect() }
    }
}

/// What an invoice's late payment has come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterestView {
    /// Always `interest`.
    #[schema(max_length = 20, example = "interest")]
    pub object: &'static str,
    /// On which invoice.
    pub invoice_id: InvoiceId,
    /// Its number.
    #[schema(max_length = 60)]
    pub number: String,
    /// Of all amounts.
    pub currency: Currency,
    /// The last day that is computed.
    pub until: NaiveDate,
    /// What the invoice says about interest.
    pub late_interest: LateInterest,
    /// What it says about the fixed sum.
    pub fixed_sum_clause: FixedSum,
    /// Whose law was applied.
    pub law: Jurisdiction,
    /// The row of the table of rules that was applied; `null` where it has none for such a debtor, and the law gives nothing.
    #[schema(max_length = 40, example = "fr.business")]
    pub rule: Option<&'static str>,
    /// Where that rule was read.
    #[schema(max_items = 10)]
    pub sources: Vec<Source>,
    /// What a payment settles first.
    pub imputation: Imputation,
    /// What the creditor decided for this customer, if anything.
    pub handling: Option<InterestHandling>,
    /// The interest, line by line.
    #[schema(max_items = 10_000)]
    pub lines: Vec<InterestLine>,
    /// Interest in figures.
    pub interest: OwedView,
    /// The fixed sum in figures.
    pub fixed_sum: OwedView,
    /// Whether a figure rests on a rate that is not published yet.
    pub provisional: bool,
    /// What was charged or waived.
    #[schema(max_items = 1000)]
    pub charges: Vec<ChargeView>,
}

/// Where something was read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = RuleSource, max_length = 300)]
pub struct Source(pub &'static str);

impl From<Assessed> for InterestView {
    fn from(one: Assessed) -> Self {
        let Assessed { debt, computation, interest, fixed_sum } = one;
        let first = computation.rule.is_some_and(|rule| rule.interest_first);
        Self {
            object: "interest",
            invoice_id: debt.invoice_id,
            number: debt.number,
            currency: debt.currency,
            until: computation.until,
            late_interest: debt.late_interest,
            fixed_sum_clause: debt.fixed_sum,
            law: computation.law,
            rule: computation.rule.map(|rule| rule.name),
            sources: computation.rule.iter().flat_map(|rule| rule.sources).map(|source| Source(source)).collect(),
            imputation: if first { Imputation::InterestFirst } else { Imputation::PrincipalFirst },
            handling: debt.handling,
            lines: computation.lines.iter().map(InterestLine::from).collect(),
            interest: OwedView::of(computation.interest.minor, interest),
            fixed_sum: OwedView::of(computation.fixed_sum.map_or(0, |sum| sum.minor), fixed_sum),
            provisional: computation.provisional,
            charges: debt.charges.into_iter().map(ChargeView::from).collect(),
        }
    }
}

/// What a customer's late payments have come to, by currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomerInterestView {
    /// Always `customer_interest`.
    #[schema(max_length = 20, example = "customer_interest")]
    pub object: &'static str,
    /// Whose.
    pub customer_id: CustomerId,
    /// The last day that is computed.
    pub until: NaiveDate,
    /// One entry for each currency.
    #[schema(max_items = 200)]
    pub currencies: Vec<CurrencyInterestView>,
}

/// What late payments in one currency have come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrencyInterestView {
    /// Which currency.
    pub currency: Currency,
    /// Interest in figures.
    pub interest: OwedView,
    /// Fixed sums in figures.
    pub fixed_sum: OwedView,
    /// Whether a figure rests on a rate that is not published yet.
    pub provisional: bool,
    /// Every invoice that has something left to pay, of the principal or of charges.
    #[schema(max_items = 100_000)]
    pub invoices: Vec<InterestView>,
}

/// The creditor, and the day up to which to compute.
fn when(conn: &mut Conn, tenant: TenantId, wall: DateTime<Utc>, until: Option<NaiveDate>) -> Result<(Tenant, NaiveDate)> {
    let own = store::tenants::find(conn, tenant)?;
    let today = local::date(own.zone(), actions::present(conn, tenant, wall)?);
    let until = until.unwrap_or(today);
    if today.checked_add_months(AHEAD).is_none_or(|latest| until > latest) {
        return Err(Faults::one("?until", "out_of_range", "at most a year from now").into());
    }
    Ok((own, until))
}

/// Get an invoice's interest
///
/// What late payment has come to, line by line: each with its days, its rate and where that was read. Computed at the moment of asking; nothing is charged.
/// Interest is split at payments, credit notes and rate changes, as the law that applies has it.
#[utoipa::path(operation_id = "getInvoiceInterest", tag = "Interest", params(("invoice_id" = InvoiceId, Path, description = "The invoice"), InterestQuery), responses((status = 200, description = "The computation", body = InterestView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/invoices/{invoice_id}/interest")]
pub async fn of_invoice(call: Call<(), InterestQuery>) -> Answer {
    let (id, until, wall) = (call.id("invoice_id")?, call.query.until, call.wall());
    let found = call
        .read(move |conn, tenant| {
            let (own, until) = when(conn, tenant, wall, until)?;
            actions::interest::assess_one(conn, &own, id, until).map(InterestView::from)
        })
        .await?;
    call.ok(&found)
}

/// Get a customer's interest
///
/// As for each of its invoices that has something left to pay, and summed by currency.
#[utoipa::path(operation_id = "getCustomerInterest", tag = "Interest", params(("customer_id" = CustomerId, Path, description = "The customer"), InterestQuery), responses((status = 200, description = "The computations", body = CustomerInterestView)), security(("api_key" = ["invoices:read"])))]
#[get("/v1/customers/{customer_id}/interest")]
pub async fn of_customer(call: Call<(), InterestQuery>) -> Answer {
    let (customer_id, until, wall): (CustomerId, _, _) = (call.id("customer_id")?, call.query.until, call.wall());
    let found = call
        .read(move |conn, tenant| {
            store::customers::find(conn, tenant, customer_id)?;
            let (own, until) = when(conn, tenant, wall, until)?;
            let open = store::interest::open_invoices(conn, tenant, customer_id)?;
            let mut assessed = actions::interest::assess(conn, &own, &open, until)?;
            assessed.sort_by_key(|one| one.debt.invoice_id);
            Ok(CustomerInterestView { object: "customer_interest", customer_id, until, currencies: by_currency(assessed) })
        })
        .await?;
    call.ok(&found)
}

fn by_currency(assessed: Vec<Assessed>) -> Vec<CurrencyInterestView> {
    let mut currencies = BTreeMap::<Currency, CurrencyInterestView>::new();
    for one in assessed {
        let view = InterestView::from(one);
        let sum = currencies.entry(view.currency).or_insert_with(|| CurrencyInterestView {
            currency: view.currency,
            interest: OwedView::default(),
            fixed_sum: OwedView::default(),
            provisional: false,
            invoices: Vec::new(),
        });
        sum.interest.add(&view.interest);
        sum.fixed_sum.add(&view.fixed_sum);
        sum.provisional |= view.provisional;
        sum.invoices.push(view);
    }
    currencies.into_values().collect()
}

/// Charge an invoice's interest
///
/// Turns what has accrued of interest and fixed sum, and was not charged before, into charges that can be claimed and paid. Payments settle the
/// principal first, unless the law has it the other way round: see `imputation`. A figure that rests on a rate not published yet is refused unless it is accepted.
#[utoipa::path(operation_id = "chargeInterest", tag = "Interest", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), request_body = NewCharge, responses((status = 201, description = "Charged", body = ChargesView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/invoices/{invoice_id}/interest-charges")]
pub async fn charge(call: Call<NewCharge>) -> Answer {
    let (id, new) = (call.id("invoice_id")?, call.body.clone());
    call.act(StatusCode::CREATED, move |act| actions::interest::charge(act, id, &new).map(ChargesView::from)).await
}

/// Waive an invoice's interest
///
/// Gives up what is left of its charges, and what has accrued of interest and fixed sum without being charged. What accrues afterwards is not waived; to hold it back, set the
/// customer's `interest` to `never`.
#[utoipa::path(operation_id = "waiveInterest", tag = "Interest", params(("invoice_id" = InvoiceId, Path, description = "The invoice")), request_body = NewWaiver, responses((status = 201, description = "Waived", body = ChargesView)), security(("api_key" = ["invoices:write"])))]
#[post("/v1/invoices/{invoice_id}/interest-waivers")]
pub async fn waive(call: Call<NewWaiver>) -> Answer {
    let (id, new) = (call.id("invoice_id")?, call.body.clone());
    call.act(StatusCode::CREATED, move |act| actions::interest::waive(act, id, &new).map(ChargesView::from)).await
}
