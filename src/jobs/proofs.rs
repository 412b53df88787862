//! Proofs of letters: receipts are looked through for documents, and providers asked for those that they announce, between two transactions.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;

use super::{dispatch::present, slots::Slots};
use crate::{
    actions::{
        self,
        proofs::{Proof, Question, Source},
    },
    domain::{delivery::EvidenceGrade, ids::TenantId, provider::ProviderAccountState},
    error::Result,
    instance::Instance,
    outbound::{self, About, Inbound},
    store::{proof_calls::ProofCall, provider_accounts::ProviderAccount},
};

/// Receipts in one turn of a partition: each may hold many megabytes.
const SLICE: i64 = 4;
/// How long a receipt is left to whoever took it up.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// Looks through what is to be looked through now.
///
/// # Errors
/// The store's; one provider's trouble is its own.
pub(super) async fn batch(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<()> {
    let questions = slots.act(instance, tenant, |act| actions::proofs::claim(act, LEASE, SLICE)).await?;
    for question in questions {
        let (call, found, limit) = ask(instance, tenant, question).await?;
        let work = move |act: &mut actions::Act<'_>| actions::proofs::finish(act, &call, &found, limit);
        slots.act(instance, tenant, work).await?;
    }
    Ok(())
}

type Answer = (ProofCall, std::result::Result<Vec<Proof>, String>, EvidenceGrade);

async fn ask(instance: &Instance, tenant: TenantId, question: Question) -> Result<Answer> {
    let Question { call, account, receipt } = question;
    let nothing = |call, why: &str| Ok((call, Err(why.to_owned()), EvidenceGrade::ProviderAccepted));
    if account.state == ProviderAccountState::Disabled {
        return nothing(call, "the provider account is disabled");
    }
    let Ok(provider) = instance.provider(tenant, &account) else {
        return nothing(call, "the provider account cannot be used; check its settings and credentials");
    };
    let now = present(instance, tenant).await?;
    let found = provider.proofs(&inbound(instance, &account, receipt), now).await;
    let grade = provider.capabilities().grade;
    Ok((call, found.map(|proofs| proofs.into_iter().map(proof).collect()), grade))
}

/// The receipt as its adapter reads it. What the rehearsal foretold has no request: the statement stands for it.
fn inbound(instance: &Instance, account: &ProviderAccount, receipt: Source) -> Inbound {
    match receipt {
        Source::Request(request) => {
            let url = instance.receipt_url(account).unwrap_or_default();
            let url = if request.query.is_empty() { url } else { format!("{url}?{}", request.query) };
            Inbound { method: request.method, url, headers: request.headers.0, body: request.body }
        }
        Source::Foretold(receipt) => {
            let body = json!({"message_id": receipt.message_id, "status": receipt.status, "raw_name": receipt.raw_name});
            Inbound { method: "POST".to_owned(), url: String::new(), headers: BTreeMap::new(), body: body.to_string().into_bytes() }
        }
    }
}

fn proof(found: outbound::Proof) -> Proof {
    let (message, provider_message) = match found.about {
        About::Message(id) => (Some(id), None),
        About::ProviderId(name) => (None, Some(name)),
        About::Number(_) => (None, None),
    };
    Proof { message, provider_message, kind: found.kind, media_type: found.media_type.as_str().to_owned(), bytes: found.bytes }
}
