//! Solvency checks: asked between two transactions, like messages; the answer comes by another way, later.

use chrono::TimeDelta;

use super::{dispatch::present, slots::Slots};
use crate::{
    actions::{
        self,
        credit::solvency::{Asked, Question},
    },
    domain::{credit::request::SolvencyAnswer, ids::TenantId},
    error::Result,
    instance::Instance,
    outbound::providers::solvency::{Inquiry, Taken},
};

/// How long a check that was taken up is left to whoever took it.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// Asks what is to be asked now.
///
/// # Errors
/// The store's; one provider's trouble is its own.
pub(super) async fn batch(instance: &Instance, slots: &Slots, tenant: TenantId) -> Result<()> {
    let questions = slots.act(instance, tenant, |act| actions::credit::solvency::claim(act, LEASE)).await?;
    for question in questions {
        let asked = ask(instance, tenant, &question).await?;
        let id = question.check.id;
        slots.act(instance, tenant, move |act| actions::credit::solvency::finish(act, id, &asked)).await?;
    }
    Ok(())
}

async fn ask(instance: &Instance, tenant: TenantId, question: &Question) -> Result<Asked> {
    let Some(account) = &question.account else { return Ok(Asked::Answered(rehearsed(question))) };
    let provider = match instance.solvency(account) {
        Ok(provider) => provider,
        Err(error) => return Ok(Asked::Refused(error.to_string())),
    };
    let inquiry = Inquiry {
        id: question.check.id,
        name: question.name.clone(),
        country: question.country.clone(),
        identifiers: question.identifiers.clone(),
    };
    let now = present(instance, tenant).await?;
    Ok(match provider.ask(&inquiry, now).await {
        Taken::Yes => Asked::Taken,
        Taken::No(reason) => Asked::Refused(reason),
        Taken::Lost(reason) => Asked::Lost(reason),
    })
}

/// The rehearsal's answer: the last digit of the registration number, kept within 1 to 5; without one, 3. So a test can have any answer it wants.
fn rehearsed(question: &Question) -> SolvencyAnswer {
    let number = question.identifiers.0.get("registration_number");
    let digit = number.and_then(|number| number.chars().last()).and_then(|last| last.to_digit(10));
    SolvencyAnswer {
        rating: digit.and_then(|digit| u8::try_from(digit).ok()).map_or(3, |digit| digit.clamp(1, 5)),
        recommended_limit: None,
        currency: None,
        reference: Some("sandbox".to_owned()),
        summary: None,
    }
}
