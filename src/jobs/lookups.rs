//! Look-ups: providers are asked between two transactions, within the rate that their accounts bear, what became of messages in doubt.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::{StreamExt, stream};

use super::{
    dispatch::{limits, present},
    slots::Slots,
};
use crate::{
    actions::{
        self,
        lookups::{Found, Question},
        receipts::Statement,
    },
    domain::{
        ids::{MessageId, Mode, TenantId},
        provider::ProviderAccountState,
    },
    error::Result,
    instance::Instance,
    outbound::{self, Report, Sought, registry},
    store::lookups::Lookup,
};

/// Questions in one turn of a partition.
const SLICE: i64 = 50;
/// Questions under way at once.
const CALLS: usize = 8;
/// How long a question is left to whoever took it up.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// How long a turn may wait for the accounts' rates: whatever does not get its turn is asked later.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks what is to be asked now.
///
/// # Errors
/// The store's; one provider's trouble is its own.
pub(super) async fn batch(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<()> {
    let questions = slots.act(instance, tenant, |act| actions::lookups::claim(act, LEASE, SLICE)).await?;
    if questions.is_empty() {
        return Ok(());
    }
    let last = Instant::now() + PATIENCE;
    let calls = questions.into_iter().map(|question| ask(instance, tenant, question, last));
    let answers: Vec<Result<(Lookup, Found)>> = stream::iter(calls).buffer_unordered(CALLS).collect().await;
    let answers = answers.into_iter().collect::<Result<Vec<_>>>()?;
    let work =
        move |act: &mut actions::Act<'_>| answers.iter().try_for_each(|(lookup, found)| actions::lookups::finish(act, lookup, found));
    slots.act(instance, tenant, work).await
}

async fn ask(instance: &Instance, tenant: TenantId, question: Question, last: Instant) -> Result<(Lookup, Found)> {
    let Question { lookup, account, provider_id, sent_at } = question;
    let offered = account.kind.parse().is_ok_and(|kind| registry::capabilities(kind).lookup);
    // The rehearsal's accounts are all the sandbox, whatever their kind.
    if !offered || tenant.mode() == Mode::Test {
        return Ok((lookup, Found::NotOffered));
    }
    let failed = |why: &str| Found::Failed(why.to_owned());
    if account.state == ProviderAccountState::Disabled {
        return Ok((lookup, failed("the provider account is disabled")));
    }
    let Ok(provider) = instance.provider(tenant, &account) else {
        return Ok((lookup, failed("the provider account cannot be used; check its settings and credentials")));
    };
    let now = present(instance, tenant).await?;
    let name = (tenant, account.id);
    if instance.providers.health(name, now).paused_until.is_some() {
        return Ok((lookup, failed("the provider account is paused")));
    }
    let Some(_leave) = instance.providers.pace(name, limits(&account)).turn(last).await else {
        return Ok((lookup, failed("the account's rate left no room for the question")));
    };
    let sought = Sought { message_id: lookup.message_id, provider_id, sent_at };
    let found = match provider.look_up(&sought, now).await {
        outbound::Found::Taken { provider_id, reports } => {
            let statements = reports.into_iter().map(|report| statement(lookup.message_id, report)).collect();
            Found::Taken { provider_id, statements }
        }
        outbound::Found::Absent => Found::Absent,
        outbound::Found::Failed(why) => Found::Failed(why),
        outbound::Found::NotOffered => Found::NotOffered,
    };
    Ok((lookup, found))
}

/// What was found about a message is about this message, by whatever name the provider calls it.
fn statement(message: MessageId, report: Report) -> Statement {
    let Report { status, at, dedupe, raw_name, detail, .. } = report;
    Statement { message: Some(message), provider_message: None, address: None, status, at, dedupe, raw_name, detail }
}
