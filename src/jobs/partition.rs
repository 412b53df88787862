//! One partition's turn: send what is prepared and what falls due, apply what was reported.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::mpsc;

use super::{
    clock,
    dispatch::{self, Slice},
    lookups, proofs,
    slots::Slots,
    solvency,
};
use crate::{
    actions,
    domain::{
        delivery::EvidenceGrade,
        ids::{Mode, TenantId},
    },
    error::Result,
    instance::Instance,
    outbound::registry::{self, ProviderKind},
    store::{self, provider_accounts::ProviderAccount},
};

/// Statements applied in one transaction.
const RECEIPTS: i64 = 500;
/// Invoices told of in one transaction.
const OVERDUE: i64 = 500;

/// How a turn went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There was something to do, and there may be more.
    Busy,
    /// Nothing to do before this moment, as far as is known.
    Idle(Option<DateTime<Utc>>),
}

/// Does one slice of each kind of work, at the partition's present. A test partition whose clock is to advance goes on to the next moment
/// when this one has nothing left.
///
/// # Errors
/// The store's; whatever was committed before stands.
pub async fn turn(instance: &Instance, tenant: TenantId) -> Result<Turn> {
    let mut found = None;
    let called = whole(instance, &Slots::default(), tenant, |outcome| found = Some(outcome)).await;
    let turn = found.unwrap_or(Ok(Turn::Idle(None)))?;
    called.map(|()| turn)
}

/// A turn, and the calls that come of it. `over` is told how the turn went as soon as the next one may begin, which is before the calls have ended: but not in a
/// test partition, whose clock must not move on while anything is under way.
///
/// # Errors
/// The store's, when results could not be written.
pub(super) async fn whole(instance: &Instance, slots: &Slots, tenant: TenantId, over: impl FnOnce(Result<Turn>)) -> Result<()> {
    let (give, mut given) = mpsc::unbounded_channel();
    let working = async move {
        let turn = work(instance, slots, tenant, &|slice| drop(give.send(slice))).await;
        // Nothing more is given.
        drop(give);
        match tenant.mode() {
            Mode::Live => {
                over(turn);
                None
            }
            Mode::Test => Some((turn, over)),
        }
    };
    let calling = async {
        let (mut calls, mut outcome) = (FuturesUnordered::new(), Ok(()));
        loop {
            tokio::select! {
                Some(slice) = given.recv() => calls.push(dispatch::send(instance, slots, tenant, slice)),
                Some(sent) = calls.next(), if !calls.is_empty() => outcome = outcome.and(sent),
                else => return outcome,
            }
        }
    };
    let (left, outcome) = tokio::join!(working, calling);
    if let Some((turn, over)) = left {
        over(turn);
    }
    outcome
}

async fn work(instance: &Instance, slots: &Slots, tenant: TenantId, give: &impl Fn(Slice)) -> Result<Turn> {
    let wall = instance.clock.now();
    let agenda = slots.read(instance, tenant, move |conn| Agenda::read(conn, tenant, wall)).await?;
    if !agenda.is_due() {
        let advanced = tenant.mode() == Mode::Test && clock::step(instance, tenant).await?;
        return Ok(if advanced { Turn::Busy } else { Turn::Idle(agenda.next) });
    }
    dispatch::batch(instance, slots, tenant, give).await?;
    if agenda.overdue {
        slots.act(instance, tenant, |act| actions::overdue::tell(act, OVERDUE)).await?;
    }
    if agenda.asks {
        solvency::batch(instance, slots, tenant).await?;
    }
    if agenda.doubts {
        lookups::batch(instance, slots, tenant).await?;
    }
    if agenda.orphaned {
        dispatch::recover(instance, slots, tenant).await?;
    }
    if agenda.proofs {
        proofs::batch(instance, slots, tenant).await?;
    }
    let grade = move |account: &ProviderAccount| most_proved(tenant.mode(), account);
    slots.act(instance, tenant, move |act| actions::receipts::apply_due(act, grade, RECEIPTS)).await?;
    Ok(Turn::Busy)
}

/// The most that an account's receipts prove. The rehearsal's accounts are all the sandbox, whatever their kind.
fn most_proved(mode: Mode, account: &ProviderAccount) -> EvidenceGrade {
    match mode {
        Mode::Test => registry::capabilities(ProviderKind::Sandbox).grade,
        Mode::Live => account.kind.parse().map_or(EvidenceGrade::ProviderAccepted, |kind| registry::capabilities(kind).grade),
    }
}

/// What a look without any lock finds: most turns of most partitions end with it.
struct Agenda {
    now: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
    orphaned: bool,
    overdue: bool,
    asks: bool,
    doubts: bool,
    proofs: bool,
}

impl Agenda {
    fn read(conn: &mut store::Conn, tenant: TenantId, wall: DateTime<Utc>) -> Result<Self> {
        let now = actions::present(conn, tenant, wall)?;
        let orphaned = store::messages::any_orphans(conn, tenant)?;
        let overdue = actions::overdue::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        let asks = store::solvency::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        let doubts = store::lookups::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        let proofs = store::proof_calls::next_due(conn, tenant)?.is_some_and(|at| at <= now);
        Ok(Self { now, next: next_moment(conn, tenant)?, orphaned, overdue, asks, doubts, proofs })
    }

    fn is_due(&self) -> bool {
        self.orphaned || self.next.is_some_and(|next| next <= self.now)
    }
}

/// The earliest moment at which anything of the partition falls due.
pub(super) fn next_moment(conn: &mut store::Conn, tenant: TenantId) -> Result<Option<DateTime<Utc>>> {
    let moments = [
        store::accounts::next_due(conn, tenant)?,
        actions::overdue::next_due(conn, tenant)?,
        store::messages::next_due(conn, tenant)?,
        store::receipts::next_due(conn, tenant)?,
        store::solvency::next_due(conn, tenant)?,
        store::lookups::next_due(conn, tenant)?,
        store::proof_calls::next_due(conn, tenant)?,
    ];
    Ok(moments.into_iter().flatten().min())
}
