//! Solvency checks: asked for, carried out by the worker, answered by whoever was asked.
//!
//! A check names its provider when it is asked for, so a change of provider moves no question under way. Asking again after a lost answer is harmless:
//! the check's id goes along each time, and a provider answers a check once. Invariant: only the provider that was asked can answer, and only once.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::{
    actions::{Act, customers},
    domain::{
        credit::request::{NewSolvencyCheck, SolvencyAnswer, SolvencyState},
        external::Pairs,
        ids::{CustomerId, Mode, ProviderAccountId, SolvencyCheckId},
        provider::ProviderAccountState,
    },
    error::{Error, Result},
    store::{self, Ts, provider_accounts::ProviderAccount, solvency::SolvencyCheck},
};

/// The kind of the accounts that are asked.
pub const KIND: &str = "solvency";
/// How often a provider that cannot be reached is tried.
const TRIES: i32 = 8;
/// Checks carried out in one turn.
const BATCH: i64 = 50;

/// Asks for a check of a customer.
///
/// # Errors
/// No such customer; `no_provider` when nobody can be asked.
pub fn request(act: &mut Act<'_>, customer: CustomerId, new: &NewSolvencyCheck) -> Result<SolvencyCheck> {
    store::customers::find(act.conn, act.tenant, customer)?;
    let account = provider(act)?;
    let row = SolvencyCheck {
        tenant_id: act.tenant,
        id: SolvencyCheckId::new(act.wall),
        customer_id: customer,
        provider_account_id: account,
        state: SolvencyState::Requested,
        reason: new.reason.clone(),
        attempts: 0,
        next_attempt_at: Some(Ts(act.now)),
        rating: None,
        recommended_minor: None,
        currency: None,
        reference: None,
        summary: None,
        failure: None,
        requested_at: Ts(act.now),
        answered_at: None,
    };
    store::solvency::insert(act.conn, &row)?;
    act.witness("solvency.requested", row.id, json!({"customer_id": customer, "provider_account_id": account}));
    Ok(row)
}

/// Whom to ask: the first account of its kind in use; in a rehearsal nobody, who answers at once.
fn provider(act: &mut Act<'_>) -> Result<Option<ProviderAccountId>> {
    if act.tenant.mode() == Mode::Test {
        return Ok(None);
    }
    match store::provider_accounts::of_kind(act.conn, act.tenant, KIND)? {
        Some(account) => Ok(Some(account.id)),
        None => Err(Error::conflict("no_provider", "no provider account of kind solvency is in use; make one first")),
    }
}

/// A check to be carried out now.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which.
    pub check: SolvencyCheck,
    /// Whom to ask; nobody in a rehearsal.
    pub account: Option<ProviderAccount>,
    /// About whom: its name.
    pub name: String,
    /// In which country.
    pub country: String,
    /// Its registration, tax and other numbers.
    pub identifiers: Pairs,
}

/// Takes the checks that are to be carried out now; whoever is lost with them leaves them to others after `lease`.
///
/// # Errors
/// The store's.
pub fn claim(act: &mut Act<'_>, lease: TimeDelta) -> Result<Vec<Question>> {
    let mut questions = Vec::new();
    for check in store::solvency::claim(act.conn, act.tenant, act.now, act.now + lease, BATCH)? {
        let customer = store::customers::find(act.conn, act.tenant, check.customer_id)?;
        let account = match check.provider_account_id {
            Some(id) => Some(store::provider_accounts::find(act.conn, act.tenant, id)?),
            None => None,
        };
        if account.as_ref().is_some_and(|account| account.state == ProviderAccountState::Disabled) {
            fail(act, check, "the provider account is out of use")?;
            continue;
        }
        let country = customer.jurisdiction.country().to_owned();
        questions.push(Question { check, account, name: customer.name, country, identifiers: customer.identifiers.0 });
    }
    Ok(questions)
}

/// How a question was taken.
#[derive(Debug, Clone)]
pub enum Asked {
    /// The provider took it and will answer.
    Taken,
    /// It answered at once.
    Answered(SolvencyAnswer),
    /// It refused.
    Refused(String),
    /// It could not be reached, or did not say whether it took it.
    Lost(String),
}

/// Writes how a question was taken.
///
/// # Errors
/// The store's.
pub fn finish(act: &mut Act<'_>, id: SolvencyCheckId, asked: &Asked) -> Result<()> {
    let check = store::solvency::find(act.conn, act.tenant, id)?;
    if check.state != SolvencyState::Requested {
        return Ok(());
    }
    match asked {
        Asked::Taken => store::solvency::update(act.conn, &SolvencyCheck { next_attempt_at: None, failure: None, ..check }),
        Asked::Answered(answer) => write(act, check, answer),
        Asked::Refused(why) => fail(act, check, why),
        Asked::Lost(why) if check.attempts >= TRIES => fail(act, check, why),
        Asked::Lost(why) => {
            // A minute, two, four, …: two hours in all.
            let pause = TimeDelta::minutes(1_i64.checked_shl(u32::try_from(check.attempts).unwrap_or(0)).unwrap_or(60));
            let row = SolvencyCheck { next_attempt_at: Some(Ts(act.now + pause)), failure: Some(why.clone()), ..check };
            store::solvency::update(act.conn, &row)
        }
    }
}

fn fail(act: &mut Act<'_>, check: SolvencyCheck, why: &str) -> Result<()> {
    let row = SolvencyCheck { state: SolvencyState::Failed, next_attempt_at: None, failure: Some(why.to_owned()), ..check };
    store::solvency::update(act.conn, &row)?;
    act.witness("solvency.failed", row.id, json!({"customer_id": row.customer_id}));
    Ok(())
}

/// A provider's verified answer. One about a check that it was not asked, or that is answered already, changes nothing.
///
/// # Errors
/// The store's.
pub fn answer(act: &mut Act<'_>, from: ProviderAccountId, id: SolvencyCheckId, answer: &SolvencyAnswer) -> Result<()> {
    let check = match store::solvency::find(act.conn, act.tenant, id) {
        Ok(check) => check,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    if check.provider_account_id != Some(from) || check.state == SolvencyState::Answered {
        return Ok(());
    }
    write(act, check, answer)
}

fn write(act: &mut Act<'_>, check: SolvencyCheck, answer: &SolvencyAnswer) -> Result<()> {
    let answered_at: DateTime<Utc> = act.now;
    let row = SolvencyCheck {
        state: SolvencyState::Answered,
        next_attempt_at: None,
        rating: Some(i32::from(answer.rating.clamp(1, 5))),
        recommended_minor: answer.recommended_limit.filter(|_| answer.currency.is_some()),
        currency: answer.currency,
        reference: answer.reference.clone(),
        summary: answer.summary.clone(),
        failure: None,
        answered_at: Some(Ts(answered_at)),
        ..check
    };
    store::solvency::update(act.conn, &row)?;
    let body = json!({"customer_id": row.customer_id, "rating": row.rating, "recommended_limit": row.recommended_minor, "currency": row.currency,
        "reference": row.reference});
    act.witness("solvency.answered", row.id, body);
    customers::touch(act, row.customer_id)
}
