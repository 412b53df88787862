//! `/v1/allocations`: what a payment or a credit note settles; and the lists' filters that both share.

use std::collections::HashMap;

use actix_web::{delete, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Call, call::Answer};
use crate::{
    actions,
    domain::{
        ids::{AllocationId, ChargeId, CustomerId, InstalmentId, InvoiceId, TenantId},
        ledger::settlement::{SettlementId, SettlementKind},
        money::Currency,
    },
    error::Result,
    store::{
        self, Conn,
        allocations::Allocation,
        charges::ChargeAllocation,
        settlements::{Settlement, SettlementSort},
    },
};

/// An amount and the instalment that it settles.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllocationView {
    /// Always `allocation`.
    #[schema(max_length = 20, example = "allocation")]
    pub object: &'static str,
    /// The allocation's id.
    pub id: AllocationId,
    /// Of which invoice.
    pub invoice_id: InvoiceId,
    /// Which instalment.
    pub instalment_id: InstalmentId,
    /// In minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl From<Allocation> for AllocationView {
    fn from(row: Allocation) -> Self {
        Self {
            object: "allocation",
            id: row.id,
            invoice_id: row.invoice_id,
            instalment_id: row.instalment_id,
            amount: row.amount_minor,
            created_at: row.created_at.0,
        }
    }
}

/// An amount and the charge of interest or of a fixed sum that it settles.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChargeAllocationView {
    /// Always `charge_allocation`.
    #[schema(max_length = 20, example = "charge_allocation")]
    pub object: &'static str,
    /// Which charge.
    pub charge_id: ChargeId,
    /// In minor units.
    #[schema(minimum = 1)]
    pub amount: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl From<ChargeAllocation> for ChargeAllocationView {
    fn from(row: ChargeAllocation) -> Self {
        Self { object: "charge_allocation", charge_id: row.charge_id, amount: row.amount_minor, created_at: row.created_at.0 }
    }
}

/// Which payments or credit notes to list.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SettlementQuery {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only in this currency.
    pub currency: Option<Currency>,
    /// Only those with (`true`) or without (`false`) something left to allocate.
    pub unallocated: Option<bool>,
    /// In which order.
    pub sort: Option<SettlementSort>,
}

impl From<&SettlementQuery> for store::settlements::Filter {
    fn from(query: &SettlementQuery) -> Self {
        Self { customer_id: query.customer_id, currency: query.currency, unallocated: query.unallocated }
    }
}

/// A page of payments or of credit notes.
///
/// # Errors
/// The store's; a cursor that was not made for the list.
pub async fn page<View: Serialize>(call: &Call<(), SettlementQuery>, kind: SettlementKind, view: impl Fn(Whole) -> View) -> Answer {
    let (window, key, filter) = (call.window()?, call.sorted_after()?, (&call.query).into());
    let sort = call.query.sort.unwrap_or(SettlementSort::CreatedAt);
    let (rows, total) = call
        .read(move |conn, tenant| {
            let after = window.after().map(|id| (id, key));
            let rows = store::settlements::list(conn, tenant, kind, &filter, (sort, after), window.fetch())?;
            let total = window.counts.then(|| store::settlements::count(conn, tenant, kind, &filter)).transpose()?;
            Ok((with_allocations(conn, tenant, rows)?, total))
        })
        .await?;
    let place = |(row, ..): &Whole| (row.id.uuid(), sort.key(row).map(|key| key.to_string()));
    call.page(window.of(total), rows, place, view).await
}

/// A settlement and what it settles.
pub type Whole = (Settlement, Vec<Allocation>, Vec<ChargeAllocation>);

/// Settlements with what they settle.
pub(super) fn with_allocations(conn: &mut Conn, tenant: TenantId, rows: Vec<Settlement>) -> Result<Vec<Whole>> {
    let ids: Vec<SettlementId> = rows.iter().map(|row| row.id).collect();
    let mut allocations = HashMap::<SettlementId, Vec<Allocation>>::new();
    for one in store::allocations::of_settlements(conn, tenant, &ids)? {
        allocations.entry(one.settlement_id).or_default().push(one);
    }
    let mut charges = HashMap::<SettlementId, Vec<ChargeAllocation>>::new();
    for one in store::charges::allocations_of(conn, tenant, &ids)? {
        charges.entry(one.settlement_id).or_default().push(one);
    }
    let whole = |row: Settlement| {
        let own = (allocations.remove(&row.id).unwrap_or_default(), charges.remove(&row.id).unwrap_or_default());
        (row, own.0, own.1)
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// One settlement with what it settles.
pub fn whole(conn: &mut Conn, tenant: TenantId, row: Settlement) -> Result<Whole> {
    let allocations = store::allocations::of_settlements(conn, tenant, &[row.id])?;
    let charges = store::charges::allocations_of(conn, tenant, &[row.id])?;
    Ok((row, allocations, charges))
}

/// Delete an allocation
///
/// Its instalment is open again, and its amount is left to allocate.
#[utoipa::path(operation_id = "deleteAllocation", tag = "Payments", params(("allocation_id" = AllocationId, Path, description = "The allocation to reverse")), responses((status = 200, description = "Reversed; as it was", body = AllocationView)), security(("api_key" = ["payments:write"])))]
#[delete("/v1/allocations/{allocation_id}")]
pub async fn remove(call: Call) -> Answer {
    let id = call.id("allocation_id")?;
    call.act(StatusCode::OK, move |act| actions::settlements::reverse(act, id).map(|(_, one)| AllocationView::from(one))).await
}
